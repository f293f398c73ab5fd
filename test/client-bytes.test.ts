// Input as bytes: any split, binary payloads, and input made to be expensive.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw } from "./support/raw-client.js";
import { startSimulatedServer } from "./support/simulated-server.js";

const HEADERS = "NATS/1.0\r\nK: v\r\n\r\n";
const SESSION =
  'CONNECT {"verbose":true,"headers":true,"pedantic":false}\r\nSUB a.> 1\r\nsub a.b g 2\r\n' +
  "PUB a.b 7\r\nhe\r\nllo\r\nPUB a.b r 0\r\n\r\nPUB a.b 7\r\nPUB a 1\r\n" +
  `HPUB a.b ${HEADERS.length} ${HEADERS.length + 2}\r\n${HEADERS}\r\n\r\n` +
  "PUB a.b 2\r\nxx\r\nPUB a.b 2\r\nyy\r\nPUB a.b 2\r\nzz\r\nPING\r\nUNSUB 1 9\r\nUNSUB 2\r\nPUB a.c 3\r\n\0\xff\n\r\nPING  \r\n";

test("the same answers wherever the input is cut", async () => {
  const { connect, advance } = await startSimulatedServer();
  // Short, so that the whole is over before the server's first PING.
  const settle = (): Promise<void> => advance(2);
  const whole = await connect();
  whole.send(SESSION);
  await settle();
  const expected = whole.take();
  assert.match(expected, /PONG\r\n\+OK\r\n\+OK\r\n\+OK\r\nMSG a\.c 1 3\r\n\0\xff\n\r\nPONG\r\n$/);
  const cuts = fc.array(fc.nat(SESSION.length), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      const client = await connect();
      const edges = [0, ...at.sort((a, b) => a - b), SESSION.length];
      for (let i = 1; i < edges.length; i++) {
        client.send(SESSION.slice(edges[i - 1], edges[i]));
        await settle();
      }
      assert.equal(client.take(), expected);
      client.transport.destroy();
      await settle();
    }),
    { numRuns: 25 },
  );
  const single = await connect();
  for (const byte of SESSION) {
    single.send(byte);
    await settle();
  }
  assert.equal(single.take(), expected, "byte by byte");
});

test("payloads of all bytes and sizes arrive as they were sent", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  client.send("SUB bin 1\r\n");
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("latin1");
  for (const size of [
    0, 1, 2, 63, 64, 65, 255, 2047, 4095, 4096, 16_383, 16_384, 131_071, 131_072, 131_073, 262_144, 1_048_576,
  ]) {
    const payload = all.repeat(Math.ceil(size / 256)).slice(0, size);
    client.send(`PUB bin ${size}\r\n${payload}\r\n`);
    const item = await client.expect(`MSG bin 1 ${size}`);
    assert.ok(item.payload === payload, `size ${size}`);
  }
});

test("a long line in small pieces takes little time", async (t) => {
  const { port, server } = await startLocalServer(t, { maxControlLineBytes: 1_000_000 });
  const client = await connectClient(t, port);
  const own = (await server.collect()).subscriptions;
  const begun = performance.now();
  const subject = `SUB ${"a.".repeat(100_000)}`;
  for (let at = 0; at < subject.length; at += 50) client.send(Buffer.from(subject.slice(at, at + 50)));
  client.send("x 1\r\n");
  assert.deepEqual(await client.sync(20_000), []);
  assert.equal((await server.collect()).subscriptions, own + 1);
  assert.ok(performance.now() - begun < 5000);
});

test("blanks without end are not kept", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  // An answer to the server's first PING would end up among the blanks.
  client.answersPings = false;
  client.handle = ({ line }) => line === "PING";
  const gone = once(client.socket, "close");
  const drained = (): Promise<unknown> => Promise.race([once(client.socket, "drain"), gone]);
  const before = process.memoryUsage().arrayBuffers;
  const blanks = Buffer.alloc(64 * 1024, " ");
  for (const beginning of ["PUB ", "PING", "+OK"]) {
    client.send(beginning);
    for (let i = 0; i < 200; i++) {
      if (!client.socket.write(blanks)) await drained();
    }
    client.send(beginning === "PUB " ? "a 0\r\n\r\n" : "\r\n");
  }
  await client.expect("PONG", 10_000);
  assert.deepEqual(await client.sync(10_000), []);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 16 * 2 ** 20, `${grown} bytes more`);
});

test("subjects of thousands of tokens are published and subscribed to in time", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  const deep = "a.".repeat(2000);
  const begun = performance.now();
  let text = "";
  for (let i = 0; i < 200; i++) text += `SUB ${deep}${i} ${i}\r\nSUB ${"*.".repeat(2000)}${i} w${i}\r\n`;
  client.send(text);
  for (let i = 0; i < 200; i++) client.send(`PUB ${deep}${i} 0\r\n\r\n`);
  const got = await client.sync(30_000);
  assert.equal(got.length, 400);
  assert.ok(performance.now() - begun < 10_000, `took ${performance.now() - begun} ms`);
});

test("a flood of SUB and UNSUB takes time in proportion to its length", async (t) => {
  const { port, server } = await startLocalServer(t);
  const own = (await server.collect()).subscriptions;
  const client = await connectClient(t, port);
  const flood = async (count: number): Promise<number> => {
    let text = "";
    for (let i = 0; i < count; i++) text += `SUB f.${i} ${i}\r\n`;
    for (let i = 0; i < count; i++) text += `UNSUB ${i}\r\n`;
    const begun = performance.now();
    client.send(text);
    assert.deepEqual(await client.sync(30_000), []);
    return performance.now() - begun;
  };
  await flood(2000);
  const small = Math.min(await flood(4000), await flood(4000));
  const large = Math.min(await flood(32_000), await flood(32_000));
  assert.ok(large < 40 * small + 200, `8 times the subscriptions took ${(large / small).toFixed(1)} times as long`);
  assert.equal((await server.collect()).subscriptions, own);
});

test("a client that sends and never reads is closed at max_pending, whatever it makes the server say", async (t) => {
  const { server, port, log } = await startLocalServer(t, {
    maxPendingBytes: 1_000_000,
    authorization: { users: [{ user: "u", password: "p", permissions: { publish: { deny: ["x"] } } }] },
  });
  const inputs = ["PING\r\n", "PUB x 0\r\n\r\n", "PUB y 0\r\n\r\n"];
  for (const input of inputs) {
    const client = await connectRaw(t, port);
    await client.info();
    client.socket.pause();
    client.send('CONNECT {"user":"u","pass":"p"}\r\n');
    const gone = new Promise<void>((resolve) => {
      const stop = server.events.on("disconnect", () => {
        stop();
        resolve();
      });
    });
    const block = Buffer.from(input.repeat(20_000));
    let over = false;
    void gone.then(() => {
      over = true;
    });
    while (!over) {
      if (client.socket.destroyed) break;
      if (!client.socket.write(block)) {
        await Promise.race([gone, new Promise((resolve) => client.socket.once("drain", resolve))]);
      }
    }
    client.close();
  }
  assert.equal(log.matching(/Slow Consumer Detected: MaxPending of 1000000 Exceeded/).length, inputs.length);
});
