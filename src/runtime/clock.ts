// Time as the rest of the house sees it: two clocks, timers, and the end of the current turn of the event loop.

/** A pending timer. Cancelling twice, or after it has fired, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time in milliseconds since 1970, with a fraction where the platform knows it. */
  nowMs(): number;
  /** Wall-clock time in nanoseconds since 1970, exact to what the platform knows. */
  nowNs(): bigint;
  /** Time in milliseconds, with a fraction, that never goes back; its zero means nothing. */
  monotonicMs(): number;
  /** Calls `fire` once, `delayMs` from now. Real timers do not keep the process alive. */
  after(delayMs: number, fire: () => void): Timer;
  /** Calls `fire` every `periodMs` until cancelled. Real timers do not keep the process alive. */
  every(periodMs: number, fire: () => void): Timer;
  /** Calls `run` once, after the input that this turn of the loop has brought was handled (setImmediate). */
  endOfTurn(run: () => void): void;
  /** Minutes that local time is ahead of UTC at `ms`; for log lines. */
  utcOffsetMinutes(ms: number): number;
}
