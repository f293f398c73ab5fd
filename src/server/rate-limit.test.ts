import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import { RateLimit } from "./rate-limit.js";

test("so many a second, and the others are counted", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const limit = new RateLimit(world.clock, 2);
  const reports: number[] = [];
  limit.report((refused) => reports.push(refused));
  assert.deepEqual([limit.allows(), limit.allows(), limit.allows(), limit.allows()], [true, true, false, false]);
  await world.clock.advance(1_001);
  assert.deepEqual(reports, [2]);
  assert.equal(limit.allows(), true);
  await world.clock.advance(2_000);
  assert.deepEqual(reports, [2]);
  limit.close();
  for (let i = 0; i < 3; i++) limit.allows();
  await world.clock.advance(2_000);
  assert.deepEqual(reports, [2]);
});
