// CRC-32C, the checksum of S2 and Snappy chunks (RFC 3720, section 12.1): by tables, and for long inputs by folding
// (crc32c-fold.ts), which is several times as fast.
import { foldingCrc32c } from "./crc32c-fold.js";

const CASTAGNOLI = 0x82f63b78;
/** From this length on, copying into the memory of the folding module pays. */
const FOLDED_BYTES = 384;

// Table n advances a byte by n more bytes.
const tables: Int32Array[] = [
  Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
    return crc;
  }),
];
for (let n = 1; n < 16; n++) tables.push(tables[n - 1].map((crc) => (crc >>> 8) ^ tables[0][crc & 255]));
const [T0, T1, T2, T3, T4, T5, T6, T7] = tables;

let folding: ReturnType<typeof foldingCrc32c> | "untried" = "untried";

/**
 * CRC-32C of `bytes[start..end)`, as an unsigned number. `before` is the checksum of the bytes that come before them, so that
 * bytes in several places can be summed one after another.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  if (end - start >= FOLDED_BYTES) {
    if (folding === "untried") folding = foldingCrc32c(tables);
    if (folding !== undefined) return ~folding(bytes, start, end, ~before) >>> 0;
  }
  return ~byTables(bytes, start, end, ~before) >>> 0;
}

/** A checksum as the chunks carry it. */
export function maskedCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function byTables(bytes: Uint8Array, start: number, end: number, crc: number): number {
  let i = start;
  for (const last = end - 8; i <= last; i += 8) {
    crc =
      T7[(crc ^ bytes[i]) & 255] ^
      T6[((crc >>> 8) ^ bytes[i + 1]) & 255] ^
      T5[((crc >>> 16) ^ bytes[i + 2]) & 255] ^
      T4[(crc >>> 24) ^ bytes[i + 3]] ^
      T3[bytes[i + 4]] ^
      T2[bytes[i + 5]] ^
      T1[bytes[i + 6]] ^
      T0[bytes[i + 7]];
  }
  for (; i < end; i++) crc = T0[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return crc;
}
