// Servers that dial each other at the same moment, in simulated time: with a long way between them, every connection crosses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClusterPlan, linksBetween } from "./simulation/cluster-plan.js";
import { ClusterWorld } from "./simulation/cluster-world.js";

const SERVERS = ["s1", "s2", "s3"];

function plan(poolSize: number, compression: string): ClusterPlan {
  const all = <T>(value: T): Map<string, T> => new Map(SERVERS.map((name) => [name, value]));
  return {
    servers: SERVERS,
    routes: new Map(SERVERS.map((name) => [name, SERVERS.filter((other) => other !== name)])),
    poolSizes: all(poolSize),
    pinned: poolSize > 0,
    compression: all(compression),
    link: { latencyMs: 100, jitterMs: 0, bytesPerSecond: 1e9 },
  };
}

for (const [poolSize, compression] of [
  [3, "accept"],
  [-1, "accept"],
  [-1, "off"],
  [2, "s2_fast"],
] as const) {
  test(`both keep the same connections at once, with a pool of ${poolSize} and compression ${compression}`, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const cluster = plan(poolSize, compression);
      const world = new ClusterWorld(`crossing ${seed}`, cluster);
      for (const name of SERVERS) await world.start(name);
      await world.settled(3_000);
      const formed = world.running.map(({ room }) => room.routes.size);
      const wanted = 2 * linksBetween(cluster, "s1", "s2");
      assert.deepEqual(formed, [wanted, wanted, wanted]);
      // Lost together, they are dialled together again.
      for (const [a, b] of [
        ["s1", "s2"],
        ["s1", "s3"],
        ["s2", "s3"],
      ]) {
        world.runtime.wires.reset(a, b);
      }
      await world.advance(1);
      assert.notEqual(world.unsettled(), undefined);
      await world.settled(4_000);
    }
  });
}

test("a connection that only one side has lost is replaced, before the other one has noticed", async () => {
  const world = new ClusterWorld("half open", {
    ...plan(3, "accept"),
    link: { latencyMs: 1, jitterMs: 0, bytesPerSecond: 1e9 },
  });
  for (const name of SERVERS) await world.start(name);
  await world.settled(5_000);
  world.runtime.wires.halfOpen("s1", "s2");
  await world.advance(1);
  assert.notEqual(world.unsettled(), undefined);
  await world.settled(2_000);
  assert.equal(world.running.length, 3);
});
