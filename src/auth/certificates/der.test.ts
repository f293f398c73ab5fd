import assert from "node:assert/strict";
import { test } from "node:test";
import { DerError, derValues, oidText } from "./der.js";

test("values one after the other, with short and long lengths", () => {
  const long = Buffer.concat([Buffer.from([4, 0x82, 1, 0]), Buffer.alloc(256, 7)]);
  const values = derValues(Buffer.concat([Buffer.from([2, 1, 5, 5, 0]), long]));
  assert.deepEqual(
    values.map(({ tag, content, whole }) => [tag, content.length, whole.length]),
    [
      [2, 1, 3],
      [5, 0, 2],
      [4, 256, 260],
    ],
  );
  assert.deepEqual(derValues(Buffer.alloc(0)), []);
});

test("what is cut off or no DER is refused", () => {
  for (const bytes of [[4], [4, 2, 1], [4, 0x80], [4, 0x82, 1], [4, 0x85, 0, 0, 0, 0, 1, 1]]) {
    assert.throws(() => derValues(Buffer.from(bytes)), DerError, bytes.join());
  }
});

test("object identifiers", () => {
  assert.equal(oidText(Buffer.from([0x55, 4, 3])), "2.5.4.3");
  assert.equal(oidText(Buffer.from([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1])), "1.2.840.113549.1.9.1");
  assert.equal(
    oidText(Buffer.from([9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25])),
    "0.9.2342.19200300.100.1.25",
  );
});
