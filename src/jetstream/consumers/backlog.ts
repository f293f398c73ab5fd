// The messages of its stream that a consumer has not delivered yet: which one comes next, and how many there are.
import type { Consumer } from "./consumer.js";

export class Backlog {
  readonly #consumer: Consumer;
  #count = 0;
  #isCounted = false;
  // With last_per_subject: what is left of the messages that were the last when it began.
  #lastOnes: number[] | undefined;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** With last_per_subject: delivery goes on with the last messages of all subjects. */
  takeLastOnes(): void {
    const { state, filter: own, stream } = this.#consumer;
    const filter = own ?? stream.store.filter([]);
    this.#lastOnes = stream.store.lastPerSubject(filter).filter((sequence) => sequence >= state.nextStream);
    if (filter !== own) filter.release();
  }

  /** What was left of the last messages of all subjects, if that is where delivery is, is found again. */
  retakeLastOnes(): void {
    if (this.#lastOnes !== undefined) this.takeLastOnes();
  }

  /** Delivery begins elsewhere. */
  reset(): void {
    this.#lastOnes = undefined;
    this.#isCounted = false;
  }

  /** Other messages may belong to it now. */
  changed(): void {
    this.#isCounted = false;
  }

  /** A message that belongs to it was stored. */
  stored(): void {
    if (this.#isCounted) this.#count++;
  }

  /** The next message was delivered. */
  delivered(sequence: number): void {
    if (this.#lastOnes?.[0] === sequence) this.#lastOnes.shift();
    if (this.#isCounted && this.#count > 0) this.#count--;
  }

  /** How many messages there are. */
  get count(): number {
    if (!this.#isCounted) {
      const { state, filter, stream } = this.#consumer;
      const { store } = stream;
      if (this.#lastOnes === undefined) this.#count = store.pending(state.nextStream, filter);
      else {
        this.#lastOnes = this.#lastOnes.filter((sequence) => store.has(sequence));
        const upTo = this.#lastOnes[this.#lastOnes.length - 1] ?? state.nextStream - 1;
        this.#count = this.#lastOnes.length + store.pending(upTo + 1, filter);
      }
      this.#isCounted = true;
    }
    return this.#count;
  }

  /** The sequence of the next message; 0 for none: then all that there are were passed. */
  get next(): number {
    const { state, filter, stream } = this.#consumer;
    const { store } = stream;
    if (this.#lastOnes !== undefined) {
      for (;;) {
        const [first] = this.#lastOnes;
        if (first === undefined) break;
        if (store.has(first)) return first;
        this.#lastOnes.shift();
      }
      this.#lastOnes = undefined;
    }
    const sequence = store.next(state.nextStream, filter);
    if (sequence === 0) {
      const { lastSequence } = store.state;
      if (lastSequence >= state.nextStream) this.#consumer.passed(lastSequence + 1);
    }
    return sequence;
  }
}
