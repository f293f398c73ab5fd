// Reads S2 and Snappy streams from whatever slices they arrive in, with bounded memory.
import { crc32c, maskedCrc } from "./crc32c.js";
import { decodeBlock, decodedLength } from "./s2-block.js";
import {
  CHECKSUM_BYTES,
  COMPRESSED,
  FIRST_SKIPPABLE,
  HEAD_BYTES,
  IDENTIFIER,
  MAX_BODY_BYTES,
  MAX_DECODED_BYTES,
  S2_IDENTIFIER,
  SNAPPY_IDENTIFIER,
  UNCOMPRESSED,
} from "./s2-chunks.js";
import { S2Error } from "./s2-error.js";

/**
 * Takes decoded bytes `buffer[start..end)`, which are only valid during the call. False: no more of what was fed is to be
 * looked at now.
 */
export type TakeDecoded = (buffer: Buffer, start: number, end: number) => boolean;

const EMPTY = Buffer.alloc(0);
/** A chunk that has just begun is kept in this much. */
const FIRST_KEPT_BYTES = 1024;
/** Buffers for chunks that arrive in several slices; a few are kept for all readers of a loop. */
const SPARE_BYTES = 128 * 1024;
const MOST_SPARES = 8;
const spares: Buffer[] = [];
/** Room for decoded blocks is shared by all readers of a loop; a larger one is not kept. */
const KEPT_ROOM_BYTES = 1024 * 1024;
let room: Buffer = EMPTY;

export class S2Reader {
  private readonly take: TakeDecoded;
  // A chunk that has not arrived whole: its first bytes, and how many it will have as far as that is known.
  private kept: Buffer = EMPTY;
  private keptBytes = 0;
  private wantedBytes = HEAD_BYTES;
  // Bytes to come that are of no interest.
  private skipping = 0;
  private identified = false;

  constructor(take: TakeDecoded) {
    this.take = take;
  }

  /**
   * Takes `chunk[start..end)`, which may be reused after the call, and returns up to where: before `end` only when `take` has
   * answered false.
   * @throws {S2Error} it is not such a stream; nothing can be read after that
   */
  feed(chunk: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.skipping > 0) {
        const count = Math.min(this.skipping, end - at);
        this.skipping -= count;
        at += count;
        continue;
      }
      let goOn = true;
      if (this.keptBytes === 0 && end - at >= HEAD_BYTES) {
        const bytes = this.chunkBytes(chunk, at);
        if (end - at >= bytes) {
          at += bytes;
          goOn = this.chunk(chunk, at - bytes, at);
        } else at = this.keep(chunk, at, end, bytes);
      } else {
        at = this.keep(chunk, at, end, this.wantedBytes);
        if (this.keptBytes === this.wantedBytes) goOn = this.keptWanted();
      }
      if (!goOn) return at;
    }
    return at;
  }

  // How many bytes of the chunk that begins here have to be looked at together; what stands behind is skipped.
  private chunkBytes(bytes: Buffer, at: number): number {
    const type = bytes[at];
    const length = bytes[at + 1] | (bytes[at + 2] << 8) | (bytes[at + 3] << 16);
    if (!this.identified && type !== IDENTIFIER) throw new S2Error("S2_CHUNK", "s2: no stream identifier");
    if (type === COMPRESSED || type === UNCOMPRESSED) {
      if (length < CHECKSUM_BYTES) throw new S2Error("S2_CHUNK", "s2: a chunk without a checksum");
      if (length > MAX_BODY_BYTES) throw new S2Error("S2_LIMIT", `s2: a chunk of ${length} bytes`);
      return HEAD_BYTES + length;
    }
    if (type === IDENTIFIER) {
      if (length !== S2_IDENTIFIER.length - HEAD_BYTES) throw new S2Error("S2_CHUNK", "s2: unknown stream identifier");
      return HEAD_BYTES + length;
    }
    if (type < FIRST_SKIPPABLE) throw new S2Error("S2_CHUNK", `s2: a chunk of the unknown type ${type}`);
    return HEAD_BYTES;
  }

  // Keeps the beginning of a chunk of which `wanted` bytes are wanted; returns up to where bytes were taken.
  private keep(chunk: Buffer, at: number, end: number, wanted: number): number {
    this.wantedBytes = wanted;
    const until = Math.min(end, at + wanted - this.keptBytes);
    const bytes = this.keptBytes + until - at;
    if (bytes > this.kept.length) {
      const larger = roomFor(bytes, wanted);
      this.kept.copy(larger, 0, 0, this.keptBytes);
      giveBack(this.kept);
      this.kept = larger;
    }
    chunk.copy(this.kept, this.keptBytes, at, until);
    this.keptBytes = bytes;
    return until;
  }

  // What was wanted is there: a head, or a whole chunk.
  private keptWanted(): boolean {
    const { kept, keptBytes } = this;
    if (keptBytes === HEAD_BYTES) {
      this.wantedBytes = this.chunkBytes(kept, 0);
      if (this.wantedBytes > HEAD_BYTES) return true;
    }
    this.kept = EMPTY;
    this.keptBytes = 0;
    this.wantedBytes = HEAD_BYTES;
    const goOn = this.chunk(kept, 0, keptBytes);
    giveBack(kept);
    return goOn;
  }

  // A whole chunk, or the head of one to be skipped.
  private chunk(bytes: Buffer, start: number, end: number): boolean {
    const type = bytes[start];
    if (type === UNCOMPRESSED) {
      const data = start + HEAD_BYTES + CHECKSUM_BYTES;
      if (end - data > MAX_DECODED_BYTES) throw new S2Error("S2_LIMIT", `s2: a chunk of ${end - data} bytes`);
      check(bytes, start, crc32c(bytes, data, end));
      return data === end || this.take(bytes, data, end);
    }
    if (type === COMPRESSED) return this.decode(bytes, start, end);
    if (type === IDENTIFIER) {
      const known = [S2_IDENTIFIER, SNAPPY_IDENTIFIER].some(
        (one) => bytes.compare(one, 0, one.length, start, end) === 0,
      );
      if (!known) throw new S2Error("S2_CHUNK", "s2: unknown stream identifier");
      this.identified = true;
      return true;
    }
    this.skipping = bytes[start + 1] | (bytes[start + 2] << 8) | (bytes[start + 3] << 16);
    return true;
  }

  private decode(bytes: Buffer, start: number, end: number): boolean {
    const block = start + HEAD_BYTES + CHECKSUM_BYTES;
    const length = decodedLength(bytes, block, end);
    if (length > MAX_DECODED_BYTES) throw new S2Error("S2_LIMIT", `s2: a block of ${length} bytes`);
    // Nobody else gets it meanwhile.
    const target = room.length >= length ? room : Buffer.allocUnsafeSlow(Math.max(length, SPARE_BYTES));
    room = EMPTY;
    try {
      decodeBlock(bytes, block, end, target);
      check(bytes, start, crc32c(target, 0, length));
      return length === 0 || this.take(target, 0, length);
    } finally {
      if (target.length <= KEPT_ROOM_BYTES) room = target;
    }
  }
}

function check(bytes: Buffer, start: number, crc: number): void {
  if (bytes.readUInt32LE(start + HEAD_BYTES) !== maskedCrc(crc)) throw new S2Error("S2_CHECKSUM", "s2: wrong checksum");
}

// Room grows with what has arrived, not with what was announced.
function roomFor(bytes: number, wanted: number): Buffer {
  if (bytes <= FIRST_KEPT_BYTES) return Buffer.allocUnsafe(Math.min(wanted, FIRST_KEPT_BYTES));
  if (bytes <= SPARE_BYTES) return spares.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
  return Buffer.allocUnsafeSlow(Math.min(wanted, 2 * bytes));
}

function giveBack(buffer: Buffer): void {
  if (buffer.length === SPARE_BYTES && spares.length < MOST_SPARES) spares.push(buffer);
}
