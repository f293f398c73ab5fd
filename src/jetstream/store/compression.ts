// `compression: s2`: S2 blocks, one after the other, as one block is at most 64 KB long.
import { decodeBlock, decodedLength } from "../../protocol/s2-block.js";
import { encodeBlock, LONGEST_BLOCK } from "../../protocol/s2-encoder.js";
import type { Compression } from "./codec.js";

const LENGTH_BYTES = 4;
/** In a part's length: the part is as it was. */
const PLAIN = 0x8000_0000;

/** Parts: four bytes of length, and a block, or bytes that do not become shorter. */
export const s2: Compression = {
  compress(plain) {
    const parts = Math.ceil(plain.length / LONGEST_BLOCK);
    const result = Buffer.allocUnsafeSlow(plain.length + parts * LENGTH_BYTES);
    let end = 0;
    for (let start = 0; start < plain.length; start += LONGEST_BLOCK) {
      const stop = Math.min(plain.length, start + LONGEST_BLOCK);
      const from = end + LENGTH_BYTES;
      const encoded = encodeBlock("fast", plain, start, stop, result, from);
      if (encoded < 0) result.set(plain.subarray(start, stop), from);
      const to = encoded < 0 ? from + stop - start : encoded;
      result.writeUInt32LE(encoded < 0 ? PLAIN + stop - start : to - from, end);
      end = to;
    }
    return result.subarray(0, end);
  },

  uncompress(compressed) {
    const bytes = Buffer.from(compressed.buffer, compressed.byteOffset, compressed.length);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt32LE(at);
      const start = at + LENGTH_BYTES;
      const end = start + (length >= PLAIN ? length - PLAIN : length);
      if (length >= PLAIN) {
        parts.push(bytes.subarray(start, end));
      } else {
        const part = Buffer.allocUnsafeSlow(decodedLength(bytes, start, end));
        decodeBlock(bytes, start, end, part);
        parts.push(part);
      }
      at = end;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  },
};
