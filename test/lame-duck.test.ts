// Lame duck mode in virtual time: clients are told, served in the grace period, then closed one by one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { transportPair } from "../src/runtime/pipe.js";
import { type SimulatedClient, startSimulatedServer } from "./support/simulated-server.js";

const OPTIONS = { lameDuckDurationMs: 60_000, lameDuckGracePeriodMs: 10_000, pingIntervalMs: 3_600_000 };

/** A client of protocol 1 that has sent its first PING. */
async function modern(login: (connect: object) => Promise<SimulatedClient>, settle: () => Promise<void>) {
  const client = await login({ protocol: 1 });
  client.answersPings = true;
  client.send("PING\r\n");
  await settle();
  client.take();
  return client;
}

test("clients of protocol 1 get INFO with ldm; all are served in the grace period; nobody new gets in", async () => {
  const { world, server, login, settle, advance } = await startSimulatedServer(OPTIONS);
  const client = await modern(login, settle);
  const old = await login();
  old.answersPings = true;
  const done = server.lameDuck();
  await settle();
  assert.match(client.received, /^INFO \{.*"ldm":true.*\}\r\n$/);
  assert.doesNotMatch(client.received, /connect_info/);
  client.take();
  assert.doesNotMatch(old.take(), /INFO/);
  assert.equal((await server.collect()).lameDuck, true);
  const dial = world.host("clients").network.dial({ host: "main", port: 4222, timeoutMs: 500 });
  await assert.rejects(world.clock.settle(dial), { code: "ECONNREFUSED" });
  await advance(9000);
  old.send("SUB a 1\r\nPUB a 0\r\n\r\n");
  await settle();
  assert.match(old.take(), /MSG a 1 0\r\n/);
  await advance(1100);
  await world.clock.settle(done);
  assert.equal(server.state, "closed");
});

test("INFO with ldm names the port that the system has chosen, as the first INFO did", async () => {
  const { server, login, settle } = await startSimulatedServer({ ...OPTIONS, port: -1 });
  const client = await modern(login, settle);
  const { port } = server.advertised;
  assert.ok(port > 0);
  void server.lameDuck();
  await settle();
  assert.match(client.received, new RegExp(`"port":${port},.*"ldm":true`));
  await server.close();
});

test("clients are closed over the rest of the duration, not all at once", async () => {
  const { world, server, login, advance } = await startSimulatedServer(OPTIONS);
  for (let i = 0; i < 100; i++) (await login()).answersPings = true;
  const done = server.lameDuck();
  await advance(10_000);
  assert.ok(server.clients.size >= 98, `${server.clients.size} left after the grace period`);
  let left = server.clients.size;
  for (let seconds = 0; seconds < 25; seconds += 5) {
    await advance(5000);
    assert.ok(left - server.clients.size <= 30, "at most a third in 5 s");
    left = server.clients.size;
  }
  assert.ok(left > 5 && left < 60, `${left} left in the middle`);
  await advance(26_000);
  assert.equal(server.state, "closed");
  await world.clock.settle(done);
});

test("many clients are closed within the duration all the same", async () => {
  const { world, server, advance } = await startSimulatedServer({
    ...OPTIONS,
    lameDuckDurationMs: 30_000,
    lameDuckGracePeriodMs: 29_900,
  });
  for (let i = 0; i < 4000; i++) server.handle(transportPair(world.clock)[0]);
  void server.lameDuck();
  await advance(29_800);
  assert.equal(server.clients.size, 4000);
  await advance(1300);
  assert.equal(server.state, "closed");
});

test("the last client that leaves by itself ends it at once", async () => {
  const { world, server, login, settle } = await startSimulatedServer(OPTIONS);
  const client = await modern(login, settle);
  const done = server.lameDuck();
  await settle();
  client.transport.end();
  await settle();
  await world.clock.settle(done, 10);
  assert.equal(server.state, "closed");
});

test("without clients it ends at once; asked twice it is one", async () => {
  const { world, server } = await startSimulatedServer(OPTIONS);
  const done = server.lameDuck();
  assert.equal(server.lameDuck(), done);
  await world.clock.settle(done, 10);
  assert.equal(server.state, "closed");
  await world.clock.settle(server.lameDuck(), 10);
});

test("a close during lame duck mode ends both", async () => {
  const { world, server, login, settle } = await startSimulatedServer(OPTIONS);
  const client = await modern(login, settle);
  const done = server.lameDuck();
  await settle();
  await world.clock.settle(server.close(), 2000);
  await world.clock.settle(done, 10);
  await settle();
  assert.ok(client.closed || client.ended);
  assert.equal(server.state, "closed");
});
