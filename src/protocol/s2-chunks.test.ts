import assert from "node:assert/strict";
import { test } from "node:test";
import { snappyStream } from "./s2-chunks.js";

test("chunks follow the stream identifier, with length and masked checksum", () => {
  const stream = snappyStream(Buffer.from("123456789"));
  assert.equal(stream.subarray(0, 10).toString("latin1"), "\xff\x06\x00\x00sNaPpY");
  assert.deepEqual([...stream.subarray(10, 14)], [1, 13, 0, 0]);
  const crc = 0xe3069283;
  assert.equal(stream.readUInt32LE(14), (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  assert.equal(stream.subarray(18).toString(), "123456789");
});

test("long input is cut into chunks", () => {
  const stream = snappyStream(Buffer.alloc(65_537, 7));
  assert.equal(stream.length, 10 + 8 + 65_536 + 8 + 1);
  assert.equal(stream[10 + 8 + 65_536], 1);
});
