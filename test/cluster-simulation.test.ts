// Whole clusters in simulated time; `npm run soak` runs a thousand seeds of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterModel } from "./simulation/cluster-model.js";
import { runCluster } from "./simulation/cluster-run.js";
import { ClusterWorld } from "./simulation/cluster-world.js";
import { PLANTED_BUGS } from "./simulation/planted-bugs.js";
import { findFailure } from "./simulation/search.js";
import type { SimulationClient } from "./simulation/simulation-client.js";

/** Within so many seeds a planted bug must be found. */
const SEEDS_FOR_A_BUG = 200;

test("clusters live through five faults and more, and are at rest afterwards as they were before", async () => {
  const failure = await findFailure({
    simulation: "cluster",
    first: 1,
    count: 2,
    passed: ({ virtualMs, messages, faults }) => {
      assert.ok(virtualMs >= 30_000 && messages >= 500 && faults >= 5, `${virtualMs} ms, ${messages}, ${faults}`);
    },
  });
  assert.equal(failure, undefined, failure?.message);
});

test("one seed gives one history, another seed another", async () => {
  const [first, again, other] = [
    await runCluster(1, { trace: true }),
    await runCluster(1, { trace: true }),
    await runCluster(2, { trace: true }),
  ];
  assert.deepEqual(again, first);
  assert.notEqual(other.digest, first.digest);
});

test("more than max may come until the server confirms UNSUB, and nothing afterwards", async () => {
  const link = { latencyMs: 1, jitterMs: 0, bytesPerSecond: 1e9 };
  const plan = {
    servers: ["s1"],
    routes: new Map(),
    poolSizes: new Map(),
    pinned: false,
    compression: new Map(),
    link,
  };
  const world = new ClusterWorld("max", plan);
  const node = await world.start("s1");
  const model = new ClusterModel(() => world.nowMs);
  const [listener, publisher] = [await world.connect(node, "A"), await world.connect(node, "A")];
  listener.onMessage = (delivery) => void model.deliver(delivery);
  const handled = async (client: SimulationClient) => {
    const pong = client.ping();
    await world.runtime.clock.runUntil(() => client.pongs >= pong, 1_000);
  };
  const publish = async () => {
    const { id } = model.send(publisher, "A", "a.1");
    publisher.send(`PUB a.1 1\r\n${id}\r\n`);
    await handled(publisher);
    await handled(listener);
    return String(id);
  };

  const to = model.subscribe(listener, "a.1", { max: 2 });
  listener.send(`SUB a.1 ${to.sid}\r\n`);
  await handled(listener);
  for (let i = 0; i < 3; i++) await publish();
  assert.deepEqual([to.delivered, to.state], [3, "live"]);

  listener.send(`UNSUB ${to.sid} ${to.max}\r\n`);
  await handled(listener);
  model.confirmMax(to);
  const payload = await publish();
  assert.deepEqual([to.delivered, to.state], [3, "ended"]);
  const late = { client: listener, sid: to.sid, subject: "a.1", reply: undefined, headers: "", payload };
  assert.throws(() => model.deliver(late), /it has ended/);
});

for (const bug of Object.keys(PLANTED_BUGS)) {
  test(`the simulation finds it when ${bug}`, async (t) => {
    const failure = await findFailure({ simulation: "cluster", first: 1, count: SEEDS_FOR_A_BUG, bug });
    assert.ok(failure !== undefined, `not found within ${SEEDS_FOR_A_BUG} seeds`);
    t.diagnostic(failure.message.split("\n")[0]);
  });
}
