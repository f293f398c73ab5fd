import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeConfigText, encodeConfigText, joinKeptBytes, keepByte } from "./text.js";

test("any bytes survive decoding and encoding", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      assert.deepEqual(encodeConfigText(decodeConfigText(bytes)), Buffer.from(bytes));
    }),
  );
});

test("valid UTF-8 is plain text, a replacement character in it included", () => {
  const text = "größe \u{1f600} \ufffd \u2028";
  assert.equal(decodeConfigText(Buffer.from(text)), text);
  assert.equal(encodeConfigText(text).toString(), text);
});

test("each invalid byte becomes one lone surrogate", () => {
  assert.equal(decodeConfigText(Buffer.of(0x61, 0xe2, 0x82, 0x62)), "a\udce2\udc82b");
  assert.equal(decodeConfigText(Buffer.of(0xed, 0xa0, 0x80)), "\udced\udca0\udc80");
  assert.equal(decodeConfigText(Buffer.of(0xc0, 0x80)), "\udcc0\udc80");
});

test("kept bytes that are UTF-8 together become the character", () => {
  assert.equal(joinKeptBytes([0xe2, 0x82, 0xac].map(keepByte).join("")), "€");
  assert.equal(joinKeptBytes(`x${keepByte(0xff)}${keepByte(0x41)}`), "x\udcffA");
});
