import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import { duplexOf, transportOf } from "./duplex.js";
import type { Transport } from "./network.js";
import { nodeRuntime } from "./node/index.js";
import { transportPair } from "./pipe.js";

/** Records what a transport tells its owner; `closed` resolves with all of it. */
function record(transport: Transport): { told: string[]; closed: Promise<string[]>; next: () => Promise<void> } {
  const told: string[] = [];
  let wake = (): void => {};
  const closed = new Promise<string[]>((resolve) => {
    const say = (line: string): void => {
      told.push(line);
      wake();
    };
    transport.start({
      onData: (chunk, start, end) => say(chunk.toString("latin1", start, end)),
      onDrain: () => say("(drain)"),
      onEnd: () => say("(end)"),
      onClose: (error) => {
        say(`(close${error === undefined ? "" : ` ${error.message}`})`);
        resolve(told);
      },
    });
  });
  return {
    told,
    closed,
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

/** A pair of streams that hand data to each other inside write(), as duplexPair of node:stream does. */
function streamPair(): [Duplex, Duplex] {
  const sides: Duplex[] = [];
  for (const side of [0, 1]) {
    let held: (() => void) | undefined;
    const stream: Duplex & { hand?: (chunk: Buffer | null, done: () => void) => void } = new Duplex({
      read: () => {
        const done = held;
        held = undefined;
        done?.();
      },
      write: (chunk, _encoding, done) => (sides[1 - side] as typeof stream).hand!(chunk, done),
      final: (done) => (sides[1 - side] as typeof stream).hand!(null, done),
    });
    stream.hand = (chunk, done) => {
      if (stream.push(chunk) || chunk === null) done();
      else held = done;
    };
    sides.push(stream);
  }
  return [sides[0], sides[1]];
}

async function socketPair(): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [net.Socket];
  server.close();
  if (client.connecting) await once(client, "connect");
  return [client, accepted];
}

test("a socket becomes a transport that knows its addresses", async () => {
  const [client, accepted] = await socketPair();
  const transport = transportOf(accepted);
  assert.equal(transport.remotePort, client.localPort);
  assert.equal(transport.remoteAddress, "127.0.0.1");
  assert.equal(transport.localPort, accepted.localPort);
  assert.equal(transport.inProcess, false);
  const { told, closed, next } = record(transport);
  const heard = next();
  client.write("hello");
  await heard;
  assert.deepEqual(told, ["hello"]);
  transport.write([Buffer.from("wor"), Buffer.from("ld")]);
  transport.end();
  assert.equal(await text(client), "world");
  assert.equal((await closed).at(-1), "(close)");
});

test("info overrides what the stream says, and a plain stream is in-process", () => {
  const plain = transportOf(new PassThrough());
  assert.deepEqual([plain.remoteAddress, plain.remotePort, plain.inProcess], ["", 0, true]);
  const named = transportOf(new PassThrough(), { remoteAddress: "10.1.1.1", remotePort: 7, inProcess: false });
  assert.deepEqual([named.remoteAddress, named.remotePort, named.inProcess], ["10.1.1.1", 7, false]);
});

test("a writer may reuse its chunks, whatever the stream keeps", async () => {
  const [left, right] = streamPair();
  const transport = transportOf(left);
  record(transport);
  const chunk = Buffer.from("first");
  transport.write([chunk]);
  chunk.fill("x");
  transport.end();
  assert.equal(await text(right), "first");
});

test("streams that call back inside write() do not make the owner's calls nest", async () => {
  const [left, right] = streamPair();
  let depth = 0;
  let rounds = 0;
  await new Promise<void>((done) => {
    for (const transport of [transportOf(left), transportOf(right)]) {
      transport.start({
        onData: () => {
          assert.equal(depth, 0);
          if (++rounds === 10) return done();
          depth++;
          transport.write([Buffer.from("x")]);
          depth--;
        },
        onDrain: () => assert.equal(depth, 0),
        onEnd: () => {},
        onClose: () => {},
      });
      if (rounds++ === 0) transport.write([Buffer.from("go")]);
    }
  });
  assert.equal(rounds, 10);
});

test("a slow stream's bytes count until it takes them, then the owner hears of it", async () => {
  let take = (): void => {};
  const duplex = new Duplex({
    read: () => {},
    write: (_chunk, _encoding, done) => {
      take = done;
    },
  });
  const transport = transportOf(duplex);
  const { told, next } = record(transport);
  transport.write([Buffer.alloc(10)]);
  assert.equal(transport.bufferedBytes, 10);
  transport.write([Buffer.alloc(5)]);
  assert.equal(transport.bufferedBytes, 15);
  const firstTaken = take;
  firstTaken();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, []);
  assert.equal(transport.bufferedBytes, 5);
  const drained = next();
  take();
  await drained;
  assert.deepEqual(told, ["(drain)"]);
  assert.equal(transport.bufferedBytes, 0);
  transport.destroy();
});

test("pause holds data back, resume delivers it", async () => {
  const [left, right] = streamPair();
  const transport = transportOf(left);
  const { told, next } = record(transport);
  transport.pause();
  right.write("held");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, []);
  const heard = next();
  transport.resume();
  await heard;
  assert.deepEqual(told, ["held"]);
  transport.destroy();
});

test("resume before start loses nothing", async () => {
  const [left, right] = streamPair();
  const transport = transportOf(left);
  transport.resume();
  right.write("early");
  await new Promise((resolve) => setImmediate(resolve));
  const { told, next } = record(transport);
  await next();
  assert.deepEqual(told, ["early"]);
  transport.destroy();
});

test("a stream's error and its end reach the owner", async () => {
  const failing = new PassThrough();
  const failed = record(transportOf(failing));
  failing.destroy(new Error("broken"));
  assert.deepEqual(await failed.closed, ["(close broken)"]);

  const [left, right] = streamPair();
  const halfOpen = transportOf(left);
  const ended = record(halfOpen);
  right.end("bye");
  while (!ended.told.includes("(end)")) await ended.next();
  halfOpen.write([Buffer.from("still here")]);
  halfOpen.end();
  assert.equal(await text(right), "still here");
  assert.deepEqual(await ended.closed, ["bye", "(end)", "(close)"]);

  const gone = new PassThrough();
  gone.destroy();
  await once(gone, "close");
  assert.deepEqual(await record(transportOf(gone)).closed, ["(close)"]);
});

test("a transport becomes a stream: data, end, and large writes with a slow reader", async () => {
  const [a, b] = transportPair(nodeRuntime().clock);
  const left = duplexOf(a);
  const right = duplexOf(b);
  const block = Buffer.alloc(300_000, "abcdefg");
  for (let i = 0; i < 5; i++) left.write(block);
  left.end("last");
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(right.readableLength < 1_000_000);
  const all = await buffer(right);
  assert.equal(all.length, 1_500_004);
  assert.equal(all.toString("latin1", 1_500_000), "last");
  left.resume();
  if (!left.destroyed) await once(left, "close");
});

test("destroying the stream closes the transport, and a lost transport destroys the stream", async () => {
  const [a, b] = transportPair(nodeRuntime().clock);
  const left = duplexOf(a);
  const other = record(b);
  left.destroy();
  assert.deepEqual(await other.closed, ["(end)", "(close)"]);

  const broken = new PassThrough();
  const stream = duplexOf(transportOf(broken));
  broken.destroy(new Error("lost"));
  const [error] = (await once(stream, "error")) as [Error];
  assert.equal(error.message, "lost");
});

test("a transport survives the way through a stream and back", async () => {
  const [a, b] = transportPair(nodeRuntime().clock);
  const wrapped = transportOf(duplexOf(a));
  const { told, closed, next } = record(wrapped);
  const other = record(b);
  const heard = next();
  b.write([Buffer.from("ping")]);
  await heard;
  assert.deepEqual(told, ["ping"]);
  wrapped.write([Buffer.from("pong")]);
  wrapped.end();
  assert.deepEqual(await other.closed, ["pong", "(end)", "(close)"]);
  assert.equal((await closed).at(-1), "(close)");
});

test("what a stream's own _write throws ends the transport, and nobody else hears of it", async () => {
  const failing = new Duplex({
    read: () => {},
    write: () => {
      throw new Error("broken");
    },
  });
  const transport = transportOf(failing);
  const { closed } = record(transport);
  transport.write([Buffer.from("x")]);
  assert.deepEqual(await closed, ["(close broken)"]);
  assert.equal(failing.destroyed, true);
});
