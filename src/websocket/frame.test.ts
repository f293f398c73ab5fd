import assert from "node:assert/strict";
import { test } from "node:test";
import {
  applyMask,
  controlFrame,
  FIN,
  headerBytes,
  headerBytesOf,
  MAX_HEADER_BYTES,
  Opcode,
  writeHeader,
} from "./frame.js";

test("headers are as short as their length allows, and say their own size", () => {
  for (const [length, short] of [
    [0, 2],
    [125, 2],
    [126, 4],
    [65_535, 4],
    [65_536, 10],
    [2 ** 33 + 5, 10],
  ]) {
    for (const mask of [undefined, 0x04030201]) {
      const header = Buffer.alloc(MAX_HEADER_BYTES);
      writeHeader(header, FIN | Opcode.binary, length, mask);
      const bytes = short + (mask === undefined ? 0 : 4);
      assert.equal(headerBytes(length, mask !== undefined), bytes);
      assert.equal(headerBytesOf(header[1]), bytes);
      assert.equal(header[0], 0x82);
      if (mask !== undefined) assert.deepEqual([...header.subarray(short, bytes)], [1, 2, 3, 4]);
    }
  }
});

test("a mask is the same for every place in memory, length and phase", () => {
  const mask = 0x9b7e12c3 | 0;
  const key = [0xc3, 0x12, 0x7e, 0x9b];
  for (let offset = 0; offset < 5; offset++) {
    for (const length of [0, 1, 3, 7, 23, 24, 25, 31, 64, 65, 100, 1000]) {
      for (let phase = 0; phase < 4; phase++) {
        const memory = Buffer.from(new ArrayBuffer(1100));
        for (let i = 0; i < memory.length; i++) memory[i] = i & 0xff;
        const wanted = Buffer.from(memory);
        for (let i = 0; i < length; i++) wanted[offset + i] ^= key[(phase + i) & 3];
        applyMask(memory, offset, offset + length, mask, phase);
        assert.deepEqual(memory, wanted, `offset ${offset}, length ${length}, phase ${phase}`);
      }
    }
  }
});

test("control frames in full", () => {
  assert.equal(controlFrame(Opcode.pong, Buffer.from("hi"), undefined).toString("hex"), "8a026869");
  assert.equal(controlFrame(Opcode.close, Buffer.alloc(0), 0x01010101).toString("hex"), "888001010101");
  assert.equal(controlFrame(Opcode.ping, Buffer.from([1, 2]), 0x01010101).toString("hex"), "8982010101010003");
});
