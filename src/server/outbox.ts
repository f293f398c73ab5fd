// The output of one connection, gathered over a turn of the loop and written once: small messages are copied into chunks,
// large bodies are referenced.
import { addressOf, ELSEWHERE, takeMemory } from "../runtime/copied-memory.js";
import type { Transport } from "../runtime/network.js";
import { LARGE_CHUNK_BYTES, POOLED_LARGE_CHUNKS, POOLED_SMALL_CHUNKS, SMALL_CHUNK_BYTES } from "./limits.js";

/** A piece of memory that output is gathered in. */
class Chunk {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly address: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.address = addressOf(bytes);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}

const NO_CHUNK = new Chunk(Buffer.alloc(0));

/**
 * Chunks of two sizes for reuse by all connections of a loop; the last one returned, still warm, goes out first. Those of a
 * connection that ends before they are written are left to the collector.
 */
export class ChunkPool {
  private readonly small: Chunk[] = [];
  private readonly large: Chunk[] = [];

  takeSmall(): Chunk {
    const chunk = this.small.pop();
    if (chunk !== undefined) return chunk;
    // Small chunks are cut from one allocation each 32.
    const slab = takeMemory(32 * SMALL_CHUNK_BYTES);
    for (let i = 1; i < 32; i++) {
      this.small.push(new Chunk(slab.subarray(i * SMALL_CHUNK_BYTES, (i + 1) * SMALL_CHUNK_BYTES)));
    }
    return new Chunk(slab.subarray(0, SMALL_CHUNK_BYTES));
  }

  takeLarge(): Chunk {
    return this.large.pop() ?? new Chunk(takeMemory(LARGE_CHUNK_BYTES));
  }

  give(chunk: Chunk): void {
    if (chunk.bytes.length === SMALL_CHUNK_BYTES) {
      if (this.small.length < POOLED_SMALL_CHUNKS) this.small.push(chunk);
    } else if (this.large.length < POOLED_LARGE_CHUNKS || chunk.address !== ELSEWHERE) this.large.push(chunk);
  }
}

/** The chunks of all servers in this thread. */
export const sharedChunks = new ChunkPool();

export class Outbox {
  /** The chunk being filled, as bytes, as words and by its place in the memory, and how far; callers write into it after `reserve`. */
  chunk: Buffer = NO_CHUNK.bytes;
  view: DataView = NO_CHUNK.view;
  address = ELSEWHERE;
  position = 0;
  private current = NO_CHUNK;
  private readonly pool: ChunkPool;
  // Where in `chunk` the bytes begin that are not in `ready` yet.
  private base = 0;
  // What can be written, and for each piece the chunk that is free once it is written.
  private ready: Uint8Array[] = [];
  private owners: (Chunk | undefined)[] = [];
  private readyBytes = 0;
  // Chunks whose bytes the transport still holds.
  private inFlight: Chunk[] = [];
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
    const old = this.current;
    if (old === NO_CHUNK) {
      this.use(count > SMALL_CHUNK_BYTES || this.wroteMuch ? this.pool.takeLarge() : this.pool.takeSmall());
      return;
    }
    const isSmall = old.bytes.length === SMALL_CHUNK_BYTES;
    if (isSmall && this.base === 0 && this.position + count <= LARGE_CHUNK_BYTES) {
      this.use(this.pool.takeLarge());
      old.bytes.copy(this.chunk, 0, 0, this.position);
      this.pool.give(old);
      return;
    }
    this.retire();
    this.use(this.pool.takeLarge());
  }

  /** Appends bytes by copying, whatever their number. */
  append(bytes: Uint8Array, start: number, end: number): void {
    while (start < end) {
      if (this.position === this.chunk.length) this.reserve(1);
      const count = Math.min(end - start, this.chunk.length - this.position);
      const piece = start === 0 && count === bytes.length ? bytes : bytes.subarray(start, start + count);
      this.chunk.set(piece, this.position);
      this.position += count;
      start += count;
    }
  }

  /** Appends bytes without copying; they must not change until they are written. */
  reference(bytes: Uint8Array): void {
    this.seal();
    this.ready.push(bytes);
    this.owners.push(undefined);
    this.readyBytes += bytes.length;
  }

  /** Gives what was gathered to the transport, but not much more than `limitBytes` at once; the rest waits for the next call. */
  flush(transport: Transport, limitBytes: number): void {
    const { bytes } = this;
    if (bytes === 0) return;
    this.wroteMuch = bytes > SMALL_CHUNK_BYTES;
    if (this.readyBytes <= limitBytes) this.retire();
    const { ready, owners } = this;
    let count = 0;
    let taken = 0;
    while (count < ready.length && taken < limitBytes) taken += ready[count++].length;
    const all = count === ready.length;
    transport.write(all ? ready : ready.slice(0, count));
    for (let i = 0; i < count; i++) {
      const owner = owners[i];
      if (owner !== undefined) this.inFlight.push(owner);
    }
    if (all) {
      ready.length = 0;
      owners.length = 0;
    } else {
      this.ready = ready.slice(count);
      this.owners = owners.slice(count);
    }
    this.readyBytes -= taken;
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
    this.owners = [];
    this.inFlight = [];
    this.readyBytes = 0;
    this.use(NO_CHUNK);
    this.position = 0;
    this.base = 0;
  }

  private use(chunk: Chunk): void {
    this.current = chunk;
    this.chunk = chunk.bytes;
    this.view = chunk.view;
    this.address = chunk.address;
  }

  // Moves what was written into the chunk behind what is ready.
  private seal(): void {
    if (this.position === this.base) return;
    this.ready.push(this.chunk.subarray(this.base, this.position));
    this.owners.push(undefined);
    this.readyBytes += this.position - this.base;
    this.base = this.position;
  }

  // Ends the use of the chunk; it is free when all that is ready by now is written.
  private retire(): void {
    const { current } = this;
    this.seal();
    if (current !== NO_CHUNK) {
      const last = this.owners.length - 1;
      if (this.position === 0) this.pool.give(current);
      else if (last >= 0 && this.owners[last] === undefined) this.owners[last] = current;
      else this.inFlight.push(current);
    }
    this.use(NO_CHUNK);
    this.position = 0;
    this.base = 0;
  }
}
