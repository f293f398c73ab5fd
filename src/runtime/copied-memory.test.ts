import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressOf, copyMemory, ELSEWHERE, takeMemory } from "./copied-memory.js";

test("bytes are copied between two pieces, and nothing around them", () => {
  const from = takeMemory(5000);
  const to = takeMemory(5000);
  for (let i = 0; i < from.length; i++) from[i] = i % 251;
  const range = fc.tuple(fc.nat(2000), fc.nat(2000), fc.nat(3000));
  fc.assert(
    fc.property(range, ([at, toAt, count]) => {
      to.fill(255);
      copyMemory(addressOf(to) + toAt, addressOf(from) + at, count);
      const expected = Buffer.alloc(5000, 255);
      from.copy(expected, toAt, at, at + count);
      assert.ok(to.equals(expected));
    }),
  );
});

test("pieces do not overlap, and other buffers lie elsewhere", () => {
  const one = takeMemory(100);
  const other = takeMemory(100);
  assert.ok(Math.abs(addressOf(one) - addressOf(other)) >= 100);
  assert.equal(addressOf(Buffer.alloc(10)), ELSEWHERE);
});

test("when all of it is taken there is plain memory", () => {
  let piece = takeMemory(1024 * 1024);
  for (let i = 0; i < 64 && addressOf(piece) !== ELSEWHERE; i++) piece = takeMemory(1024 * 1024);
  assert.equal(addressOf(piece), ELSEWHERE);
  assert.equal(piece.fill(1).length, 1024 * 1024);
});
