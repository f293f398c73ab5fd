// Passwords compared in virtual time, one after the other.
import { compareSync } from "bcryptjs";
import type { Clock } from "../clock.js";
import type { Hasher, Hashing } from "../hashing.js";

/** What a comparison takes on every simulated host. */
const COMPARISON_MS = 50;

export class SimulatedHashing implements Hashing {
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  open(): Hasher {
    return new SimulatedHasher(this.clock);
  }
}

class SimulatedHasher implements Hasher {
  readonly parallel = 1;
  private readonly clock: Clock;
  private freeAt = 0;
  private closed = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  fits(password: string, hash: string): Promise<boolean> {
    const now = this.clock.monotonicMs();
    this.freeAt = Math.max(now, this.freeAt) + COMPARISON_MS;
    return new Promise((resolve) => {
      this.clock.after(this.freeAt - now, () => resolve(!this.closed && fits(password, hash)));
    });
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function fits(password: string, hash: string): boolean {
  try {
    return compareSync(password, hash);
  } catch {
    return false;
  }
}
