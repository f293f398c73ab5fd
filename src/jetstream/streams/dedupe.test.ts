import assert from "node:assert/strict";
import { test } from "node:test";
import { DuplicateIds } from "./dedupe.js";

const WINDOW_MS = 10_000;

function addAll(windowMs: number): DuplicateIds {
  const ids = new DuplicateIds();
  for (let at = 1; at <= 1000; at++) ids.add(`id ${at}`, at, { seconds: at, nanoseconds: 0 }, at * 1000 - windowMs);
  return ids;
}

test("ids that nobody looks for are forgotten when they are too old", () => {
  const ids = addAll(WINDOW_MS);
  assert.equal(ids.size, 10);
  assert.equal(ids.find("id 991", 990_000), 991);
});

test("without a window only the id is known that came last", () => {
  const ids = addAll(0);
  assert.equal(ids.size, 1);
  assert.deepEqual([ids.idOf(1000), ids.find("id 1000", 1_000_000)], ["id 1000", undefined]);
});
