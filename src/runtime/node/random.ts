// Real randomness: a fast generator seeded by the platform, and the platform's own bytes, fetched a pool at a time.
import { randomFillSync } from "node:crypto";
import { Prng } from "../prng.js";
import type { Random } from "../random.js";

const POOL_BYTES = 4096;

export class NodeRandom implements Random {
  private readonly prng = new Prng(randomFillSync(new Uint8Array(16)));
  private readonly pool = new Uint8Array(POOL_BYTES);
  private usedBytes = POOL_BYTES;

  float(): number {
    return this.prng.float();
  }

  below(below: number): number {
    return this.prng.below(below);
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    if (count > POOL_BYTES / 8) return randomFillSync(bytes);
    if (this.usedBytes + count > POOL_BYTES) {
      randomFillSync(this.pool);
      this.usedBytes = 0;
    }
    const end = this.usedBytes + count;
    bytes.set(this.pool.subarray(this.usedBytes, end));
    // What was given away must not be found in the pool later: it may be a key.
    this.pool.fill(0, this.usedBytes, end);
    this.usedBytes = end;
    return bytes;
  }
}
