import assert from "node:assert/strict";
import { test } from "node:test";
import { MatchCache } from "./match-cache.js";

test("a wildcard change concerns the subjects it matches only", () => {
  const cache = new MatchCache<number>();
  cache.set("a.b", 1, 0);
  cache.set("a.c", 2, 0);
  cache.outdateMatching("*.b");
  assert.equal(cache.get("a.b"), undefined);
  assert.equal(cache.get("a.c"), 2);
  cache.set("a.b", 3, 0);
  assert.equal(cache.get("a.b"), 3);
  assert.equal(cache.size, 2);
});

test("an entry that missed more changes than are remembered is outdated", () => {
  const cache = new MatchCache<number>();
  cache.set("a.b", 1, 0);
  cache.set("c", 2, 0);
  for (let change = 0; change < 64; change++) cache.outdateMatching("x.*");
  assert.equal(cache.get("a.b"), 1);
  cache.outdateMatching("x.*");
  assert.equal(cache.get("a.b"), 1);
  assert.equal(cache.get("c"), undefined);
});

test("one subject is outdated, or dropped", () => {
  const cache = new MatchCache<number>();
  cache.set("a", 1, 0);
  cache.set("b", 2, 0);
  cache.outdate("a");
  assert.equal(cache.get("a"), undefined);
  assert.deepEqual(
    [...cache.entries()],
    [
      ["a", undefined],
      ["b", 2],
    ],
  );
  cache.forget("a");
  assert.equal(cache.size, 1);
  cache.forget("never");
  assert.equal(cache.get("b"), 2);
});

test("the number of entries is bounded, and what is used stays", () => {
  const cache = new MatchCache<number>();
  cache.set("hot", 1, 0);
  for (let at = 0; at < 10_000; at++) {
    cache.set(`cold.${at}`, at, 0);
    assert.equal(cache.get("hot"), 1);
  }
  assert.ok(cache.size <= 2048);
  assert.equal(cache.get("cold.1"), undefined);
});

test("the number of stored members is bounded", () => {
  const cache = new MatchCache<number>();
  for (let at = 0; at < 100; at++) cache.set(`big.${at}`, at, 100_000);
  assert.ok(cache.size <= 4);
  cache.set("huge", 1, 1_000_000);
  assert.equal(cache.get("huge"), undefined);
  cache.set("x".repeat(2000), 1, 0);
  assert.equal(cache.get("x".repeat(2000)), undefined);
});
