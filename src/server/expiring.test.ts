import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import { Expiring } from "./expiring.js";

test("things end in the order in which they were added, each after its time", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const ended: string[] = [];
  const things = new Expiring<string>(clock, 1_000, (thing) => ended.push(thing));
  things.add("a");
  await clock.advance(400);
  things.add("b");
  await clock.advance(599);
  assert.deepEqual(ended, []);
  await clock.advance(1);
  assert.deepEqual(ended, ["a"]);
  things.add("c");
  things.endOldest();
  assert.deepEqual([ended, things.size], [["a", "b"], 1]);
  await clock.advance(1_000);
  assert.deepEqual(ended, ["a", "b", "c"]);
  things.add("d");
  things.close();
  await clock.advance(5_000);
  assert.deepEqual([ended.length, things.size], [3, 0]);
});
