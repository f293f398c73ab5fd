// natsnode/testing with node:test: a server per test, a link that breaks, time that the test moves.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { connect } from "@nats-io/transport-node";
import { cuttingProxy, fakeClock, serverPerTest, startTestServer } from "natsnode/testing";

describe("orders", () => {
  // With vitest or jest, these hooks come from there.
  const nats = serverPerTest({ beforeEach, afterEach });

  test("are confirmed", async () => {
    const nc = await nats.server.connect();
    nc.subscribe("orders", { callback: (_error, message) => void message.respond("confirmed") });
    assert.equal((await nc.request("orders", "12 apples")).string(), "confirmed");
    await nc.close();
  });
});

test("a client survives a broken link", async (t) => {
  const server = await startTestServer(t);
  const proxy = await cuttingProxy(server, t);
  const nc = await connect({ servers: proxy.url, reconnectTimeWait: 10 });
  const statuses = nc.status()[Symbol.asyncIterator]();
  proxy.cut();
  while ((await statuses.next()).value.type !== "disconnect");
  proxy.heal();
  while ((await statuses.next()).value.type !== "reconnect");
  await nc.flush();
  assert.equal((await server.status()).connections, 1);
  await nc.close();
});

test("an hour passes at once", async (t) => {
  const clock = fakeClock();
  const server = await startTestServer(t, { runtime: clock.runtime });
  const before = await server.status();
  await clock.advance(3_600_000);
  const after = await server.status();
  assert.equal(after.nowMs - before.nowMs, 3_600_000);
});
