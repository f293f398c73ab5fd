import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { copyWords, sameWords, startsWith, viewOf } from "./words.js";

test("comparing and copying by words is the same as by bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 80 }), fc.nat(7), fc.nat(80), (bytes, at, length) => {
      const count = Math.max(4, Math.min(length, bytes.length - at));
      const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const copy = Buffer.alloc(100, 0x2a);
      const to = new DataView(copy.buffer, copy.byteOffset, copy.length);
      copyWords(from, at, to, 3, count);
      assert.deepEqual([...copy.subarray(3, 3 + count)], [...bytes.subarray(at, at + count)]);
      assert.ok(
        copy.subarray(0, 3).every((byte) => byte === 0x2a) && copy.subarray(3 + count).every((byte) => byte === 0x2a),
      );
      assert.ok(sameWords(from, at, to, 3, count));
      for (let i = 0; i < count; i++) {
        copy[3 + i] ^= 1;
        assert.ok(!sameWords(from, at, to, 3, count), `byte ${i} of ${count}`);
        copy[3 + i] ^= 1;
      }
    }),
    { numRuns: 50 },
  );
});

test("a view shows the bytes of its buffer, whichever was asked for before", () => {
  const [a, b] = [Buffer.from("aaaa"), Buffer.from("bbbb")];
  for (const buffer of [a, b, b, a]) assert.equal(viewOf(buffer).getUint8(0), buffer[0]);
});

test("bytes begin with others as far as they reach", () => {
  const bytes = Buffer.from("xabcd");
  const isThere = (beginning: string, end = 5): boolean => startsWith(bytes, 1, end, Buffer.from(beginning));
  assert.deepEqual([isThere("abc"), isThere("abcd"), isThere(""), isThere("abx")], [true, true, true, false]);
  assert.deepEqual([isThere("abc", 3), isThere("ab", 3), isThere("abcde")], [false, true, false]);
});
