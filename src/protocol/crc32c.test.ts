import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c, maskedCrc } from "./crc32c.js";
import { foldingCrc32c } from "./crc32c-fold.js";

// Bit by bit, as the definition has it.
function plainCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function pattern(length: number, seed: number): Buffer {
  let state = seed | 1;
  return Buffer.from(
    Array.from({ length }, () => {
      state = Math.imul(state, 1664525) + 1013904223;
      return state >>> 24;
    }),
  );
}

test("the checksums of RFC 3720, B.4", () => {
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e);
  assert.equal(crc32c(Buffer.alloc(0)), 0);
});

test("a checksum is masked as the framing format says", () => {
  const crc = 0xe3069283;
  assert.equal(maskedCrc(crc), (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  assert.equal(maskedCrc(0), 0xa282ead8);
});

test("every length around the limits of tables and folding", () => {
  const bytes = pattern(66_200, 1);
  for (let length = 0; length < 1200; length++) {
    assert.equal(crc32c(bytes, 5, 5 + length), plainCrc(bytes.subarray(5, 5 + length)), `${length} bytes`);
  }
  for (const length of [4095, 4096, 65_535, 65_536, 65_537, 65_536 + 511, 65_536 + 600]) {
    assert.equal(crc32c(bytes, 0, length), plainCrc(bytes.subarray(0, length)), `${length} bytes`);
  }
});

test("in one go and in pieces", () => {
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(5000), fc.nat(), (first, second, seed) => {
      const bytes = pattern(first + second, seed);
      const before = crc32c(bytes, 0, first);
      assert.equal(crc32c(bytes, first, first + second, before), plainCrc(bytes));
    }),
    { numRuns: 100 },
  );
});

test("a place without WebAssembly is told, not thrown", () => {
  const there = Object.getOwnPropertyDescriptor(globalThis, "WebAssembly")!;
  try {
    Object.defineProperty(globalThis, "WebAssembly", { value: undefined, configurable: true });
    assert.equal(foldingCrc32c([]), undefined);
  } finally {
    Object.defineProperty(globalThis, "WebAssembly", there);
  }
});
