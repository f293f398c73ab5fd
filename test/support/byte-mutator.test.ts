// Mutations are repeatable and really differ.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mutate, SEED_SESSIONS, seededRandom } from "./byte-mutator.js";

const seeds = SEED_SESSIONS.map((text) => Buffer.from(text, "latin1"));
const series = (seed: number): string[] => {
  const random = seededRandom(seed);
  return Array.from({ length: 200 }, () => Buffer.from(mutate(seeds, random)).toString("latin1"));
};

test("one seed makes one series", () => {
  assert.deepEqual(series(7), series(7));
  assert.notDeepEqual(series(7), series(8));
});

test("mutations differ from each other and from their beginnings, which stay as they are", () => {
  const before = seeds.map((seed) => seed.toString("latin1"));
  const made = new Set(series(1));
  assert.ok(made.size > 180, `${made.size} of 200`);
  assert.ok([...made].filter((text) => before.includes(text)).length < 10);
  assert.deepEqual(
    seeds.map((seed) => seed.toString("latin1")),
    before,
  );
});

test("random numbers are spread over [0, 1)", () => {
  const random = seededRandom(42);
  const numbers = Array.from({ length: 10_000 }, random);
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
});
