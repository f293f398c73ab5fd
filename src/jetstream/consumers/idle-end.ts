// The end of a consumer that nobody has used for its inactive_threshold.
import type { Timer } from "../../runtime/clock.js";
import { NS_PER_MS } from "../time.js";
import type { Consumer } from "./consumer.js";

export class IdleEnd {
  readonly #consumer: Consumer;
  // Monotonic time of the last sign of life of its clients.
  #activeMs: number;
  #isSet = false;
  #timer: Timer | undefined;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    this.#activeMs = this.#nowMs;
  }

  get #nowMs(): number {
    return this.#consumer.stream.account.js.server.runtime.clock.monotonicMs();
  }

  /** Somebody uses the consumer; only noted where that decides how long it stays. */
  touch(): void {
    if (this.#isSet) this.#activeMs = this.#nowMs;
  }

  /** Begins to watch, with the threshold as it is configured. */
  arm(): void {
    this.stop();
    const thresholdMs = Number(this.#consumer.config.inactive_threshold / NS_PER_MS);
    if (!this.#isSet) this.#activeMs = this.#nowMs;
    this.#isSet = thresholdMs > 0;
    if (this.#isSet) this.#checkAfter(thresholdMs, thresholdMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #checkAfter(ms: number, thresholdMs: number): void {
    const consumer = this.#consumer;
    const { account } = consumer.stream;
    this.#timer = account.js.after(ms, () => {
      if (consumer.closed || account.js.closing) return;
      if (consumer.isBound || consumer.pulls.size > 0) this.#activeMs = this.#nowMs;
      const leftMs = this.#activeMs + thresholdMs - this.#nowMs;
      if (leftMs > 0) this.#checkAfter(leftMs + 1, thresholdMs);
      else account.deleteConsumer(consumer);
    });
  }
}
