// Virtual time: it stands still until a test moves it, and passes in no time at all. One time for all hosts of a
// simulation; each host has its own view of it, which ends with the host.
import type { Clock, Timer } from "../clock.js";

/** Where virtual time begins: 2025-01-01T00:00:00Z. */
const START_MS = Date.UTC(2025, 0, 1);

const DEFAULT_LIMIT_MS = 3_600_000;

/** What went wrong in driving a simulation. `code`: SIM_LIMIT (time ran out first) or SIM_BUSY (time is being moved already). */
export class SimulationError extends Error {
  readonly code: "SIM_LIMIT" | "SIM_BUSY";

  constructor(code: "SIM_LIMIT" | "SIM_BUSY", message: string) {
    super(message);
    this.name = "SimulationError";
    this.code = code;
  }
}

/**
 * How a test moves time. Timers fire in the order of their time, then of their creation; before each, all ends of turns
 * and all promises that can go on have done so. An exception thrown by a timer rejects the call.
 */
export interface TimeDriver {
  /** Lets `ms` of virtual time pass. */
  advance(ms: number): Promise<void>;
  /** Lets time pass until `predicate` holds; rejects with SIM_LIMIT when it does not within `limitMs` (default one hour). */
  runUntil(predicate: () => boolean, limitMs?: number): Promise<void>;
  /** Lets time pass until nothing but periodic timers is pending; rejects with SIM_LIMIT after `limitMs` (default one hour). */
  runUntilIdle(limitMs?: number): Promise<void>;
  /** Lets time pass until `promise` settles and gives its outcome; rejects with SIM_LIMIT after `limitMs` (default one hour). */
  settle<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
}

/** A host's clock, which can also drive the time of the whole simulation. */
export interface SimulatedClock extends Clock, TimeDriver {
  /** How far this host's wall clock is ahead of the true time, in milliseconds; its monotonic clock does not care. */
  skewMs: number;
  /** Timers of this host that are still to fire. */
  readonly pendingTimers: number;
}

class VirtualTimer implements Timer {
  readonly atMs: number;
  readonly order: number;
  readonly periodic: boolean;
  readonly fire: () => void;
  private readonly cancelled: (timer: VirtualTimer) => void;
  live = true;

  constructor(
    atMs: number,
    order: number,
    periodic: boolean,
    fire: () => void,
    cancelled: (timer: VirtualTimer) => void,
  ) {
    this.atMs = atMs;
    this.order = order;
    this.periodic = periodic;
    this.fire = fire;
    this.cancelled = cancelled;
  }

  cancel(): void {
    if (!this.live) return;
    this.live = false;
    this.cancelled(this);
  }
}

/** The one time of a simulation. */
export class VirtualTime implements TimeDriver {
  private elapsedMs = 0;
  private created = 0;
  private readonly timers = new TimerHeap();
  private turn: (() => void)[] = [];
  /** Pending timers that are not periodic. */
  private single = 0;
  private driving = false;

  /** Milliseconds since the simulation began. */
  get sinceStartMs(): number {
    return this.elapsedMs;
  }

  after(delayMs: number, fire: () => void, periodic = false): Timer {
    const timer = new VirtualTimer(
      this.elapsedMs + Math.max(0, delayMs || 0),
      this.created++,
      periodic,
      fire,
      this.onCancel,
    );
    if (!periodic) this.single++;
    this.timers.add(timer);
    return timer;
  }

  endOfTurn(run: () => void): void {
    this.turn.push(run);
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.elapsedMs + ms;
    await this.drive(() => false, untilMs);
    this.elapsedMs = Math.max(this.elapsedMs, untilMs);
  }

  async runUntil(predicate: () => boolean, limitMs = DEFAULT_LIMIT_MS): Promise<void> {
    if (!(await this.drive(predicate, this.elapsedMs + limitMs)))
      throw new SimulationError("SIM_LIMIT", `what was waited for did not happen within ${limitMs} ms`);
  }

  async runUntilIdle(limitMs = DEFAULT_LIMIT_MS): Promise<void> {
    await this.runUntil(() => this.single === 0 && this.turn.length === 0, limitMs);
  }

  async settle<T>(promise: Promise<T>, limitMs = DEFAULT_LIMIT_MS): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    await this.runUntil(() => settled, limitMs);
    return promise;
  }

  private readonly onCancel = (timer: VirtualTimer): void => {
    if (!timer.periodic) this.single--;
    this.timers.wasCancelled();
  };

  /** Runs what is due until `untilMs`; true as soon as `stop` holds. */
  private async drive(stop: () => boolean, untilMs: number): Promise<boolean> {
    if (this.driving) throw new SimulationError("SIM_BUSY", "time is being moved already");
    this.driving = true;
    try {
      await microtasksDone();
      while (!stop()) {
        const run = this.nextDue(untilMs);
        if (run === undefined) return false;
        run();
        await microtasksDone();
      }
      return true;
    } finally {
      this.driving = false;
    }
  }

  private nextDue(untilMs: number): (() => void) | undefined {
    if (this.turn.length > 0) return this.turn.shift();
    const timer = this.timers.first();
    if (timer === undefined || timer.atMs > untilMs) return undefined;
    this.timers.removeFirst();
    timer.live = false;
    if (!timer.periodic) this.single--;
    this.elapsedMs = Math.max(this.elapsedMs, timer.atMs);
    return timer.fire;
  }
}

/** The platform runs every promise callback and nextTick before it comes to the next immediate. */
function microtasksDone(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Timers by time, then by creation: a binary heap that forgets cancelled ones when they are the majority. */
class TimerHeap {
  private items: VirtualTimer[] = [];
  private dead = 0;

  add(timer: VirtualTimer): void {
    this.items.push(timer);
    this.rise(this.items.length - 1);
  }

  first(): VirtualTimer | undefined {
    while (this.items.length > 0 && !this.items[0].live) {
      this.dead--;
      this.removeFirst();
    }
    return this.items[0];
  }

  removeFirst(): void {
    const last = this.items.pop()!;
    if (this.items.length === 0) return;
    this.items[0] = last;
    this.sink(0);
  }

  wasCancelled(): void {
    this.dead++;
    if (this.dead < 64 || this.dead * 2 < this.items.length) return;
    this.items = this.items.filter((timer) => timer.live).sort((a, b) => (before(a, b) ? -1 : 1));
    this.dead = 0;
  }

  private rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(this.items[index], this.items[parent])) return;
      this.swap(index, parent);
      index = parent;
    }
  }

  private sink(start: number): void {
    let index = start;
    for (;;) {
      const left = index * 2 + 1;
      let least = index;
      if (left < this.items.length && before(this.items[left], this.items[least])) least = left;
      if (left + 1 < this.items.length && before(this.items[left + 1], this.items[least])) least = left + 1;
      if (least === index) return;
      this.swap(index, least);
      index = least;
    }
  }

  private swap(a: number, b: number): void {
    [this.items[a], this.items[b]] = [this.items[b], this.items[a]];
  }
}

function before(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/**
 * One host's view of virtual time. After `crash` nothing that was set before fires any more; between `freeze` and `thaw`
 * nothing fires, and what is due then does so afterwards.
 */
export class HostClock implements SimulatedClock {
  skewMs = 0;
  private readonly time: VirtualTime;
  private life = 0;
  private pending = 0;
  // What would have run while the host was frozen; undefined while it is not.
  private held: (() => void)[] | undefined;

  constructor(time: VirtualTime) {
    this.time = time;
  }

  get pendingTimers(): number {
    return this.pending;
  }

  /** The host's programs are gone: their timers with them. */
  crash(): void {
    this.life++;
    this.pending = 0;
    this.held = undefined;
  }

  /** The host's programs stand still. */
  freeze(): void {
    this.held ??= [];
  }

  /** They go on, and find everything that was due meanwhile. */
  thaw(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const run of held) this.time.endOfTurn(run);
  }

  /** Runs this now, or as soon as the host is no longer frozen; never when it has crashed before. */
  whenAwake(run: () => void): void {
    this.whileAlive(run)();
  }

  nowMs(): number {
    return START_MS + this.skewMs + this.time.sinceStartMs;
  }

  nowNs(): bigint {
    return BigInt(START_MS) * 1_000_000n + BigInt(Math.round((this.skewMs + this.time.sinceStartMs) * 1e6));
  }

  monotonicMs(): number {
    return this.time.sinceStartMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    return this.start(delayMs, fire, false);
  }

  every(periodMs: number, fire: () => void): Timer {
    const period = Math.max(1, periodMs);
    let next: Timer;
    const run = (): void => {
      next = this.start(period, run, true);
      fire();
    };
    next = this.start(period, run, true);
    return { cancel: () => next.cancel() };
  }

  endOfTurn(run: () => void): void {
    this.time.endOfTurn(this.whileAlive(run));
  }

  utcOffsetMinutes(): number {
    return 0;
  }

  advance(ms: number): Promise<void> {
    return this.time.advance(ms);
  }

  runUntil(predicate: () => boolean, limitMs?: number): Promise<void> {
    return this.time.runUntil(predicate, limitMs);
  }

  runUntilIdle(limitMs?: number): Promise<void> {
    return this.time.runUntilIdle(limitMs);
  }

  settle<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    return this.time.settle(promise, limitMs);
  }

  private start(delayMs: number, fire: () => void, periodic: boolean): Timer {
    const { life } = this;
    let live = true;
    // Returns whether it was still to come.
    const ended = (): boolean => {
      if (!live) return false;
      live = false;
      if (this.life === life) this.pending--;
      return true;
    };
    const due = this.whileAlive(() => {
      if (ended()) fire();
    });
    const timer = this.time.after(delayMs, due, periodic);
    this.pending++;
    return {
      cancel: () => {
        timer.cancel();
        ended();
      },
    };
  }

  private whileAlive(run: () => void): () => void {
    const { life } = this;
    const guarded = (): void => {
      if (this.life !== life) return;
      if (this.held === undefined) run();
      else this.held.push(guarded);
    };
    return guarded;
  }
}
