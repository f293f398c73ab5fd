import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readDecimal, writeDecimal, writeDigits } from "./decimal.js";

test("numbers are written as their decimal text, and read from it", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(5), (value, at) => {
      const bytes = Buffer.alloc(32, 0x2a);
      const end = writeDecimal(bytes, at, value);
      assert.equal(bytes.toString("latin1", at, end), String(value));
      assert.equal(bytes[end], 0x2a);
      assert.equal(readDecimal(bytes, at, end), value);
    }),
  );
});

test("what is no number up to 2^53-1 is not read", () => {
  for (const text of [
    "",
    "-1",
    "1.5",
    "1e3",
    " 1",
    "1 ",
    "0x10",
    "9007199254740992",
    "9999999999999999",
    "12345678901234567",
  ]) {
    assert.equal(readDecimal(Buffer.from(text), 0, text.length), -1, text);
  }
  assert.equal(readDecimal(Buffer.from("a007b"), 1, 4), 7);
});

test("digits are written with zeros in front", () => {
  const into = Buffer.alloc(10, 0x2a);
  assert.equal(writeDigits(into, 0, 1203, 9), 9);
  assert.equal(into.toString("latin1"), "000001203*");
});
