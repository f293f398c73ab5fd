// A client that publishes faster than the link to another server takes it waits for milliseconds, instead of ending the link.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLocalCluster, until } from "./support/local-cluster.js";
import { connectClient } from "./support/raw-client.js";

const MESSAGES = 40_000;
const BATCH = 500;

test("a publisher that is faster than a route loses nothing", async (t) => {
  const [one, two] = await startLocalCluster(t, 2, { maxPendingBytes: 1024 * 1024 });
  const subscriber = await connectClient(t, two.port);
  let got = 0;
  const all = new Promise<void>((resolve) => {
    subscriber.handle = ({ line }) => {
      if (!line.startsWith("MSG load ")) return false;
      if (++got === MESSAGES) resolve();
      return true;
    };
  });
  subscriber.send("SUB load 1\r\nPING\r\n");
  await subscriber.pong();
  await until("interest has crossed", () => one.server.accounts.global.sublist.hasInterest("load"));
  const publisher = await connectClient(t, one.port);
  const batch = Buffer.from(`PUB load 1024\r\n${"x".repeat(1024)}\r\n`.repeat(BATCH));
  for (let i = 0; i < MESSAGES; i += BATCH) publisher.send(batch);
  await all;
  assert.equal(got, MESSAGES);
  assert.deepEqual(one.log.matching(/Slow Consumer/), []);
});
