// Which consumers write their whole states when the disk takes something again: all of them have waited, and what they write in
// one turn of the loop is limited.
import type { Clock } from "../../runtime/clock.js";

/** Of states in one turn; one that is larger is written alone. */
const BYTES_PER_TURN = 256 * 1024;
/** Between two turns, so that everything else has its own. */
const PAUSE_MS = 1;

export interface WaitingState {
  /** Writes the state, unless that is not wanted any more; gives its bytes. */
  writeWhole(): number;
}

export class WholeStates {
  readonly #clock: Clock;
  readonly #waiting = new Set<WaitingState>();
  #isRunning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Lets a state be written when it is its turn. */
  add(one: WaitingState): void {
    this.#waiting.add(one);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#clock.endOfTurn(this.#run);
  }

  /** It is written, or gone. */
  remove(one: WaitingState): void {
    this.#waiting.delete(one);
  }

  readonly #run = (): void => {
    let bytes = 0;
    for (const one of this.#waiting) {
      if (bytes >= BYTES_PER_TURN) {
        this.#clock.after(PAUSE_MS, this.#run);
        return;
      }
      this.#waiting.delete(one);
      bytes += one.writeWhole();
    }
    this.#isRunning = false;
  };
}
