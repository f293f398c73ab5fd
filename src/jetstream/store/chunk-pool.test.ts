import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ChunkPool } from "./chunk-pool.js";

test("a chunk that nobody needs or has seen is used again, once what is in it was released", () => {
  const pool = new ChunkPool(100, true);
  const [first, second, third] = [pool.take(10), pool.take(10), pool.take(10)];
  for (const [at, chunk] of [first, second, third].entries()) chunk.lastTicket = at + 1;
  second.isShared = true;
  pool.release(0);
  const fourth = pool.take(10);
  assert.ok(![first, second, third].includes(fourth));
  fourth.lastTicket = 4;
  pool.release(3);
  const again = [pool.take(10), pool.take(10)].filter((chunk) => [first, second, third].includes(chunk));
  assert.deepEqual(new Set(again), new Set([first, third]));
});

test("the chunk that is being filled stays, and a larger one is used once", () => {
  const pool = new ChunkPool(100, true);
  const large = pool.take(1000);
  assert.equal(large.buffer.length, 1000);
  pool.release(5);
  const small = pool.take(100);
  assert.equal(small.buffer.length, 100);
  pool.release(5);
  assert.notEqual(pool.take(100), small);
});

test("wiping leaves nothing in what is free", () => {
  const pool = new ChunkPool(100, true);
  const chunk = pool.take(10);
  chunk.buffer.fill(7);
  pool.take(10);
  pool.release(1);
  pool.wipe();
  assert.equal(pool.take(10), chunk);
  assert.ok(chunk.buffer.every((byte) => byte === 0));
});

test("where nothing is released nothing is held", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const pool = new ChunkPool(100, false);
  const taken = Array.from({ length: 50 }, () => new WeakRef(pool.take(10)));
  // A WeakRef holds what it was made of until the turn has ended.
  await new Promise(setImmediate);
  collect();
  assert.ok(taken.filter((chunk) => chunk.deref() !== undefined).length < 5);
  assert.ok(pool.take(10));
});
