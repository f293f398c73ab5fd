// What a consumer's log no longer says, after a part of it could not be read: which messages may have been delivered then and are
// not known to be done. They come again, as a message that comes twice is better than one that never does.

import type { StreamStore, SubjectFilter } from "../store/store.js";
import { type ConsumerState, Op } from "./consumer-state.js";

export class LostDeliveries {
  readonly #state: ConsumerState;
  // Stream sequences from the first on and before the end.
  #from = Number.POSITIVE_INFINITY;
  #to = 0;
  #consumerSequence = 0;
  // Whether it is not known yet how far the deliveries went.
  #isOpen = false;
  #done = new Set<number>();
  #doneUpTo = 0;

  /** @param state as it was before the first entry that is given */
  constructor(state: ConsumerState) {
    this.#state = state;
  }

  /** Entries are missing here. */
  missing(): void {
    const { nextStream, nextConsumer } = this.#state;
    if (this.#from === Number.POSITIVE_INFINITY) this.#consumerSequence = nextConsumer;
    this.#from = Math.min(this.#from, nextStream);
    this.#isOpen = true;
  }

  /** An entry that is there, before it is applied. */
  readonly see = (op: number, sequence: number, second = 0): void => {
    if (this.#from === Number.POSITIVE_INFINITY) return;
    switch (op) {
      case Op.reset:
      case Op.part:
        // Whatever was before, it is known again.
        this.#from = Number.POSITIVE_INFINITY;
        this.#isOpen = false;
        break;
      case Op.ack:
      case Op.giveUp:
        this.#doneWith(sequence, sequence);
        break;
      case Op.ackRange:
        this.#doneWith(sequence, second);
        break;
      case Op.ackAll:
        this.#doneUpTo = Math.max(this.#doneUpTo, sequence);
        this.#reached(sequence);
        break;
      case Op.deliver:
        this.#reached(sequence - 1);
        break;
      default:
        // Here new messages go on.
        this.#reached(sequence - 1);
        if (this.#isOpen) this.#to = this.#state.nextStream;
        this.#isOpen = false;
    }
  };

  #doneWith(first: number, last: number): void {
    for (let at = first; at <= last; at++) this.#done.add(at);
    this.#reached(last);
  }

  // What is spoken of was delivered, so that all before it may have been.
  #reached(sequence: number): void {
    if (this.#isOpen) this.#state.nextStream = Math.max(this.#state.nextStream, sequence + 1);
  }

  /** When all entries were applied: those messages wait for acknowledgements, which are overdue. Gives their number. */
  restore(store: StreamStore, filter: SubjectFilter | undefined): number {
    const state = this.#state;
    if (this.#from === Number.POSITIVE_INFINITY) return 0;
    const end = this.#isOpen ? state.nextStream : this.#to;
    const waiting = [...state.pending];
    const known = waiting.length;
    const first = Math.max(this.#from, this.#doneUpTo + 1);
    for (let at = store.next(first, filter); at !== 0 && at < end; at = store.next(at + 1, filter)) {
      if (this.#done.has(at) || state.pending.has(at)) continue;
      waiting.push([at, { consumerSequence: this.#consumerSequence, atMs: 0 }]);
      this.#consumerSequence = Math.min(this.#consumerSequence + 1, Math.max(1, state.nextConsumer - 1));
    }
    if (waiting.length === known) return 0;
    const [lost, { consumerSequence }] = waiting[known];
    state.deliveredStream = Math.max(state.deliveredStream, waiting[waiting.length - 1][0]);
    state.floorStream = Math.min(state.floorStream, lost - 1);
    state.floorConsumer = Math.min(state.floorConsumer, consumerSequence - 1);
    state.pending.clear();
    for (const [sequence, one] of waiting.sort(([a], [b]) => a - b)) {
      state.pending.delivered(sequence, one.consumerSequence, one.atMs);
    }
    return waiting.length - known;
  }
}
