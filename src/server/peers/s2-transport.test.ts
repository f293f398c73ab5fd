import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type FrameHandler, Framer, LEAVE, NO_PAYLOAD } from "../../protocol/framer.js";
import { S2_IDENTIFIER } from "../../protocol/s2-chunks.js";
import { S2Error } from "../../protocol/s2-error.js";
import { S2Reader } from "../../protocol/s2-reader.js";
import { type S2Mode, S2Writer } from "../../protocol/s2-writer.js";
import type { Transport, TransportHandler } from "../../runtime/network.js";
import { PIPE_CAPACITY_BYTES, transportPair } from "../../runtime/pipe.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { S2Transport } from "./s2-transport.js";

const NOTHING = Buffer.alloc(0);

/** Notes what it is told. */
class Owner implements TransportHandler {
  readonly told: string[] = [];
  /** Called with each piece of input, before anything else. */
  onText: (text: string) => void = () => {};

  onData(chunk: Buffer, start: number, end: number): void {
    const text = chunk.toString("latin1", start, end);
    this.told.push(text);
    this.onText(text);
  }
  onDrain(): void {
    this.told.push("(drain)");
  }
  onEnd(): void {
    this.told.push("(end)");
  }
  onClose(error?: Error): void {
    this.told.push(error === undefined ? "(close)" : `(close ${(error as S2Error).code})`);
  }
}

/** An S2Transport with its owner, and at the other end a plain one. */
function halfWrapped() {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [inner, other] = transportPair(clock);
  const transport = new S2Transport(inner, clock);
  const [owner, peer] = [new Owner(), new Owner()];
  transport.start(owner);
  other.start(peer);
  const idle = (): Promise<void> => clock.runUntilIdle();
  return { clock, transport, owner, other, peer, idle };
}

function framed(...texts: string[]): Buffer {
  const writer = new S2Writer("s2_uncompressed");
  return Buffer.concat(texts.flatMap((text) => writer.frame([Buffer.from(text, "latin1")])));
}

function decoded(stream: string): string {
  let text = "";
  const bytes = Buffer.from(stream, "latin1");
  const reader = new S2Reader((buffer, start, end) => {
    text += buffer.toString("latin1", start, end);
    return true;
  });
  reader.feed(bytes, 0, bytes.length);
  return text;
}

const write = (transport: Transport, text: string): void => transport.write([Buffer.from(text, "latin1")]);

test("until it compresses it is the transport below", async () => {
  const { transport, owner, other, peer, idle } = halfWrapped();
  write(transport, "one");
  write(other, "two");
  await idle();
  transport.pause();
  write(other, "three");
  await idle();
  assert.deepEqual([owner.told, peer.told], [["two"], ["one"]]);
  transport.resume();
  await idle();
  assert.equal(transport.mode, undefined);
  assert.equal(transport.inProcess, true);
  assert.deepEqual([transport.remoteAddress, transport.localPort, transport.tls], ["", 0, undefined]);
  other.end();
  await idle();
  assert.deepEqual(owner.told, ["two", "three", "(end)", "(close)"]);
});

test("what a transport cannot do the wrapped one cannot either", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [inner] = transportPair(clock);
  const plain = new S2Transport(inner, clock);
  assert.deepEqual([plain.secure, plain.firstBytes, plain.skipBytes], [undefined, undefined, undefined]);
  const able = Object.assign(transportPair(clock)[0], {
    shown: "GET ",
    firstBytes(this: { shown: string }) {
      return Promise.resolve(Buffer.from(this.shown));
    },
  });
  assert.equal(String(await new S2Transport(able, clock).firstBytes?.(1)), "GET ");
});

/** One side of a link that changes over to S2 at the line SWITCH. */
class Side extends Owner implements FrameHandler {
  readonly lines: string[] = [];
  readonly transport: S2Transport;
  private readonly framer = new Framer(this);

  constructor(transport: S2Transport) {
    super();
    this.transport = transport;
  }
  override onData(chunk: Buffer, start: number, end: number): void {
    this.framer.feed(chunk, start, end);
  }
  line(buffer: Buffer, start: number, end: number): number {
    const text = buffer.toString("latin1", start, end);
    this.lines.push(text);
    if (text !== "SWITCH") return NO_PAYLOAD;
    const following = this.framer.following(buffer, end);
    if (this.transport.mode === undefined) {
      write(this.transport, "SWITCH\r\n");
      this.transport.compress("s2_fast", following, 0);
    }
    return LEAVE;
  }
  repeatedLine(): number {
    return NO_PAYLOAD;
  }
  beginning(_buffer: Buffer, start: number, end: number): number {
    return end - start;
  }
  keepLine(): void {}
  payload(): void {}
  unterminated(): void {}
}

test("it goes on compressed behind a line, whatever arrives together with it", async () => {
  const stream = Buffer.concat([Buffer.from("HELLO\r\nSWITCH\r\n"), framed("ONE\r\nTW", "O\r\n"), framed("THREE\r\n")]);
  for (const size of [stream.length, 1, 4, 20]) {
    const { clock } = simulatedRuntime({ seed: 1 });
    const [inner, other] = transportPair(clock);
    const side = new Side(new S2Transport(inner, clock));
    const peer = new Owner();
    side.transport.start(side);
    other.start(peer);
    for (let at = 0; at < stream.length; at += size) {
      other.write([stream.subarray(at, at + size)]);
      if (size < 5) await clock.runUntilIdle();
    }
    await clock.runUntilIdle();
    write(side.transport, "BACK\r\n");
    await clock.runUntilIdle();
    assert.deepEqual(side.lines, ["HELLO", "SWITCH", "ONE", "TWO", "THREE"], `pieces of ${size}`);
    const sent = peer.told.join("");
    assert.equal(sent.slice(0, 8), "SWITCH\r\n");
    assert.equal(decoded(sent.slice(8)), "BACK\r\n");
  }
});

test("what was gathered before goes in the clear, though it is written later", async () => {
  const { transport, peer, idle } = halfWrapped();
  transport.compress("s2_best", NOTHING, 8);
  transport.write([Buffer.from("INF"), NOTHING]);
  transport.write(["O {}\r", "\n", "IN"].map((text) => Buffer.from(text)).concat(Buffer.from("FO {}\r\n")));
  // 3 and 5 bytes are plain; the LF is compressed already.
  await idle();
  const sent = peer.told.join("");
  assert.equal(sent.slice(0, 8), "INFO {}\r");
  assert.equal(decoded(sent.slice(8)), "\nINFO {}\r\n");
});

test("each write is a stream, in the mode of that time", async () => {
  const { transport, peer, idle } = halfWrapped();
  transport.compress("s2_uncompressed", NOTHING, 0);
  const modes: S2Mode[] = ["s2_uncompressed", "s2_fast", "s2_better", "s2_best"];
  for (const mode of modes) {
    transport.mode = mode;
    assert.equal(transport.mode, mode);
    write(transport, "x".repeat(1000));
  }
  await idle();
  const streams = peer.told.join("").split(S2_IDENTIFIER.toString("latin1")).slice(1);
  assert.deepEqual(
    streams.map((stream) => stream.charCodeAt(0)),
    [1, 0, 0, 0],
  );
  assert.equal(decoded(peer.told.join("")), "x".repeat(4000));
});

test("a reader that is behind is seen, and what waits stays as it was written", async () => {
  const { transport, owner, other, peer, idle } = halfWrapped();
  transport.compress("s2_fast", NOTHING, 0);
  other.pause();
  const sent: Buffer[] = [];
  while (transport.bufferedBytes === 0) {
    const chunk = randomBytes(20_000);
    sent.push(Buffer.from(chunk));
    transport.write([chunk]);
    if (transport.bufferedBytes === 0) chunk.fill(0);
  }
  assert.ok(Buffer.concat(sent).length > PIPE_CAPACITY_BYTES);
  await idle();
  assert.deepEqual(owner.told, []);
  other.resume();
  await idle();
  assert.deepEqual(owner.told, ["(drain)"]);
  assert.equal(transport.bufferedBytes, 0);
  assert.ok(Buffer.from(decoded(peer.told.join("")), "latin1").equals(Buffer.concat(sent)));
});

test("an owner that pauses gets no more, even of what has arrived, and all of it afterwards", async () => {
  const { transport, owner, other, idle } = halfWrapped();
  transport.compress("s2_fast", NOTHING, 0);
  owner.onText = () => transport.pause();
  other.write([framed("one", "two", "three")]);
  other.write([framed("four")]);
  other.end();
  for (const expected of ["one", "two", "three"]) {
    await idle();
    assert.equal(owner.told.at(-1), expected);
    transport.resume();
    // Nothing is told from inside a call.
    assert.equal(owner.told.at(-1), expected);
  }
  await idle();
  assert.deepEqual(owner.told, ["one", "two", "three", "four", "(end)", "(close)"]);
});

test("an owner that closes gets no more than the close", async () => {
  for (const close of ["end", "destroy"] as const) {
    const { transport, owner, other, idle } = halfWrapped();
    transport.compress("s2_fast", NOTHING, 0);
    owner.onText = () => transport[close]();
    other.write([framed("one", "two")]);
    other.write([framed("three")]);
    await idle();
    other.end();
    await idle();
    assert.deepEqual(
      owner.told.filter((text) => text !== "(end)"),
      ["one", "(close)"],
      close,
    );
  }
});

test("an owner that pauses and then closes is told of the close", async () => {
  const { transport, owner, other, idle } = halfWrapped();
  transport.compress("s2_fast", NOTHING, 0);
  owner.onText = () => transport.pause();
  other.write([framed("one", "two")]);
  other.end();
  await idle();
  assert.deepEqual(owner.told, ["one"]);
  transport.destroy();
  await idle();
  assert.deepEqual(owner.told, ["one", "(close)"]);
});

test("what cannot be read ends the connection with the error's name", async () => {
  const damaged = framed("two");
  damaged[damaged.length - 1] ^= 1;
  const cases: [Buffer, string][] = [
    [Buffer.from("PING\r\n"), "S2_CHUNK"],
    [damaged, "S2_CHECKSUM"],
    [Buffer.concat([S2_IDENTIFIER, Buffer.from([0, 0xff, 0xff, 0xff])]), "S2_LIMIT"],
  ];
  for (const [bytes, code] of cases) {
    for (const paused of [false, true]) {
      const { transport, owner, other, peer, idle } = halfWrapped();
      transport.compress("s2_fast", NOTHING, 0);
      if (paused) owner.onText = () => transport.pause();
      other.write([Buffer.concat([framed("one"), bytes, framed("three")])]);
      await idle();
      if (paused) assert.deepEqual(owner.told, ["one"]);
      transport.resume();
      await idle();
      assert.deepEqual(owner.told, ["one", `(close ${code})`]);
      assert.deepEqual(peer.told, ["(end)", "(close)"]);
    }
  }
});

test("a connection that is lost is told at once, with the platform's error", () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  let below: TransportHandler | undefined;
  const inner = Object.assign(transportPair(clock)[0], { start: (handler: TransportHandler) => (below = handler) });
  const transport = new S2Transport(inner, clock);
  const owner = new Owner();
  transport.start(owner);
  transport.compress("s2_fast", NOTHING, 0);
  owner.onText = () => transport.pause();
  const bytes = framed("one", "two");
  below?.onData(bytes, 0, bytes.length);
  below?.onClose(new S2Error("S2_BLOCK", "stands for ECONNRESET"));
  assert.deepEqual(owner.told, ["one", "(close S2_BLOCK)"]);
});

test("both ends wrapped: any writes, pauses and modes, the same bytes", async () => {
  const step = fc.oneof(fc.array(fc.nat(60_000), { maxLength: 3 }), fc.constantFrom("pause", "resume", "turn", "mode"));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { clock } = simulatedRuntime({ seed: 1 });
      const [inner, otherInner] = transportPair(clock);
      const [a, b] = [new S2Transport(inner, clock), new S2Transport(otherInner, clock)];
      const owner = new Owner();
      a.start(new Owner());
      b.start(owner);
      a.compress("s2_uncompressed", NOTHING, 0);
      b.compress("s2_fast", NOTHING, 0);
      let expected = "";
      for (const [i, next] of steps.entries()) {
        if (next === "pause") b.pause();
        else if (next === "resume") b.resume();
        else if (next === "turn") await clock.runUntilIdle();
        else if (typeof next === "string") a.mode = i % 2 === 0 ? "s2_fast" : "s2_uncompressed";
        else {
          const chunks = next.map((size, n) => Buffer.alloc(size, `${i}.${n},`));
          expected += Buffer.concat(chunks).toString("latin1");
          a.write(chunks);
          if (a.bufferedBytes === 0) for (const chunk of chunks) chunk.fill("!");
        }
      }
      b.resume();
      await clock.runUntilIdle();
      assert.ok(owner.told.join("") === expected);
    }),
    { numRuns: 60 },
  );
});
