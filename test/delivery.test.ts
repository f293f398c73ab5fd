// Messages on their way to many and from many: nothing lost, in order, large ones too, and slow readers are nobody else's harm.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, type Item, type RawClient } from "./support/raw-client.js";
import { SimulatedClient, startSimulatedServer } from "./support/simulated-server.js";

/** Keeps every message; resolves when there are `count`, rejects when the connection ends before. */
function collect(client: RawClient, count: number, keep: (item: Item) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count;
    client.socket.once("close", () => reject(new Error(`the connection has ended, ${left} messages too early`)));
    client.handle = (item) => {
      if (!/^H?MSG/.test(item.line)) return false;
      keep(item);
      if (--left === 0) resolve();
      return true;
    };
  });
}

test("fan-out: every subscriber gets every message, in order", async (t) => {
  const { port } = await startLocalServer(t);
  const count = 3000;
  const publisher = await connectClient(t, port);
  const subscribers = await Promise.all(Array.from({ length: 20 }, () => connectClient(t, port)));
  const done = subscribers.map(async (client, i) => {
    const got: string[] = [];
    const all = collect(client, count, ({ payload }) => got.push(payload));
    client.send(i % 2 === 0 ? "SUB fan.out 1\r\n" : "SUB fan.* 1\r\n");
    await client.sync();
    return { all, got };
  });
  const ready = await Promise.all(done);
  let text = "";
  for (let i = 0; i < count; i++) text += `PUB fan.out ${String(i).length}\r\n${i}\r\n`;
  publisher.send(text);
  const expected = Array.from({ length: count }, (_, i) => String(i));
  for (const { all, got } of ready) {
    await all;
    assert.deepEqual(got, expected);
  }
});

test("fan-in: 50 publishers, each in its order, nothing lost", async (t) => {
  const { port } = await startLocalServer(t);
  const [publishers, each] = [50, 200];
  const subscriber = await connectClient(t, port);
  const last = new Array<number>(publishers).fill(-1);
  const all = collect(subscriber, publishers * each, ({ line, payload }) => {
    const from = Number(line.split(" ")[1].slice(3));
    assert.equal(Number(payload), last[from] + 1, `order of publisher ${from}`);
    last[from]++;
  });
  subscriber.send("SUB in.* 1\r\n");
  await subscriber.sync();
  const clients = await Promise.all(Array.from({ length: publishers }, () => connectClient(t, port)));
  for (let i = 0; i < each; i += 20) {
    for (const [from, client] of clients.entries()) {
      let text = "";
      for (let n = i; n < i + 20; n++) text += `PUB in.${from} ${String(n).length}\r\n${n}\r\n`;
      client.send(text);
    }
  }
  await all;
  assert.ok(last.every((number) => number === each - 1));
});

test("large payloads reach many subscribers whole, with headers or without", async (t) => {
  const { port } = await startLocalServer(t, { maxPayloadBytes: 9 * 2 ** 20 });
  const publisher = await connectClient(t, port);
  const headers = `NATS/1.0\r\nBig: ${"h".repeat(5000)}\r\n\r\n`;
  const whole: Buffer[] = [];
  const stripped: Buffer[] = [];
  const publications: Buffer[] = [];
  for (const size of [64 * 1024, 2 ** 20, 8 * 2 ** 20]) {
    const payload = Buffer.alloc(size + 2, "\r\n");
    for (let i = 0; i < size; i++) payload[i] = (i * 31 + (i >> 8)) & 0xff;
    const total = headers.length + size;
    publications.push(Buffer.from(`PUB big.a ${size}\r\n`), payload);
    publications.push(Buffer.from(`HPUB big.b ${headers.length} ${total}\r\n${headers}`), payload);
    const plain = (subject: string): Buffer => Buffer.concat([Buffer.from(`MSG ${subject} 1 ${size}\r\n`), payload]);
    whole.push(
      plain("big.a"),
      Buffer.concat([Buffer.from(`HMSG big.b 1 ${headers.length} ${total}\r\n${headers}`), payload]),
    );
    stripped.push(plain("big.a"), plain("big.b"));
  }
  const done = Array.from({ length: 6 }, async (_, i) => {
    const without = i % 3 === 2;
    const client = await connectClient(t, port, without ? { headers: false, no_responders: false } : {});
    client.send("SUB big.> 1\r\n");
    await client.sync();
    client.socket.removeAllListeners("data");
    return { all: receive(client.socket, without ? stripped : whole) };
  });
  const receivers = await Promise.all(done);
  for (const bytes of publications) publisher.send(bytes);
  assert.deepEqual(await Promise.all(receivers.map(({ all }) => all)), Array(6).fill("all as expected"));
});

/** Compares what arrives with what is expected; a PING of the server may stand between two messages. */
function receive(socket: Socket, expected: readonly Buffer[]): Promise<string> {
  const PING = Buffer.from("PING\r\n");
  let message = 0;
  let at = 0;
  let early = Buffer.alloc(0);
  return new Promise((resolve) => {
    socket.on("data", (data) => {
      let chunk = Buffer.concat([early, data]);
      early = Buffer.alloc(0);
      while (chunk.length > 0) {
        if (at === 0 && chunk[0] === PING[0]) {
          if (chunk.length < PING.length) {
            early = chunk;
            return;
          }
          if (!chunk.subarray(0, PING.length).equals(PING)) return resolve("something between messages");
          chunk = chunk.subarray(PING.length);
          continue;
        }
        const rest = expected[message].subarray(at, at + chunk.length);
        if (!chunk.subarray(0, rest.length).equals(rest)) return resolve(`message ${message} differs after byte ${at}`);
        chunk = chunk.subarray(rest.length);
        at += rest.length;
        if (at < expected[message].length) return;
        at = 0;
        if (++message === expected.length) return resolve("all as expected");
      }
    });
  });
}

const CHUNK = `PUB load 1000\r\n${"x".repeat(1000)}\r\n`.repeat(500);

test("a publisher that is faster than a subscriber reads waits for it in milliseconds, and nothing is lost", async () => {
  const { world, server, login, settle } = await startSimulatedServer({ maxPendingBytes: 8 * 2 ** 20 });
  const slowHost = world.host("slow");
  world.wires.link("main", "slow", { latencyMs: 1, jitterMs: 0, bytesPerSecond: 10_000_000 });
  const dialled = slowHost.network.dial({ host: "main", port: 4222, timeoutMs: 1000 });
  const slow = new SimulatedClient(await world.clock.settle(dialled));
  slow.answersPings = true;
  slow.send('CONNECT {"verbose":false}\r\nSUB load 1\r\n');
  const publisher = await login();
  const other = await login();
  let received = 0;
  slow.onData = (chunk, start, end) => {
    received += end - start;
    if (chunk.toString("latin1", start, end).includes("PING\r\n")) slow.send("PONG\r\n");
  };
  await settle();
  const rounds = 80;
  for (let i = 0; i < rounds; i++) publisher.send(CHUNK);
  publisher.send("PING\r\n");
  // While that goes on, others are served at once.
  let disturbed = 0;
  while (publisher.take() === "") {
    other.send("PING\r\n");
    await world.clock.advance(4);
    if (!other.take().includes("PONG\r\n")) disturbed++;
  }
  assert.equal(disturbed, 0);
  assert.ok((await server.collect()).stalledClients > 0, "the publisher had to wait");
  const message = `MSG load 1 1000\r\n${"x".repeat(1000)}\r\n`.length;
  await world.clock.runUntil(() => received >= rounds * 500 * message, 60_000);
  assert.equal(server.totals.slowConsumers, 0);
});

test("a publisher's pause for a subscriber that reads nothing is a matter of milliseconds", async () => {
  const { world, login, settle, server } = await startSimulatedServer({ maxPendingBytes: 8 * 2 ** 20 });
  const stuck = await login();
  stuck.send("SUB load 1\r\n");
  await settle();
  stuck.transport.pause();
  const publisher = await login();
  const { transport } = [...server.clients.values()][1];
  const { pause, resume } = transport;
  const pausesMs: number[] = [];
  let begunMs = 0;
  transport.pause = () => {
    begunMs = world.clock.monotonicMs();
    pause.call(transport);
  };
  transport.resume = () => {
    // Pauses until the next turn, which every busy publisher has, last no time here.
    if (world.clock.monotonicMs() > begunMs) pausesMs.push(world.clock.monotonicMs() - begunMs);
    resume.call(transport);
  };
  publisher.send(`${CHUNK.repeat(20)}PING\r\n`);
  await world.clock.runUntil(() => publisher.received.includes("PONG\r\n"), 30_000);
  assert.ok(pausesMs.length > 5, `${pausesMs.length} pauses`);
  assert.ok(Math.max(...pausesMs) <= 50, `a pause of ${Math.max(...pausesMs)} ms`);
  assert.equal(server.totals.slowConsumers, 1, "who reads nothing is given up in the end");
});

test("no_fast_producer_stall: publishers never wait", async () => {
  const { world, login, settle, server } = await startSimulatedServer({
    maxPendingBytes: 8 * 2 ** 20,
    noFastProducerStall: true,
  });
  const stuck = await login();
  stuck.send("SUB load 1\r\n");
  await settle();
  stuck.transport.pause();
  const publisher = await login();
  publisher.send(`${CHUNK.repeat(16)}PING\r\n`);
  await world.clock.runUntil(() => publisher.received.includes("PONG\r\n"), 10_000);
  assert.equal((await server.collect()).stalledClients, 0);
  assert.equal(server.totals.slowConsumers, 0, "8 megabytes are within the limit");
});

test("a subscriber on a real socket that reads in fits and starts loses nothing", async (t) => {
  const { server, port } = await startLocalServer(t, { maxPendingBytes: 8 * 2 ** 20 });
  const slow = await connectClient(t, port);
  const publisher = await connectClient(t, port);
  const [count, size] = [60_000, 1000];
  let next = 0;
  const all = collect(slow, count, ({ payload }) => {
    assert.equal(Number(payload.slice(0, 8)), next++);
  });
  slow.send("SUB load 1\r\n");
  await slow.sync();
  const rest = "y".repeat(size - 8);
  const fits = setInterval(() => (slow.socket.isPaused() ? slow.socket.resume() : slow.socket.pause()), 3);
  t.after(() => clearInterval(fits));
  for (let i = 0; i < count; i += 500) {
    let text = "";
    for (let n = i; n < i + 500; n++) text += `PUB load ${size}\r\n${String(n).padStart(8, "0")}${rest}\r\n`;
    publisher.send(text);
  }
  await all;
  assert.equal(next, count);
  assert.equal(server.totals.slowConsumers, 0);
});

// Runs beside the server: connections that publish and subscribe as fast as they can.
const LOAD = `
const { connect } = require("node:net");
const { workerData, parentPort } = require("node:worker_threads");
const [clients, count] = [4, 60_000];
const all = clients * count * ("MSG load.0 1 100\\r\\n\\r\\n".length + 100);
const sockets = Array.from({ length: clients }, () => connect(workerData, "127.0.0.1"));
let subscribed = 0;
let done = 0;
const publish = () => {
  for (const [i, socket] of sockets.entries()) {
    const block = ("PUB load." + i + " 100\\r\\n" + "x".repeat(100) + "\\r\\n").repeat(1000);
    for (let n = 0; n < count; n += 1000) socket.write(block);
  }
};
for (const socket of sockets) {
  let bytes = -1;
  socket.write('CONNECT {"verbose":false}\\r\\nSUB load.> 1\\r\\nPING\\r\\n');
  socket.on("data", (chunk) => {
    if (bytes < 0) {
      if (!chunk.includes("PONG")) return;
      bytes = 0;
      if (++subscribed === clients) publish();
    } else if (bytes < all && (bytes += chunk.length) >= all && ++done === clients) parentPort.postMessage("done");
  });
}`;

test("however much input waits, the loop comes round after little of it", async (t) => {
  const { server, port } = await startLocalServer(t);
  const worker = new Worker(LOAD, { eval: true, workerData: port });
  t.after(() => void worker.terminate());
  let done = false;
  const loaded = new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", () => {
      done = true;
      resolve();
    });
  });
  const handledBytes = (): number => [...server.clients.values()].reduce((sum, client) => sum + client.inBytes, 0);
  let [before, most] = [0, 0];
  while (!done) {
    await new Promise(setImmediate);
    const now = handledBytes();
    most = Math.max(most, now - before);
    before = now;
  }
  await loaded;
  assert.equal((await server.collect()).inMsgs, 240_000);
  assert.ok(most < 2.5 * 2 ** 20, `${most} bytes of four publishers in one turn`);
});

test("an exception in the delivery to one client closes that client alone, through an import too", async () => {
  const world = await startSimulatedServer({
    accounts: {
      A: { users: [{ user: "a", password: "p" }], exports: [{ stream: "s" }] },
      B: { users: [{ user: "b", password: "p" }], imports: [{ stream: { account: "A", subject: "s" } }] },
    },
  });
  const [publisher, healthy] = [
    await world.login({ user: "a", pass: "p" }),
    await world.login({ user: "a", pass: "p" }),
  ];
  const [faulty, importing] = [
    await world.login({ user: "a", pass: "p" }),
    await world.login({ user: "b", pass: "p" }),
  ];
  for (const client of [faulty, importing, healthy]) client.send("SUB s 1\r\n");
  await world.settle();
  for (const connection of [...world.server.clients.values()].slice(2)) {
    connection.outbox.reserve = () => {
      throw new Error("a fault of the test");
    };
  }
  publisher.send("PUB s 2\r\nhi\r\nPING\r\n");
  await world.settle();
  assert.equal(publisher.take(), "PONG\r\n");
  assert.equal(healthy.take(), "MSG s 1 2\r\nhi\r\n");
  assert.deepEqual([faulty.ended, importing.ended, healthy.ended], [true, true, false]);
  assert.equal(world.log.matching(/internal error, the connection is closed: Error: a fault of the test/).length, 2);
  assert.equal(world.server.clients.size, 2);
});
