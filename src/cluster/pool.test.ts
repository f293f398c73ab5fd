import assert from "node:assert/strict";
import { test } from "node:test";
import { poolIndex } from "./pool.js";

test("an account's place is that of nats-server", () => {
  // $G uses index 2 of 3 (conformance/topology, WIRE.md 2.2).
  assert.equal(poolIndex("$G", 3), 2);
  assert.deepEqual(
    [0, 1].map((size) => poolIndex("$G", size)),
    [0, 0],
  );
});

test("accounts spread over the whole pool", () => {
  const used = new Set(Array.from({ length: 200 }, (_, i) => poolIndex(`ACCOUNT_${i}`, 5)));
  assert.deepEqual([...used].sort(), [0, 1, 2, 3, 4]);
});
