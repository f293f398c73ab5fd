// Makes S2 streams of what is written: each flush a stream of its own, as nats-server does on routes and leaf node connections.
import { crc32c } from "./crc32c.js";
import { CHECKSUM_BYTES, COMPRESSED, HEAD_BYTES, S2_IDENTIFIER, UNCOMPRESSED, writeChunkHead } from "./s2-chunks.js";
import { encodeBlock, LONGEST_BLOCK, type S2Level } from "./s2-encoder.js";

/** How streams are written; readers take them all. */
export type S2Mode = "s2_uncompressed" | `s2_${S2Level}`;

/** Bytes before the data of a chunk. */
const BEFORE_DATA = HEAD_BYTES + CHECKSUM_BYTES;
const IDENTIFIER_BYTES = S2_IDENTIFIER.length;
/** Flushes up to this size are copied behind the head of their chunk: one piece is written faster than several. */
const COPIED_BYTES = LONGEST_BLOCK;
const SLAB_BYTES = 256 * 1024;

/** Memory that the writers of a loop put their output into. A slab that is full is left to those that still write from it. */
class Arena {
  slab: Buffer = Buffer.alloc(0);
  at = 0;

  /** Whether `count` bytes had room in the present slab; if not, they have room in a new one. */
  reserve(count: number): boolean {
    if (this.at + count <= this.slab.length) return true;
    this.slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, count));
    this.at = 0;
    return false;
  }
}

const arena = new Arena();
// Where a block is gathered whose bytes are in several places.
let gathered: Buffer | undefined;

export class S2Writer {
  mode: S2Mode;
  // What is being made, and where in the arena its last piece begins.
  private pieces: Uint8Array[] = [];
  private pieceStart = 0;
  // Where in the arena the last flush is, for `reuse`; none when `lastByte` is -1.
  private slab: Buffer = arena.slab;
  private firstByte = 0;
  private lastByte = -1;

  constructor(mode: S2Mode) {
    this.mode = mode;
  }

  /**
   * The stream for the bytes of one flush, as pieces to be written in order. They are partly the chunks themselves and partly
   * memory of the writer, which nobody overwrites, unless `reuse` is called.
   */
  frame(chunks: readonly Uint8Array[]): Uint8Array[] {
    this.lastByte = -1;
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.length;
    if (bytes === 0) return [];
    arena.reserve(IDENTIFIER_BYTES);
    this.pieces = [];
    this.slab = arena.slab;
    this.firstByte = arena.at;
    this.pieceStart = arena.at;
    arena.slab.set(S2_IDENTIFIER, arena.at);
    arena.at += IDENTIFIER_BYTES;
    if (this.mode !== "s2_uncompressed") this.compress(chunks, this.mode.slice(3) as S2Level);
    else this.store(chunks, bytes, bytes > COPIED_BYTES);
    this.endPiece();
    this.lastByte = arena.at;
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  /** What the last `frame` gave is written: its memory may be used again. */
  reuse(): void {
    if (this.slab === arena.slab && this.lastByte === arena.at) arena.at = this.firstByte;
    this.lastByte = -1;
  }

  // Moves what was written into the arena behind the pieces.
  private endPiece(): void {
    if (arena.at > this.pieceStart) this.pieces.push(arena.slab.subarray(this.pieceStart, arena.at));
    this.pieceStart = arena.at;
  }

  private reserve(count: number): void {
    const { slab, at } = arena;
    if (arena.reserve(count)) return;
    if (at > this.pieceStart) this.pieces.push(slab.subarray(this.pieceStart, at));
    this.pieceStart = 0;
  }

  // Chunks that are not compressed. Those that stay where they are become pieces of their own.
  private store(chunks: readonly Uint8Array[], bytes: number, stay: boolean): void {
    let index = 0;
    let from = 0;
    for (let left = bytes; left > 0; ) {
      const size = Math.min(left, LONGEST_BLOCK);
      left -= size;
      this.reserve(BEFORE_DATA + (stay ? 0 : size));
      const { slab, at: head } = arena;
      arena.at += BEFORE_DATA;
      if (stay) this.endPiece();
      let crc = 0;
      for (let missing = size; missing > 0; ) {
        const chunk = chunks[index];
        const until = Math.min(chunk.length, from + missing);
        const part = from === 0 && until === chunk.length ? chunk : chunk.subarray(from, until);
        if (stay) this.pieces.push(part);
        else {
          slab.set(part, arena.at);
          arena.at += part.length;
        }
        crc = crc32c(part, 0, part.length, crc);
        missing -= part.length;
        from = until;
        if (from === chunk.length) {
          index++;
          from = 0;
        }
      }
      writeChunkHead(slab, head, UNCOMPRESSED, size, crc);
    }
  }

  private compress(chunks: readonly Uint8Array[], level: S2Level): void {
    let filled = 0;
    for (let index = 0; index < chunks.length; index++) {
      const chunk = chunks[index];
      const isLast = index === chunks.length - 1;
      let from = 0;
      while (from < chunk.length) {
        const left = chunk.length - from;
        // Bytes that make a block alone are taken from where they are.
        if (filled === 0 && (isLast || left >= LONGEST_BLOCK)) {
          const until = from + Math.min(left, LONGEST_BLOCK);
          this.block(chunk, from, until, level);
          from = until;
          continue;
        }
        gathered ??= Buffer.allocUnsafeSlow(LONGEST_BLOCK);
        const until = from + Math.min(left, LONGEST_BLOCK - filled);
        gathered.set(chunk.subarray(from, until), filled);
        filled += until - from;
        from = until;
        if (filled < LONGEST_BLOCK) continue;
        this.block(gathered, 0, filled, level);
        filled = 0;
      }
    }
    if (filled > 0) this.block(gathered!, 0, filled, level);
  }

  private block(source: Uint8Array, start: number, end: number, level: S2Level): void {
    const size = end - start;
    this.reserve(BEFORE_DATA + size);
    const { slab, at } = arena;
    const data = at + BEFORE_DATA;
    const crc = crc32c(source, start, end);
    const blockEnd = encodeBlock(level, source, start, end, slab, data);
    if (blockEnd >= 0) {
      writeChunkHead(slab, at, COMPRESSED, blockEnd - data, crc);
      arena.at = blockEnd;
      return;
    }
    writeChunkHead(slab, at, UNCOMPRESSED, size, crc);
    slab.set(source.subarray(start, end), data);
    arena.at = data + size;
  }
}
