// How far a stream's messages are durable: none is delivered, or sent to other streams, any sooner. After a crash the stream
// would give the same sequence to another message, and who has got the first one would never ask for that.
import type { Ticket } from "../store/store.js";
import type { Stream } from "./stream.js";

const RETRY_MS = 1000;

/** Reads the stream's messages: a consumer, or what flows into another stream of this server. */
export interface DurableReader {
  /** More is durable. */
  wake(): void;
}

export class DurableEnd {
  readonly #stream: Stream;
  readonly #held = new Set<DurableReader>();
  #sequence = 0;
  #isWaiting = false;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** A batch of messages begins behind those up to `sequence`, which were written with `ticket` at the latest. */
  batchBegins(ticket: Ticket, sequence: number): void {
    if (ticket <= this.#stream.account.js.storage.commits.durable) this.#sequence = sequence;
  }

  /** Whether a message is durable. If not, its reader is woken when more is. */
  includes(sequence: number, reader: DurableReader): boolean {
    if (sequence <= this.#sequence) return true;
    const { account, lastTicket, store } = this.#stream;
    const { lastSequence } = store.state;
    if (lastTicket <= account.js.storage.commits.durable) {
      this.#sequence = lastSequence;
      return true;
    }
    this.#held.add(reader);
    if (!this.#isWaiting) this.#wait(lastSequence);
    return false;
  }

  #wait(lastSequence: number): void {
    const { js } = this.#stream.account;
    this.#isWaiting = true;
    js.whenDurable(this.#stream.lastTicket, (error) => {
      this.#isWaiting = false;
      if (error !== undefined) js.after(RETRY_MS, () => this.#wake());
      else {
        this.#sequence = lastSequence;
        this.#wake();
      }
    });
  }

  #wake(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const reader of held) reader.wake();
  }
}
