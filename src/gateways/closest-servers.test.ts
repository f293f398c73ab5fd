import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedSuperCluster } from "../../test/support/simulated-super-cluster.js";
import { type ClosestOptions, measureServers, type ServerDistance } from "./closest-servers.js";

const latencyMs = { "A B": 40, "A C": 10, "B C": 20 };

async function measure(
  all: SimulatedSuperCluster,
  from: string,
  urls: readonly string[],
  options?: ClosestOptions,
): Promise<ServerDistance[]> {
  const measured = measureServers(urls, all.world.host(from), options);
  return all.world.clock.settle(measured);
}

test("the nearest comes first, with its name and cluster; what cannot be reached comes last", async () => {
  const all = await SimulatedSuperCluster.start({ A: 1, B: 1, C: 1 }, { latencyMs });
  const found = await measure(all, "A1", ["nats://B1", "nats://nowhere:1", "C1:4222", "nats://A1:4222"]);
  const shown = found.map(({ url, rttMs, cluster }) => [url, rttMs && Math.floor(rttMs / 10) * 10, cluster]);
  assert.deepEqual(shown, [
    ["nats://A1:4222", 0, "A"],
    ["C1:4222", 20, "C"],
    ["nats://B1", 80, "B"],
    ["nats://nowhere:1", undefined, undefined],
  ]);
  assert.match(found[3].error ?? "", /^nowhere:1: .*ENOTFOUND/);
  assert.equal(found[0].serverName, "A1");
  await all.close();
});

test("a server in lame duck mode comes after those that want clients", async () => {
  const all = await SimulatedSuperCluster.start({ A: 1, B: 1 }, { latencyMs: { "A B": 40 } });
  // Held by a client, so that it does not end at once.
  await all.client("A1");
  void all.server("A1").lameDuck();
  const [first, last] = await measure(all, "A1", ["A1", "B1"]);
  assert.deepEqual([first.url, first.lameDuck], ["B1", false]);
  if (last.rttMs !== undefined) assert.equal(last.lameDuck, true);
  await all.close();
});

test("a server that asks for a login is measured without one, and by PING with one", async () => {
  const authorization = { user: "u", password: "p" };
  const all = await SimulatedSuperCluster.start(
    { A: 1, B: 1 },
    { latencyMs: { "A B": 15 }, options: { authorization } },
  );
  const found = await measure(all, "A1", ["nats://B1", "nats://u:p@B1", "nats://u:wrong@B1"]);
  for (const { rttMs = 0 } of found) assert.equal(Math.floor(rttMs / 10), 3);
  assert.equal(all.log("B1").matching(/authentication error/).length, 1);
  await all.close();
});

test("a server that says nothing is measured by connecting alone, after the time for an answer", async () => {
  const all = await SimulatedSuperCluster.start({ A: 1, B: 1 }, { latencyMs: { "A B": 15 } });
  const listening = all.world.host("B1").network.listen({ host: "0.0.0.0", port: 9 }, () => {});
  await all.world.clock.settle(listening);
  const [silent] = await measure(all, "A1", ["nats://B1:9"], { timeoutMs: 300 });
  assert.equal(Math.floor((silent.rttMs ?? 0) / 10), 3);
  await assert.rejects(measureServers(["nats://"], all.world), /"nats:\/\/" is not a URL of a server/);
  await all.close();
});
