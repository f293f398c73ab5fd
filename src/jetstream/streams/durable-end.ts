// How far a stream's messages are durable: what flows into other streams is sent no sooner. After a power cut the origin would
// give the same sequences to other messages, and the copy would have what the origin never had.
import type { Stream } from "./stream.js";

const RETRY_MS = 1000;

export class DurableEnd {
  readonly #stream: Stream;
  #sequence = 0;
  #isWaiting = false;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Whether a message is durable. If not, the consumers that feed other streams are woken when more is. */
  includes(sequence: number): boolean {
    const { account, lastTicket, store } = this.#stream;
    const { lastSequence } = store.state;
    if (lastTicket <= account.js.storage.commits.durable) this.#sequence = lastSequence;
    else if (!this.#isWaiting) this.#wait(lastSequence);
    return sequence <= this.#sequence;
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
    for (const consumer of this.#stream.consumers.values()) if (consumer.feedsStream) consumer.wake();
  }
}
