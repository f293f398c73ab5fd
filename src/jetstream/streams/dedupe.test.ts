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

test("more ids than a map takes are known, the newest of each, and forgotten in their order", () => {
  const ids = new DuplicateIds(10);
  const at = (seconds: number) => ({ seconds, nanoseconds: 0 });
  for (let n = 1; n <= 35; n++) ids.add(`id ${n}`, n, at(n), 0);
  ids.add("id 3", 36, at(36), 0);
  assert.deepEqual([ids.find("id 1", 0), ids.find("id 35", 0), ids.find("id 3", 0), ids.idOf(36)], [1, 35, 36, "id 3"]);
  assert.deepEqual(
    [ids.find("id 12", 12_000), ids.find("id 13", 12_000), ids.find("id 3", 12_000)],
    [undefined, 13, 36],
  );
  assert.equal(ids.size, 24);
  assert.deepEqual([ids.find("id 3", 35_999), ids.find("id 3", 36_000), ids.size], [36, undefined, 0]);
  ids.add("id 4", 37, at(37), 36_000);
  assert.equal(ids.find("id 4", 36_000), 37);
});
