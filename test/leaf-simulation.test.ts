// Leaf nodes in simulated time, in chains and trees, through faults of all kinds; `npm run soak` runs a thousand seeds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LEAF_BUGS } from "./simulation/leaf-bugs.js";
import { findFailure } from "./simulation/search.js";

/** Within so many seeds a planted bug must be found. */
const SEEDS_FOR_A_BUG = 200;

test("leaf nodes live through five faults, and are at rest afterwards as they were before", async () => {
  let messages = 0;
  const failure = await findFailure({
    simulation: "leaf nodes",
    first: 1,
    count: 2,
    passed: (report) => {
      assert.equal(report.faults, 5);
      messages += report.messages;
    },
  });
  assert.equal(failure, undefined, failure?.message);
  assert.ok(messages > 1000);
});

for (const bug of Object.keys(LEAF_BUGS)) {
  test(`the simulation finds it when ${bug}`, async (t) => {
    const failure = await findFailure({ simulation: "leaf nodes", first: 1, count: SEEDS_FOR_A_BUG, bug });
    assert.ok(failure !== undefined, `not found within ${SEEDS_FOR_A_BUG} seeds`);
    t.diagnostic(failure.message.split("\n")[0]);
  });
}
