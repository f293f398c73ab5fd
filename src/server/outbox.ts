// The output of one connection, gathered over a turn of the loop and written once: small messages are copied into chunks,
// large bodies are referenced.
import type { Transport } from "../runtime/network.js";
import { LARGE_CHUNK_BYTES, POOLED_CHUNKS, SMALL_CHUNK_BYTES } from "./limits.js";

const EMPTY = Buffer.alloc(0);

/** Chunks of two sizes for reuse by all connections of a loop; the last one returned, still warm, goes out first. */
export class ChunkPool {
  private readonly small: Buffer[] = [];
  private readonly large: Buffer[] = [];

  takeSmall(): Buffer {
    const chunk = this.small.pop();
    if (chunk !== undefined) return chunk;
    // Small chunks are cut from one allocation each 32.
    const slab = Buffer.allocUnsafeSlow(32 * SMALL_CHUNK_BYTES);
    for (let i = 1; i < 32; i++) this.small.push(slab.subarray(i * SMALL_CHUNK_BYTES, (i + 1) * SMALL_CHUNK_BYTES));
    return slab.subarray(0, SMALL_CHUNK_BYTES);
  }

  takeLarge(): Buffer {
    return this.large.pop() ?? Buffer.allocUnsafeSlow(LARGE_CHUNK_BYTES);
  }

  give(chunk: Buffer): void {
    const shelf = chunk.length === SMALL_CHUNK_BYTES ? this.small : this.large;
    if (shelf.length < POOLED_CHUNKS) shelf.push(chunk);
  }
}

export class Outbox {
  /** The chunk being filled and how far; callers write into it after `reserve`. */
  chunk: Buffer = EMPTY;
  position = 0;
  private readonly pool: ChunkPool;
  // Where in `chunk` the bytes begin that are not in `ready` yet.
  private base = 0;
  private ready: Uint8Array[] = [];
  private readyBytes = 0;
  // Pooled chunks that `ready` refers to, and those whose bytes the transport still holds.
  private used: Buffer[] = [];
  private readonly inFlight: Buffer[] = [];
  private wroteMuch = false;

  constructor(pool: ChunkPool) {
    this.pool = pool;
  }

  /** Bytes gathered and not yet given to the transport. */
  get bytes(): number {
    return this.readyBytes + this.position - this.base;
  }

  /** Makes room for `count` bytes (at most a large chunk) at `position` of `chunk`. */
  reserve(count: number): void {
    if (this.position + count <= this.chunk.length) return;
    const old = this.chunk;
    if (old.length === 0) {
      this.chunk = count > SMALL_CHUNK_BYTES || this.wroteMuch ? this.pool.takeLarge() : this.pool.takeSmall();
      return;
    }
    if (old.length === SMALL_CHUNK_BYTES && this.base === 0 && this.position + count <= LARGE_CHUNK_BYTES) {
      this.chunk = this.pool.takeLarge();
      old.copy(this.chunk, 0, 0, this.position);
      this.pool.give(old);
      return;
    }
    this.seal();
    if (this.position > 0) this.used.push(old);
    else this.pool.give(old);
    this.chunk = this.pool.takeLarge();
    this.position = 0;
    this.base = 0;
  }

  /** Appends bytes by copying, whatever their number. */
  append(bytes: Uint8Array, start: number, end: number): void {
    while (start < end) {
      if (this.position === this.chunk.length) this.reserve(1);
      const count = Math.min(end - start, this.chunk.length - this.position);
      this.chunk.set(
        start === 0 && count === bytes.length ? bytes : bytes.subarray(start, start + count),
        this.position,
      );
      this.position += count;
      start += count;
    }
  }

  /** Appends bytes without copying; they must not change until they are written. */
  reference(bytes: Uint8Array): void {
    this.seal();
    this.ready.push(bytes);
    this.readyBytes += bytes.length;
  }

  /** Gives everything to the transport. */
  flush(transport: Transport): void {
    if (this.bytes === 0) return;
    this.wroteMuch = this.bytes > SMALL_CHUNK_BYTES;
    this.seal();
    const { ready, used } = this;
    if (this.chunk.length > 0) used.push(this.chunk);
    this.chunk = EMPTY;
    this.position = 0;
    this.base = 0;
    this.readyBytes = 0;
    transport.write(ready);
    ready.length = 0;
    for (const chunk of used) this.inFlight.push(chunk);
    used.length = 0;
    if (transport.bufferedBytes === 0) this.drained();
  }

  /** The transport has passed everything on: its chunks can be used again. */
  drained(): void {
    for (const chunk of this.inFlight) this.pool.give(chunk);
    this.inFlight.length = 0;
  }

  /** Drops everything; for a connection that is gone. */
  clear(): void {
    this.ready = [];
    this.used = [];
    this.inFlight.length = 0;
    this.readyBytes = 0;
    this.chunk = EMPTY;
    this.position = 0;
    this.base = 0;
  }

  // Moves what was written into the chunk behind what is ready.
  private seal(): void {
    if (this.position === this.base) return;
    this.ready.push(this.chunk.subarray(this.base, this.position));
    this.readyBytes += this.position - this.base;
    this.base = this.position;
  }
}
