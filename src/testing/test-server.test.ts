import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { NatsServer } from "../library/nats-server.js";
import { serverPerTest, simulatedRuntime, startTestServer } from "./index.js";

test("a test's server has its own port and folder, and both are gone when the test is over", async (t) => {
  let server: NatsServer | undefined;
  let other: NatsServer | undefined;
  await t.test("inside", async (inner) => {
    server = await startTestServer(inner);
    other = await startTestServer(inner, { serverName: "other" });
    assert.notEqual(server.address.port, other.address.port);
    assert.equal(server.address.host, "127.0.0.1");
    assert.equal(other.name, "other");
    const folder = server.options.storeDir!;
    mkdirSync(join(folder, "jetstream"));
    writeFileSync(join(folder, "jetstream", "file"), "data");
  });
  for (const one of [server!, other!]) {
    assert.equal(existsSync(one.options.storeDir!), false);
    await assert.rejects(one.connect(), { name: "ConnectionError" });
  }
});

test("every kind of scope ends the server", async () => {
  const mustNotBeCalled = (): never => assert.fail("the context of a test is no function of its own");
  for (const kind of ["after", "onTestFinished", "function", "context that is a function"] as const) {
    const steps: (() => Promise<void>)[] = [];
    const add = (step: () => Promise<void>): unknown => steps.push(step);
    const scope = {
      after: { after: add },
      onTestFinished: { onTestFinished: add },
      function: add,
      "context that is a function": Object.assign(mustNotBeCalled, { onTestFinished: add }),
    }[kind];
    const server = await startTestServer(scope);
    let closed = false;
    server.on("closed", () => {
      closed = true;
    });
    for (const step of steps) await step();
    assert.equal(closed, true, kind);
  }
});

test("without a scope the test closes it itself", async () => {
  let folder: string;
  {
    await using server = await startTestServer();
    folder = server.options.storeDir!;
    assert.equal(existsSync(folder), true);
  }
  assert.equal(existsSync(folder), false);
});

test("a start that fails throws the library's own error", async () => {
  await assert.rejects(startTestServer(undefined, { maxPayloadBytes: 0.5 }), { code: "OPTIONS_TYPE" });
});

test("a configuration says where to listen", async (t) => {
  const server = await startTestServer(t, { configText: 'listen: "127.0.0.1:-1"\nserver_name: configured' });
  assert.equal(server.name, "configured");
});

test("a server in a simulated world needs no machine at all", async (t) => {
  const world = simulatedRuntime({ seed: 1 });
  const server = await startTestServer(t, { runtime: world, pingIntervalMs: 60_000 });
  assert.equal(server.options.storeDir, undefined);
  const nc = await world.clock.settle(server.connect());
  await world.clock.advance(3_600_000);
  assert.equal((await server.status()).connections, 1);
  assert.equal((await server.status()).nowMs - (await server.status()).startedMs >= 3_600_000, true);
  await world.clock.settle(nc.close());
});

describe("a server per test", () => {
  const nats = serverPerTest({ beforeEach, afterEach }, { serverName: "per-test" });
  const seen: string[] = [];
  for (const name of ["the first", "the second"]) {
    test(name, async () => {
      assert.equal(nats.server.name, "per-test");
      assert.equal(seen.includes(nats.server.id), false);
      seen.push(nats.server.id);
    });
  }
});

test("a server per test exists only inside tests", () => {
  const nothing = { beforeEach: () => {}, afterEach: () => {} };
  assert.throws(() => serverPerTest(nothing).server, /only while a test runs/);
});
