import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { FrameError } from "./errors.js";
import { applyMask, COMPRESSED, FIN, headerBytes, Opcode, writeHeader } from "./frame.js";
import { type FrameHandler, FrameReader, type FrameReaderOptions } from "./frame-reader.js";

const OPTIONS: FrameReaderOptions = { mustMask: true, compression: true, maxInflatedBytes: () => 100_000 };

class Heard implements FrameHandler {
  text = "";
  readonly pings: string[] = [];
  farewell: string | undefined;

  data(chunk: Buffer, start: number, end: number): void {
    this.text += chunk.toString("latin1", start, end);
  }
  ping(body: Buffer): void {
    this.pings.push(body.toString("latin1"));
  }
  ended(body: Buffer): void {
    this.farewell = body.toString("latin1");
  }
}

function frame(first: number, body: string | Uint8Array, mask: number | null = 0x5a17c3e1): Buffer {
  const bytes = Buffer.from(body as Uint8Array);
  const head = headerBytes(bytes.length, mask !== null);
  const whole = Buffer.alloc(head + bytes.length);
  writeHeader(whole, first, bytes.length, mask ?? undefined);
  bytes.copy(whole, head);
  if (mask !== null) applyMask(whole, head, whole.length, mask, 0);
  return whole;
}

function deflated(text: string): Buffer {
  return deflateRawSync(Buffer.from(text, "latin1"), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

function read(frames: readonly Buffer[], options: Partial<FrameReaderOptions> = {}): Heard {
  const heard = new Heard();
  const reader = new FrameReader(heard, { ...OPTIONS, ...options });
  for (const one of frames) reader.feed(Buffer.from(one), 0, one.length);
  return heard;
}

function fault(frames: readonly Buffer[], options: Partial<FrameReaderOptions> = {}): string {
  try {
    read(frames, options);
  } catch (error) {
    assert.ok(error instanceof FrameError);
    return `${error.closeCode} ${error.message}`;
  }
  return "none";
}

test("messages of all kinds arrive whole, wherever their bytes are cut", () => {
  const message = fc.record({
    text: fc.string({ maxLength: 300 }).map((text) => Buffer.from(text, "utf8").toString("latin1")),
    compressed: fc.boolean(),
    parts: fc.integer({ min: 1, max: 4 }),
    opcode: fc.constantFrom(Opcode.text, Opcode.binary),
    ping: fc.boolean(),
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), cuts, fc.integer(), (messages, sizes, mask) => {
      const wire: Buffer[] = [];
      let pings = 0;
      for (const { text, compressed, parts, opcode, ping } of messages) {
        const body = compressed ? deflated(text) : Buffer.from(text, "latin1");
        const size = Math.ceil(body.length / parts) || 1;
        for (let i = 0; i < parts; i++) {
          const first = i === 0 ? opcode | (compressed ? COMPRESSED : 0) : Opcode.continuation;
          wire.push(frame(first | (i === parts - 1 ? FIN : 0), body.subarray(i * size, (i + 1) * size), mask | 0));
          if (ping) wire.push(frame(FIN | Opcode.ping, `p${pings++}`, mask | 0));
        }
      }
      const bytes = Buffer.concat(wire);
      const heard = new Heard();
      const reader = new FrameReader(heard, OPTIONS);
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = Math.min(bytes.length, at + sizes[i % sizes.length]);
        reader.feed(bytes, at, end);
        at = end;
      }
      assert.equal(heard.text, messages.map(({ text }) => text).join(""));
      assert.equal(heard.pings.length, pings);
    }),
  );
});

test("what the protocol forbids is named", () => {
  const text = FIN | Opcode.text;
  const cases: [string, Buffer[]][] = [
    ["1002 mask bit missing", [frame(text, "x", null)]],
    ["1002 unknown opcode 3", [frame(FIN | 3, "x")]],
    ["1002 unknown opcode 11", [frame(FIN | 11, "x")]],
    ["1002 RSV2 and RSV3 must be clear", [frame(text | 0x20, "x")]],
    ["1002 control frame must not be compressed", [frame(FIN | COMPRESSED | Opcode.ping, "x")]],
    ["1002 control frame does not have final bit set", [frame(Opcode.ping, "x")]],
    [
      "1002 control frame length bigger than maximum allowed of 125 bytes",
      [frame(FIN | Opcode.ping, Buffer.alloc(126))],
    ],
    ["1002 invalid continuation frame", [frame(FIN | Opcode.continuation, "x")]],
    ["1002 invalid continuation frame", [frame(Opcode.text, "x"), frame(FIN | COMPRESSED, "x")]],
    [
      "1002 new message started before final frame for previous message was received",
      [frame(Opcode.text, "x"), frame(text, "y")],
    ],
    ["1002 invalid 64-bit payload length", [Buffer.from("82ffffffffffffffffff00000000", "hex")]],
    ["1002 close frame payload cannot be 1 byte", [frame(FIN | Opcode.close, "x")]],
    ["1002 invalid close status code 1005", [frame(FIN | Opcode.close, Buffer.from([3, 0xed]))]],
    ["1002 invalid close status code 2999", [frame(FIN | Opcode.close, Buffer.from([0x0b, 0xb7]))]],
    ["1002 invalid close status code 5000", [frame(FIN | Opcode.close, Buffer.from([0x13, 0x88]))]],
    ["1007 invalid utf8 body in close frame", [frame(FIN | Opcode.close, Buffer.from([3, 0xe8, 0xff]))]],
    ["1007 flate: invalid block type", [frame(text | COMPRESSED, Buffer.from([0xff, 0xff]))]],
  ];
  for (const [wanted, frames] of cases) assert.equal(fault(frames), wanted);
  const notAgreed = "1002 compressed frame received without negotiated permessage-deflate";
  assert.equal(fault([frame(text | COMPRESSED, deflated("x"))], { compression: false }), notAgreed);
});

test("what it allows is taken: close codes, no masks where that was agreed, lengths longer than needed", () => {
  for (const code of [1000, 1014, 3000, 4999]) {
    const body = Buffer.from([code >> 8, code & 0xff]);
    assert.equal(read([frame(FIN | Opcode.close, body)]).farewell, body.toString("latin1"));
  }
  assert.equal(read([frame(FIN | Opcode.close, "")]).farewell, "");
  const both = [frame(FIN | Opcode.binary, "a", null), frame(FIN | Opcode.binary, "b")];
  assert.equal(read(both, { mustMask: false }).text, "ab");
  assert.equal(read([Buffer.from("82ff000000000000000100000000", "hex"), Buffer.from("x")]).text, "x");
  assert.equal(read([frame(FIN | Opcode.pong, "whatever"), frame(FIN | Opcode.text, "x")]).text, "x");
});

test("nothing is read after a close frame", () => {
  const after = frame(FIN | Opcode.text, "more");
  const heard = read([Buffer.concat([frame(FIN | Opcode.text, "x"), frame(FIN | Opcode.close, ""), after]), after]);
  assert.deepEqual([heard.text, heard.farewell], ["x", ""]);
});

test("a compressed message is bounded before and after it is inflated, in one frame or many", () => {
  const first = FIN | COMPRESSED | Opcode.binary;
  const limit = { maxInflatedBytes: () => 1000 };
  assert.equal(read([frame(first, deflated("x".repeat(1000)))], limit).text.length, 1000);
  const tooBig = "1009 maximum payload exceeded";
  assert.equal(fault([frame(first, deflated("x".repeat(1001)))], limit), tooBig);
  assert.equal(fault([frame(first, deflated("x".repeat(5_000_000)))], limit), tooBig);
  const parts = Array.from({ length: 12 }, (_, i) =>
    frame(i === 0 ? COMPRESSED | Opcode.binary : 0, Buffer.alloc(100)),
  );
  assert.equal(fault(parts, limit), tooBig);
  assert.equal(fault([frame(first, Buffer.alloc(2000))], limit), tooBig);
});

test("a handler that stops the reader hears nothing more of the same chunk", () => {
  const heard = new Heard();
  const reader = new FrameReader(heard, OPTIONS);
  heard.data = (chunk, start, end) => {
    heard.text += chunk.toString("latin1", start, end);
    reader.stop();
  };
  const big = frame(FIN | COMPRESSED | Opcode.binary, deflated("x".repeat(90_000)));
  const bytes = Buffer.concat([big, frame(FIN | Opcode.text, "more")]);
  reader.feed(bytes, 0, bytes.length);
  assert.equal(heard.text.length, 64 * 1024);
});
