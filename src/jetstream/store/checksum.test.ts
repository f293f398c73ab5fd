// XXH32: the published test vectors, and that single changes show.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chained, checksum } from "./checksum.js";

function of(text: string): number {
  const bytes = Buffer.from(text);
  return checksum(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
}

test("known values", () => {
  assert.equal(of(""), 0x02cc5d05);
  assert.equal(of("a"), 0x550d7456);
  assert.equal(of("abc"), 0x32d153ff);
  assert.equal(of("Nobody inspects the spammish repetition"), 0xe2293b2f);
});

test("every flipped bit changes it", () => {
  const bytes = Buffer.alloc(53, "x");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole = checksum(view, 0, 53);
  for (let bit = 0; bit < 53 * 8; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    assert.notEqual(checksum(view, 0, 53), whole);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  assert.equal(checksum(view, 0, 53), whole);
});

test("a chain tells order and number", () => {
  const values = [chained(chained(0, 1), 2), chained(chained(0, 2), 1), chained(0, 1), chained(chained(0, 1), 0)];
  assert.equal(new Set(values).size, 4);
});
