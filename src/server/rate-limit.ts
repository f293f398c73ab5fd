// A limit of events a second (connection_rate_limit), with the count of those that were turned away.
import type { Clock, Timer } from "../runtime/clock.js";

const SECOND_MS = 1_000;

export class RateLimit {
  private readonly clock: Clock;
  private readonly perSecond: number;
  private endsAt = Number.NEGATIVE_INFINITY;
  private count = 0;
  private refused = 0;
  private reporting: Timer | undefined;

  constructor(clock: Clock, perSecond: number) {
    this.clock = clock;
    this.perSecond = perSecond;
  }

  /** Counts an event; false when there were enough of them in this second. */
  allows(): boolean {
    const now = this.clock.monotonicMs();
    if (now > this.endsAt) {
      this.endsAt = now + SECOND_MS;
      this.count = 0;
    } else this.count++;
    if (this.count < this.perSecond) return true;
    this.refused++;
    return false;
  }

  /** Reports each second how many were turned away, if any. */
  report(to: (refused: number) => void): void {
    this.reporting = this.clock.every(SECOND_MS, () => {
      if (this.refused > 0) to(this.refused);
      this.refused = 0;
    });
  }

  close(): void {
    this.reporting?.cancel();
  }
}
