import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { fakeClock, startTestServer } from "./index.js";

test("timers of a server on the real network fire when the test says so", async (t) => {
  const clock = fakeClock();
  const server = await startTestServer(t, { runtime: clock.runtime, authorization: { token: "t", timeoutMs: 5000 } });
  const socket = connect(server.address.port, server.address.host).setEncoding("latin1");
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  await once(socket, "data");
  assert.match(text, /^INFO/);
  await clock.advance(4999);
  assert.equal((await server.status()).connections, 1);
  await clock.advance(1);
  if (!socket.closed) await once(socket, "close");
  assert.match(text, /-ERR 'Authentication Timeout'/);
});

test("time stands still until it is moved", async () => {
  const clock = fakeClock();
  const start = clock.nowMs();
  assert.equal(start, Date.UTC(2025, 0, 1));
  const fired: string[] = [];
  clock.after(20, () => fired.push(`after ${clock.monotonicMs()}`));
  const periodic = clock.every(8, () => fired.push(`every ${clock.monotonicMs()}`));
  await clock.advance(20);
  periodic.cancel();
  await clock.advance(20);
  assert.deepEqual(fired, ["every 8", "every 16", "after 20"]);
  assert.equal(clock.nowMs(), start + 40);
  assert.equal(clock.nowNs(), BigInt(start + 40) * 1_000_000n);
});

test("the end of a turn comes by itself", async () => {
  await assert.doesNotReject(new Promise<void>((resolve) => fakeClock().endOfTurn(resolve)));
});
