// Randomness that a seed repeats; nothing here is secret.
import { createHash } from "node:crypto";
import { Prng } from "../prng.js";
import type { Random } from "../random.js";

export class SimulatedRandom implements Random {
  private readonly seed: string;
  private readonly prng: Prng;

  constructor(seed: string) {
    this.seed = seed;
    this.prng = new Prng(createHash("sha256").update(seed).digest());
  }

  /** An independent generator whose numbers depend on this one's seed and `name` only, not on what was drawn before. */
  fork(name: string): SimulatedRandom {
    return new SimulatedRandom(`${this.seed}/${name}`);
  }

  float(): number {
    return this.prng.float();
  }

  below(below: number): number {
    return this.prng.below(below);
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.prng.next() >>> 24;
    return bytes;
  }
}
