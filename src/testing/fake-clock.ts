// Time in the hands of a test, for a server on the real network: its timers fire when the test says so.
import type { Clock, Timer } from "../runtime/clock.js";
import { nodeRuntime } from "../runtime/node/index.js";
import type { Runtime } from "../runtime/runtime.js";
import { simulatedRuntime } from "../runtime/simulated/index.js";

export interface FakeClock extends Clock {
  /** For `startServer({ runtime })`: this clock, and the real machine for everything else. */
  readonly runtime: Runtime;
  /** Lets `ms` pass: every timer that is due fires, in order, what each of them starts is waited for in between. */
  advance(ms: number): Promise<void>;
}

/** A clock that stands still at 2025-01-01T00:00:00Z until `advance` moves it. Data on its way is not affected. */
export function fakeClock(): FakeClock {
  const real = nodeRuntime();
  const virtual = simulatedRuntime({ seed: 0 }).clock;
  const clock: FakeClock = {
    nowMs: () => virtual.nowMs(),
    nowNs: () => virtual.nowNs(),
    monotonicMs: () => virtual.monotonicMs(),
    after: (delayMs: number, fire: () => void): Timer => virtual.after(delayMs, fire),
    every: (periodMs: number, fire: () => void): Timer => virtual.every(periodMs, fire),
    endOfTurn: (run: () => void) => real.clock.endOfTurn(run),
    utcOffsetMinutes: () => 0,
    advance: (ms: number) => virtual.advance(ms),
    get runtime() {
      return { ...real, clock };
    },
  };
  return clock;
}
