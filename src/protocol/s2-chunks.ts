// The chunks of S2 and Snappy streams: a type, the length of the body in three bytes, the body
// (https://github.com/google/snappy/blob/main/framing_format.txt; S2 has its own identifier, and blocks of up to 4 MB).
import { crc32c, maskedCrc } from "./crc32c.js";

export const COMPRESSED = 0x00;
export const UNCOMPRESSED = 0x01;
export const FIRST_SKIPPABLE = 0x80;
export const IDENTIFIER = 0xff;

/** Type and length. */
export const HEAD_BYTES = 4;
export const CHECKSUM_BYTES = 4;
/** What a chunk may decode to. */
export const MAX_DECODED_BYTES = 4 * 1024 * 1024;
/** What the body of a data chunk may take: a checksum and a block that could not be compressed. */
export const MAX_BODY_BYTES = CHECKSUM_BYTES + MAX_DECODED_BYTES + 16;

export const S2_IDENTIFIER = Buffer.from("\xff\x06\x00\x00S2sTwO", "latin1");
export const SNAPPY_IDENTIFIER = Buffer.from("\xff\x06\x00\x00sNaPpY", "latin1");

const SNAPPY_CHUNK_BYTES = 65_536;

/** Writes type, length and checksum (of the decoded bytes) of a data chunk whose body goes on with `bytes` bytes. */
export function writeChunkHead(target: Uint8Array, at: number, type: number, bytes: number, crc: number): void {
  const length = bytes + CHECKSUM_BYTES;
  const masked = maskedCrc(crc);
  target[at] = type;
  target[at + 1] = length;
  target[at + 2] = length >>> 8;
  target[at + 3] = length >>> 16;
  target[at + 4] = masked;
  target[at + 5] = masked >>> 8;
  target[at + 6] = masked >>> 16;
  target[at + 7] = masked >>> 24;
}

/** Bytes as a Snappy stream, which readers of S2 take too; nothing but the framing is added. */
export function snappyStream(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [SNAPPY_IDENTIFIER];
  for (let at = 0; at < bytes.length; at += SNAPPY_CHUNK_BYTES) {
    const data = bytes.subarray(at, at + SNAPPY_CHUNK_BYTES);
    const head = Buffer.alloc(HEAD_BYTES + CHECKSUM_BYTES);
    writeChunkHead(head, 0, UNCOMPRESSED, data.length, crc32c(data));
    parts.push(head, data);
  }
  return Buffer.concat(parts);
}
