import assert from "node:assert/strict";
import { test } from "node:test";
import { letGo, takeQuietly } from "./quiet-memory.js";

const MB = 1024 * 1024;
const counted = (): number => process.memoryUsage().external;

test("what is taken does not count for the collector, what is let go does", () => {
  const before = counted();
  const taken = takeQuietly(8 * MB);
  assert.equal(taken.length, 8 * MB);
  assert.ok(Math.abs(counted() - before) < MB);
  letGo(8 * MB);
  assert.ok(counted() - before > 7 * MB);
});

test("memory is all zero, and bytes in it are as in any other", () => {
  const taken = takeQuietly(1000);
  assert.ok(taken.every((byte) => byte === 0));
  taken.write("a message", 10, "latin1");
  assert.equal(taken.subarray(10, 19).toString("latin1"), "a message");
  assert.deepEqual(Buffer.concat([taken.subarray(10, 19)]), Buffer.from("a message"));
});

test("letting nothing go, or more than there can be, is no error", () => {
  for (const bytes of [0, -1, Number.MAX_SAFE_INTEGER]) assert.equal(letGo(bytes), undefined);
});
