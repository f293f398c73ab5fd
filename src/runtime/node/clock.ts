// Real time: Date's milliseconds, made finer by the performance clock, and timers that never keep the process alive.
import type { Clock, Timer } from "../clock.js";

/** Node turns longer delays into 1 ms. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Wall-clock time with a fraction: the performance clock tells how far into Date's current millisecond we are. Whenever the
 * two disagree (a stepped clock, drift, a suspended machine), Date is right and the distance between them is corrected.
 */
export class WallClock {
  private readonly dateMs: () => number;
  private readonly steadyMs: () => number;
  private readonly baseMs: number;
  private offsetMs: number;

  /** `originMs`: wall-clock time, with a fraction, when `steadyMs` was 0. */
  constructor(dateMs: () => number, steadyMs: () => number, originMs: number) {
    this.dateMs = dateMs;
    this.steadyMs = steadyMs;
    this.baseMs = Math.floor(originMs);
    this.offsetMs = originMs - this.baseMs;
  }

  nowMs(): number {
    const ms = this.dateMs();
    return ms + this.fractionMs(ms);
  }

  nowNs(): bigint {
    const ms = this.dateMs();
    return BigInt(ms) * 1_000_000n + BigInt(Math.floor(this.fractionMs(ms) * 1e6));
  }

  private fractionMs(ms: number): number {
    const wholeMs = ms - this.baseMs;
    const fraction = this.steadyMs() + this.offsetMs - wholeMs;
    if (fraction >= 0 && fraction < 1) return fraction;
    const corrected = fraction < 0 ? 0 : 0.999_999;
    this.offsetMs += corrected - fraction;
    return corrected;
  }
}

class OneTimer implements Timer {
  private pending: NodeJS.Timeout | undefined;

  constructor(delayMs: number, fire: () => void) {
    this.wait(delayMs, fire);
  }

  cancel(): void {
    clearTimeout(this.pending);
    this.pending = undefined;
  }

  private wait(delayMs: number, fire: () => void): void {
    const nowMs = Math.min(delayMs, LONGEST_TIMEOUT_MS);
    const step = (): void => {
      this.pending = undefined;
      if (delayMs > nowMs) this.wait(delayMs - nowMs, fire);
      else fire();
    };
    this.pending = setTimeout(step, nowMs);
    this.pending.unref();
  }
}

class PeriodicTimer implements Timer {
  private readonly startMs: number;
  private fired = 0;
  private next: Timer;

  constructor(periodMs: number, fire: () => void) {
    const period = Math.max(periodMs, 1);
    this.startMs = performance.now();
    const run = (): void => {
      // The next time is counted from the start, so that a late one does not shift all that follow; missed ones are skipped.
      const passed = performance.now() - this.startMs;
      this.fired = Math.max(this.fired + 1, Math.floor(passed / period));
      this.next = new OneTimer(this.startMs + (this.fired + 1) * period - performance.now(), run);
      fire();
    };
    this.next = new OneTimer(period, run);
  }

  cancel(): void {
    this.next.cancel();
  }
}

export class NodeClock implements Clock {
  private readonly wall = new WallClock(Date.now, () => performance.now(), performance.timeOrigin);

  nowMs(): number {
    return this.wall.nowMs();
  }

  nowNs(): bigint {
    return this.wall.nowNs();
  }

  monotonicMs(): number {
    return performance.now();
  }

  after(delayMs: number, fire: () => void): Timer {
    return new OneTimer(delayMs, fire);
  }

  every(periodMs: number, fire: () => void): Timer {
    return new PeriodicTimer(periodMs, fire);
  }

  endOfTurn(run: () => void): void {
    setImmediate(run);
  }

  utcOffsetMinutes(ms: number): number {
    return -new Date(ms).getTimezoneOffset();
  }
}
