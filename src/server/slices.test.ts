import assert from "node:assert/strict";
import { test } from "node:test";
import { HostClock, VirtualTime } from "../runtime/simulated/clock.js";
import { inSlices } from "./slices.js";

test("a walk does a slice per turn, the first one at once", async () => {
  const clock = new HostClock(new VirtualTime());
  const seen: number[] = [];
  inSlices(clock, [1, 2, 3, 4, 5].values(), 2, (item) => seen.push(item));
  assert.equal(seen.length, 2);
  const turns: number[] = [];
  clock.endOfTurn(() => turns.push(seen.length));
  await clock.advance(0);
  assert.deepEqual(turns, [4]);
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test("a walk that is stopped goes no further, even from inside", async () => {
  const clock = new HostClock(new VirtualTime());
  const seen: number[] = [];
  const walk = inSlices(clock, [1, 2, 3, 4, 5].values(), 2, (item) => seen.push(item));
  walk.stop();
  await clock.advance(0);
  assert.deepEqual(seen, [1, 2]);
});

test("what grows while it is walked through is part of the walk", async () => {
  const clock = new HostClock(new VirtualTime());
  const items = new Set([1, 2, 3]);
  const seen: number[] = [];
  inSlices(clock, items.values(), 2, (item) => seen.push(item));
  items.add(4);
  items.delete(3);
  await clock.advance(0);
  assert.deepEqual(seen, [1, 2, 4]);
});
