// What was found of a log of entries while it is read.
import type { RecoveredLog } from "./store.js";

export class Recovered implements RecoveredLog {
  readonly snapshot: Buffer | undefined;
  readonly entries: Buffer[] = [];
  readonly gaps: number[] = [];

  constructor(snapshot: Buffer | undefined) {
    this.snapshot = snapshot;
  }

  /** Keeps the first entries. */
  cut(count: number): void {
    this.entries.length = Math.min(count, this.entries.length);
    while ((this.gaps.at(-1) ?? -1) >= this.entries.length) this.gaps.pop();
  }
}
