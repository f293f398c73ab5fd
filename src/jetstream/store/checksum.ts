// The checksum of records: XXH32 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), seed 0. Words at a time it
// is faster here than a call of zlib's crc32 for anything that a message is.

const P1 = 0x9e3779b1 | 0;
const P2 = 0x85ebca77 | 0;
const P3 = 0xc2b2ae3d | 0;
const P4 = 0x27d4eb2f | 0;
const P5 = 0x165667b1 | 0;

/** XXH32 of the bytes from `start` to `end`, as an unsigned number. */
export function checksum(view: DataView, start: number, end: number): number {
  const length = end - start;
  let at = start;
  let hash: number;
  if (length >= 16) {
    let a = (P1 + P2) | 0;
    let b = P2;
    let c = 0;
    let d = -P1 | 0;
    const stop = end - 16;
    for (; at <= stop; at += 16) {
      a = (a + Math.imul(view.getInt32(at, true), P2)) | 0;
      a = Math.imul((a << 13) | (a >>> 19), P1);
      b = (b + Math.imul(view.getInt32(at + 4, true), P2)) | 0;
      b = Math.imul((b << 13) | (b >>> 19), P1);
      c = (c + Math.imul(view.getInt32(at + 8, true), P2)) | 0;
      c = Math.imul((c << 13) | (c >>> 19), P1);
      d = (d + Math.imul(view.getInt32(at + 12, true), P2)) | 0;
      d = Math.imul((d << 13) | (d >>> 19), P1);
    }
    hash = ((a << 1) | (a >>> 31)) + ((b << 7) | (b >>> 25)) + ((c << 12) | (c >>> 20)) + ((d << 18) | (d >>> 14));
  } else {
    hash = P5;
  }
  hash = (hash + length) | 0;
  for (; at + 4 <= end; at += 4) {
    hash = (hash + Math.imul(view.getInt32(at, true), P3)) | 0;
    hash = Math.imul((hash << 17) | (hash >>> 15), P4);
  }
  for (; at < end; at++) {
    hash = (hash + Math.imul(view.getUint8(at), P5)) | 0;
    hash = Math.imul((hash << 11) | (hash >>> 21), P1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The checksum of a sequence of checksums: that of all but the last, and the last. */
export function chained(before: number, last: number): number {
  const mixed = Math.imul(before ^ last, P2);
  return (Math.imul((mixed << 13) | (mixed >>> 19), P1) + P4) >>> 0;
}
