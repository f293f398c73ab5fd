// The framing format of snappy, with chunks that are not compressed: readers of snappy and s2 streams take them
// (https://github.com/google/snappy/blob/main/framing_format.txt).

const STREAM_IDENTIFIER = Buffer.from([0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]);
const UNCOMPRESSED = 0x01;
const MAX_CHUNK_BYTES = 65_536;
const MASK_DELTA = 0xa282ead8;

/** Wraps bytes; nothing but the framing is added. */
export function snappyFrames(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [STREAM_IDENTIFIER];
  for (let at = 0; at < bytes.length; at += MAX_CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + MAX_CHUNK_BYTES);
    const head = Buffer.alloc(8);
    head[0] = UNCOMPRESSED;
    head.writeUIntLE(chunk.length + 4, 1, 3);
    head.writeUInt32LE(masked(crc32c(chunk)), 4);
    parts.push(head, chunk);
  }
  return Buffer.concat(parts);
}

function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

const CASTAGNOLI = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
  return crc;
});

/** CRC-32C, as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
