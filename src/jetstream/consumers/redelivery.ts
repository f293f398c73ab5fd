// Messages that are delivered again: refused ones, and those whose acknowledgement did not come in time.
import type { Timer } from "../../runtime/clock.js";
import { Attempts } from "./attempts.js";
import type { Consumer } from "./consumer.js";
import { Op } from "./consumer-state.js";

export class Redelivery {
  /** Sequences to be delivered again, in that order; each once. */
  readonly queue = new Set<number>();
  readonly #consumer: Consumer;
  readonly #attempts: Attempts;
  // What a refusal asked for instead of ack_wait.
  readonly #delays = new Map<number, number>();
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  // In milliseconds, of the configuration's nanoseconds.
  #wait: { readonly ns: bigint; readonly ms: number } = { ns: 0n, ms: 0 };

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    this.#attempts = new Attempts(consumer, () => this.#runCheck());
  }

  /** Delivers a message again, after a delay. */
  again(sequence: number, delayMs = 0): void {
    const consumer = this.#consumer;
    const { pending } = consumer.state;
    if (!pending.has(sequence) || consumer.deadLetters.isMoving(sequence)) return;
    if (delayMs > 0) {
      const { nowMs } = consumer.stream.account.js;
      this.#delays.set(sequence, delayMs);
      pending.renew(sequence, nowMs);
      this.#armAt(nowMs + delayMs);
      return;
    }
    if (this.#isExhausted(sequence)) return;
    this.queue.add(sequence);
    consumer.wake();
  }

  /** The message was delivered: an acknowledgement is due. */
  delivered(sequence: number, nowMs: number): void {
    this.forget(sequence);
    if (this.#consumer.acks) this.#armAt(nowMs + this.#waitMs(sequence));
  }

  /** More time for the message. */
  inProgress(sequence: number): void {
    const { pending } = this.#consumer.state;
    if (!pending.has(sequence)) return;
    const { nowMs } = this.#consumer.stream.account.js;
    pending.renew(sequence, nowMs);
    this.#armAt(nowMs + this.#waitMs(sequence));
  }

  /** The message is done. */
  forget(sequence: number): void {
    if (this.queue.size > 0) this.queue.delete(sequence);
    if (this.#delays.size > 0) this.#delays.delete(sequence);
  }

  clear(): void {
    this.queue.clear();
    this.#delays.clear();
  }

  /** Watches over what is pending. */
  start(): void {
    if (!this.#consumer.acks) return;
    for (const [sequence, { atMs }] of this.#consumer.state.pending) this.#armAt(atMs + this.#waitMs(sequence));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#attempts.stop();
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  // With max_deliver reached the message is left alone, or becomes a dead letter; who listens is told.
  #isExhausted(sequence: number): boolean {
    const consumer = this.#consumer;
    const { max_deliver: max } = consumer.config;
    const deliveries = consumer.state.deliveryCount(sequence);
    if (max <= 0 || deliveries < max) return false;
    this.forget(sequence);
    if (consumer.deadLetters.subject === undefined) consumer.apply(Op.giveUp, sequence);
    else consumer.deadLetters.move(sequence, { kind: "max_deliver", deliveries });
    consumer.advise("MAX_DELIVERIES", "max_deliver", { stream_seq: sequence, deliveries });
    consumer.wake();
    return true;
  }

  #waitMs(sequence: number): number {
    const delay = this.#delays.size === 0 ? undefined : this.#delays.get(sequence);
    if (delay !== undefined) return delay;
    const { backoff, ack_wait: wait } = this.#consumer.config;
    if (backoff === undefined) {
      if (this.#wait.ns !== wait) this.#wait = { ns: wait, ms: Number(wait) / 1e6 };
      return this.#wait.ms;
    }
    const times = Math.max(1, this.#consumer.state.deliveryCount(sequence));
    return Number(backoff[Math.min(times, backoff.length) - 1]) / 1e6;
  }

  #armAt(atMs: number): void {
    const { config, stream } = this.#consumer;
    if (atMs >= this.#timerAtMs || config.ack_policy === "flow_control") return;
    const { js } = stream.account;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = js.after(atMs - js.nowMs + 1, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#runCheck();
    });
  }

  #runCheck(): void {
    this.#attempts.run(() => this.#check());
  }

  #check(): void {
    const consumer = this.#consumer;
    const { js } = consumer.stream.account;
    if (consumer.closed || js.closing) return;
    const nowMs = js.nowMs;
    let nextMs = Number.POSITIVE_INFINITY;
    const due: number[] = [];
    for (const [sequence, { atMs }] of consumer.state.pending) {
      if (this.queue.has(sequence) || consumer.deadLetters.isMoving(sequence)) continue;
      const dueMs = atMs + this.#waitMs(sequence);
      if (dueMs <= nowMs) due.push(sequence);
      else nextMs = Math.min(nextMs, dueMs);
    }
    for (const sequence of due.sort((a, b) => a - b)) {
      this.#delays.delete(sequence);
      this.again(sequence);
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#armAt(nextMs);
  }
}
