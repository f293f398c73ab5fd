// The memory that the journal's batches are written into, in chunks. What only the store itself has looked at is used again: fresh
// memory costs the system's zeroes and a collection of garbage every few chunks.
import type { Ticket } from "./store.js";

/** Chunks that wait to be used again; what is beyond goes back to the collector. */
const MOST_FREE = 32;

/** A part of the journal in memory; the streams read from it what their files do not have yet. */
export class Chunk {
  readonly buffer: Buffer;
  readonly view: DataView;
  /** Of the last batch that has something in it. */
  lastTicket: Ticket = 0;
  /** Whether somebody was given a view of it, who may have it still. */
  isShared = false;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }
}

export class ChunkPool {
  /** In the order of their tickets; the last one is being filled. */
  private readonly used: Chunk[] = [];
  private readonly free: Chunk[] = [];
  private readonly chunkBytes: number;
  private readonly reuses: boolean;

  /**
   * @param chunkBytes size of all chunks but those for larger records
   * @param reuses false where nothing is released: chunks are left to the collector
   */
  constructor(chunkBytes: number, reuses: boolean) {
    this.chunkBytes = chunkBytes;
    this.reuses = reuses;
  }

  /** A chunk for at least so many bytes, in which nothing is. */
  take(bytes: number): Chunk {
    const chunk =
      (bytes <= this.chunkBytes ? this.free.pop() : undefined) ??
      new Chunk(Buffer.allocUnsafeSlow(Math.max(this.chunkBytes, bytes)));
    if (this.reuses) this.used.push(chunk);
    return chunk;
  }

  /** Nobody needs what batches up to this ticket have written. */
  release(upTo: Ticket): void {
    let count = 0;
    while (count < this.used.length - 1 && this.used[count].lastTicket <= upTo) count++;
    for (const chunk of this.used.splice(0, count)) {
      if (chunk.isShared || chunk.buffer.length !== this.chunkBytes || this.free.length === MOST_FREE) continue;
      this.free.push(chunk);
    }
  }

  /** Forgets what free chunks hold. */
  wipe(): void {
    for (const { buffer } of this.free) buffer.fill(0);
  }
}
