// What time does to a client, in virtual time: pings, stale connections, late logins, write deadlines, slow consumers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type SimulatedServer, startSimulatedServer } from "./support/simulated-server.js";

const MINUTE_MS = 60_000;
/** The first ping comes within 2 s, and not before four fifths of that. */
const FIRST_PING_BY_MS = 2000;
const FIRST_PING_FROM_MS = 1600;

test("the first ping comes within seconds of CONNECT and measures the round trip; silence is pinged, traffic is not", async () => {
  const { login, advance, server, settle } = await startSimulatedServer({ pingIntervalMs: 10_000 });
  const client = await login();
  await advance(FIRST_PING_FROM_MS - 10);
  assert.equal(client.take(), "");
  client.answersPings = true;
  await advance(FIRST_PING_BY_MS - FIRST_PING_FROM_MS + 20);
  assert.equal(client.take(), "PING\r\n");
  await settle();
  const [connection] = server.clients.values();
  assert.ok(connection.rttMs > 0 && connection.rttMs < 5, `${connection.rttMs} ms`);
  for (let second = 0; second < 40; second++) {
    client.send("PUB a 0\r\n\r\n");
    await advance(1000);
  }
  assert.equal(client.take(), "", "busy for 40 s");
  await advance(65_000);
  const pings = client.take().match(/PING\r\n/g)?.length ?? 0;
  assert.ok(pings >= 5 && pings <= 7, `${pings} pings in 65 s of silence`);
  assert.equal(client.closed, false);
});

test("a connection that leaves ping_max pings unanswered is told that it is stale, and closed", async () => {
  const { login, advance, server } = await startSimulatedServer({ pingIntervalMs: 10_000, pingMax: 3 });
  const client = await login();
  await advance(FIRST_PING_BY_MS + 20_000);
  assert.equal(client.take(), "PING\r\nPING\r\nPING\r\n");
  assert.equal(client.closed, false);
  await advance(10_000);
  assert.equal(client.take(), "-ERR 'Stale Connection'\r\n");
  assert.equal(client.ended || client.closed, true);
  assert.equal(server.clients.size, 0);
  assert.equal((await server.collect()).staleConnections, 1);
});

test("one PONG, even an unasked one, starts the count anew", async () => {
  const { login, advance } = await startSimulatedServer({ pingIntervalMs: 10_000, pingMax: 2 });
  const client = await login();
  for (let i = 0; i < 10; i++) {
    await advance(18_000);
    client.send("PONG\r\n");
  }
  assert.doesNotMatch(client.take(), /Stale/);
  assert.equal(client.closed, false);
});

test("by default a dead client is found within five minutes", async () => {
  const { login, advance, server } = await startSimulatedServer();
  await login();
  await advance(4 * MINUTE_MS);
  assert.equal(server.clients.size, 1);
  await advance(MINUTE_MS);
  assert.equal(server.clients.size, 0);
});

test("a client that does not log in in time is told so and closed; a part of CONNECT is not enough", async () => {
  const { connect, advance, server, log } = await startSimulatedServer({
    authorization: { user: "u", password: "p", timeoutMs: 3000 },
    pingIntervalMs: 1000,
    pingMax: 5,
  });
  const silent = await connect();
  const slow = await connect();
  const quick = await connect();
  slow.send('CONNECT {"user":"u",');
  quick.answersPings = true;
  quick.send('CONNECT {"user":"u","pass":"p","verbose":false}\r\n');
  await advance(2500);
  assert.equal(silent.closed || slow.closed, false);
  await advance(1000);
  for (const client of [silent, slow]) {
    assert.match(client.take(), /^(PING\r\n)*-ERR 'Authentication Timeout'\r\n$/);
    assert.ok(client.ended || client.closed);
  }
  await advance(10_000);
  assert.equal(server.clients.size, 1, "who has logged in stays");
  assert.equal(log.matching(/Authentication Timeout/).length >= 2, true);
});

const KILOBYTE = "x".repeat(1024);

/** A subscriber that reads nothing any more, and somebody who publishes to it. */
async function slowSubscriber(options: Parameters<typeof startSimulatedServer>[0]) {
  const simulated = await startSimulatedServer({ pingIntervalMs: 3_600_000, ...options });
  const slow = await simulated.login();
  slow.send("SUB load 1\r\n");
  const publisher = await simulated.login();
  const other = await simulated.login();
  other.send("SUB load 1\r\n");
  await simulated.settle();
  slow.transport.pause();
  return { ...simulated, slow, publisher, other };
}

const publish = async (
  { publisher, settle }: { publisher: { send(text: string): void } } & Pick<SimulatedServer, "settle">,
  count: number,
): Promise<void> => {
  for (let i = 0; i < count; i += 100) {
    publisher.send(`PUB load 1024\r\n${KILOBYTE}\r\n`.repeat(Math.min(100, count - i)));
    await settle();
  }
};

test("output that is not taken within write_deadline ends the connection, nobody else's, without a word", async () => {
  const all = await slowSubscriber({ writeDeadlineMs: 4000 });
  const { slow, publisher, other, advance, server, log, settle } = all;
  await publish(all, 500);
  await advance(3500);
  assert.equal(server.clients.size, 3);
  await advance(1000);
  assert.equal(server.clients.size, 2);
  slow.transport.resume();
  await settle();
  assert.doesNotMatch(slow.take(), /-ERR/);
  assert.ok(slow.closed || slow.ended);
  assert.equal(other.take().match(/MSG load/g)?.length, 500);
  publisher.send("PING\r\n");
  await settle();
  assert.equal(publisher.take().replace(/^PING\r\n/, ""), "PONG\r\n");
  assert.match(log.matching(/Slow Consumer/)[0], /WriteDeadline of 4s exceeded with \d+ total bytes/);
  assert.equal((await server.collect()).slowConsumers, 1);
});

test("a reader that is slow but takes what is written in time is not closed by the write deadline", async () => {
  const all = await slowSubscriber({ writeDeadlineMs: 4000 });
  const { slow, advance, server } = all;
  await publish(all, 5000);
  for (let i = 0; i < 5; i++) {
    slow.transport.resume();
    await advance(10);
    slow.transport.pause();
    await advance(1500);
  }
  assert.equal(server.clients.size, 3);
  slow.transport.resume();
  await advance(1000);
  assert.equal(slow.take().match(/MSG load/g)?.length, 5000);
});

test("more pending output than max_pending ends the connection, nobody else's", async () => {
  const all = await slowSubscriber({ maxPendingBytes: 1_000_000, noFastProducerStall: true });
  const { other, server, log } = all;
  await publish(all, 1000);
  assert.equal(server.clients.size, 3, "the window and max_pending hold 1000 messages");
  await publish(all, 500);
  assert.equal(server.clients.size, 2);
  assert.equal(other.take().match(/MSG load/g)?.length, 1500);
  assert.match(log.matching(/Slow Consumer/)[0], /MaxPending of 1000000 Exceeded/);
  assert.equal((await server.collect()).slowConsumers, 1);
});

test("output that is pending at the close is still sent to whoever reads", async () => {
  const { login, settle, world, server } = await startSimulatedServer({ pingIntervalMs: 3_600_000 });
  const slow = await login();
  slow.send("SUB load 1\r\n");
  await settle();
  slow.transport.pause();
  const publisher = await login();
  for (let i = 0; i < 10; i++) {
    publisher.send(`PUB load 1024\r\n${KILOBYTE}\r\n`.repeat(100));
    await settle();
  }
  let done = false;
  const closing = server.close().then(() => {
    done = true;
  });
  await settle();
  assert.equal(done, false, "the end of the server waits for it");
  slow.transport.resume();
  await world.clock.settle(closing);
  await settle();
  assert.equal(slow.received.match(/MSG load/g)?.length, 1000);
  assert.ok(slow.closed || slow.ended);
});

test("a reader that never goes on holds the end of the server up for a second only", async () => {
  const all = await slowSubscriber({});
  await publish(all, 500);
  const { server, world, advance } = all;
  let done = false;
  const closing = server.close().then(() => {
    done = true;
  });
  await advance(900);
  assert.equal(done, false);
  await advance(200);
  assert.equal(done, true);
  await world.clock.settle(closing);
});
