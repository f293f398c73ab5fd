// The pause of a consumer: until then it delivers nothing.
import type { Timer } from "../../runtime/clock.js";
import { NS_PER_MS, parseTime } from "../time.js";
import type { Consumer } from "./consumer.js";

export class Pause {
  readonly #consumer: Consumer;
  #timer: Timer | undefined;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  get isOn(): boolean {
    const { untilNs } = this;
    return untilNs > 0n && untilNs > this.#consumer.stream.account.js.nowNs;
  }

  /** 0n for no pause. */
  get untilNs(): bigint {
    const { pause_until: until } = this.#consumer.config;
    return until === undefined ? 0n : (parseTime(until) ?? 0n);
  }

  /** Waits for its end, to go on then. */
  arm(): void {
    this.stop();
    if (!this.isOn) return;
    const consumer = this.#consumer;
    const { js } = consumer.stream.account;
    this.#timer = js.after(Number((this.untilNs - js.nowNs) / NS_PER_MS) + 1, () => {
      if (this.isOn) this.arm();
      else {
        this.advise();
        consumer.wake();
      }
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Tells who listens that it began or ended. */
  advise(): void {
    const until = this.#consumer.config.pause_until ?? "0001-01-01T00:00:00Z";
    this.#consumer.advise("PAUSE", "consumer_pause", { paused: this.isOn, pause_until: until });
  }
}
