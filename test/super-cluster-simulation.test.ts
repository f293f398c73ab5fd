// Super-clusters in simulated time, through faults of all kinds; `npm run soak` runs a thousand seeds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findFailure } from "./simulation/search.js";

test("messages, groups, answers and accounts stay right in three clusters of three", async () => {
  let messages = 0;
  const failure = await findFailure({
    simulation: "super-cluster",
    first: 1,
    count: 3,
    passed: (report) => {
      assert.ok(report.faults > 0);
      messages += report.messages;
    },
  });
  assert.equal(failure, undefined, failure?.message);
  assert.ok(messages > 0);
});
