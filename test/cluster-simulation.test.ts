// Whole clusters in simulated time; `npm run soak` runs a thousand seeds of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCluster } from "./simulation/cluster-run.js";
import { PLANTED_BUGS } from "./simulation/planted-bugs.js";
import { findFailure } from "./simulation/search.js";

/** Within so many seeds a planted bug must be found. */
const SEEDS_FOR_A_BUG = 200;

test("clusters live through five faults and more, and are at rest afterwards as they were before", async () => {
  const failure = await findFailure({
    simulation: "cluster",
    first: 1,
    count: 5,
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

for (const bug of Object.keys(PLANTED_BUGS)) {
  test(`the simulation finds it when ${bug}`, async (t) => {
    const failure = await findFailure({ simulation: "cluster", first: 1, count: SEEDS_FOR_A_BUG, bug });
    assert.ok(failure !== undefined, `not found within ${SEEDS_FOR_A_BUG} seeds`);
    t.diagnostic(failure.message.split("\n")[0]);
  });
}
