import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "./prng.js";

const seed = Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]);

test("the numbers are those of xoshiro128**", () => {
  const prng = new Prng(seed);
  assert.deepEqual([prng.next(), prng.next(), prng.next(), prng.next()], [11520, 0, 5927040, 70819200]);
});

test("a seed of zeros gives numbers all the same", () => {
  const prng = new Prng(new Uint8Array(16));
  assert.ok(new Set(Array.from({ length: 100 }, () => prng.next())).size > 90);
});

test("below is within its bounds and reaches all of them", () => {
  const prng = new Prng(seed);
  for (const below of [2, 3, 10, 2 ** 32 - 1, 2 ** 40]) {
    for (let i = 0; i < 500; i++) {
      const value = prng.below(below);
      assert.ok(Number.isInteger(value) && value >= 0 && value < below);
    }
  }
  const counts = [0, 0, 0];
  for (let i = 0; i < 3000; i++) counts[prng.below(3)]++;
  for (const count of counts) assert.ok(count > 850 && count < 1150, String(counts));
  assert.deepEqual([prng.below(1), prng.below(0)], [0, 0]);
});

test("float is in [0, 1) and evenly spread", () => {
  const prng = new Prng(seed);
  let sum = 0;
  for (let i = 0; i < 10_000; i++) {
    const value = prng.float();
    assert.ok(value >= 0 && value < 1);
    sum += value;
  }
  assert.ok(Math.abs(sum / 10_000 - 0.5) < 0.02);
});
