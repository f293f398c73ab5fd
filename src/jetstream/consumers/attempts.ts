// What a consumer does by itself, in timers and at the ends of turns, with nobody to tell of an exception: it is logged, ends
// nothing else, and what it interrupted is tried again.
import type { Timer } from "../../runtime/clock.js";
import type { Consumer } from "./consumer.js";

const AGAIN_MS = 1000;

export class Attempts {
  readonly #consumer: Consumer;
  readonly #again: () => void;
  #timer: Timer | undefined;
  #hasFailed = false;

  /** @param again is called a second after something has failed */
  constructor(consumer: Consumer, again: () => void) {
    this.#consumer = consumer;
    this.#again = again;
  }

  run(attempt: () => void): void {
    try {
      attempt();
      this.#hasFailed = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #failed(error: unknown): void {
    const { stream, name, closed } = this.#consumer;
    const { js } = stream.account;
    if (!this.#hasFailed) {
      const text = error instanceof Error ? error.stack : String(error);
      js.server.logger.error(`internal error of consumer "${stream.name} > ${name}": ${text}`);
    }
    this.#hasFailed = true;
    if (closed || js.closing) return;
    this.#timer ??= js.after(AGAIN_MS, () => {
      this.#timer = undefined;
      this.#again();
    });
  }
}
