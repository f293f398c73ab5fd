import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c, snappyFrames } from "./snappy-frames.js";

test("the checksum is CRC-32C", () => {
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
});

test("chunks follow the stream identifier, with length and masked checksum", () => {
  const frames = snappyFrames(Buffer.from("123456789"));
  assert.equal(frames.subarray(0, 10).toString("latin1"), "\xff\x06\x00\x00sNaPpY");
  assert.deepEqual([...frames.subarray(10, 14)], [1, 13, 0, 0]);
  const crc = 0xe3069283;
  assert.equal(frames.readUInt32LE(14), (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  assert.equal(frames.subarray(18).toString(), "123456789");
});

test("long input is cut into chunks", () => {
  const frames = snappyFrames(Buffer.alloc(65_537, 7));
  assert.equal(frames.length, 10 + 8 + 65_536 + 8 + 1);
  assert.equal(frames[10 + 8 + 65_536], 1);
});
