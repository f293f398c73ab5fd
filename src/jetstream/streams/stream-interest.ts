// What a stream keeps for its consumers: with interest retention only what one of them wants, with it and with a work queue only
// until they are done with it.
import type { ConsumerConfig } from "../consumers/consumer-config.js";
import type { Stream } from "./stream.js";

export class StreamInterest {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Whether a message of that subject is kept: with interest retention, if a consumer wants it. */
  isWanted(subject: string): boolean {
    const { config, consumers } = this.#stream;
    if (config.retention !== "interest") return true;
    for (const consumer of consumers.values()) if (consumer.wants(subject)) return true;
    return false;
  }

  /** Removes a message that was stored and that nobody wants. */
  dropUnwanted(subject: string, sequence: number): void {
    if (this.isWanted(subject)) return;
    this.#stream.store.remove(sequence);
    this.#stream.inflows?.removed();
  }

  /** A consumer is done with a message: with work queue and interest retention it may go. */
  acknowledged(sequence: number): void {
    const { config, store, consumers, inflows } = this.#stream;
    if (config.retention === "limits" || store.unread !== undefined) return;
    const subject = store.subjectAt(sequence);
    if (subject === undefined) return;
    // Of a work queue one consumer alone has each message, but for those by which it is read.
    for (const consumer of consumers.values()) {
      if (!consumer.config.direct && consumer.wants(subject) && consumer.needs(sequence)) return;
    }
    store.remove(sequence);
    this.#stream.settle();
    inflows?.removed();
  }

  /** A consumer is gone: what only it kept goes, too. */
  consumerGone(gone: ConsumerConfig): void {
    if ((gone.sourcing && !gone.direct) || this.#stream.config.retention === "interest") this.dropUnneeded();
  }

  /** Removes what no consumer needs; of a work queue, what one of them is done with. */
  dropUnneeded(): void {
    const { config, store, consumers } = this.#stream;
    const isQueue = config.retention === "workqueue";
    if (config.retention === "limits" || store.unread !== undefined) return;
    if (consumers.size === 0) {
      if (isQueue) return;
      this.#stream.removed(() => store.purge(), "purge");
      return;
    }
    const gone: number[] = [];
    for (let at = store.next(1); at !== 0; at = store.next(at + 1)) {
      const subject = store.subjectAt(at) as string;
      const wanting = [...consumers.values()].filter((one) => !one.config.direct && one.wants(subject));
      if (isQueue && wanting.length === 0) continue;
      if (!wanting.some((consumer) => consumer.needs(at))) gone.push(at);
    }
    if (gone.length > 0) this.#stream.removed(() => store.removeAll(gone));
  }
}
