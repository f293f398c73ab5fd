// Things that all end the same time after they have begun, the oldest first, with one timer for all.
import type { Clock, Timer } from "../runtime/clock.js";

/** Things that end in one turn of the loop at most; the rest follows in the next ones. */
const ENDED_PER_TURN = 4096;

export class Expiring<T> {
  readonly #clock: Clock;
  readonly #lifeMs: number;
  readonly #ended: (thing: T) => void;
  readonly #things = new Map<T, number>();
  #timer: Timer | undefined;

  /** @param ended is called for each thing once its time is over */
  constructor(clock: Clock, lifeMs: number, ended: (thing: T) => void) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
    this.#ended = ended;
  }

  get size(): number {
    return this.#things.size;
  }

  add(thing: T): void {
    this.#things.set(thing, this.#clock.monotonicMs() + this.#lifeMs);
    this.#timer ??= this.#clock.after(this.#lifeMs, () => this.#expire());
  }

  /** Ends the oldest one before its time. */
  endOldest(): void {
    for (const thing of this.#things.keys()) {
      this.#end(thing);
      return;
    }
  }

  /** Nothing ends any more. */
  close(): void {
    this.#timer?.cancel();
    this.#things.clear();
  }

  #end(thing: T): void {
    this.#things.delete(thing);
    this.#ended(thing);
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    let left = ENDED_PER_TURN;
    for (const [thing, endsAt] of this.#things) {
      if (endsAt > nowMs || left-- === 0) {
        this.#timer = this.#clock.after(Math.max(endsAt - nowMs, 1), () => this.#expire());
        return;
      }
      this.#end(thing);
    }
  }
}
