// What a stream keeps for its consumers: with interest retention only what one of them wants, with it and with a work queue only
// until they are done with it.
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
    if (config.retention === "interest") {
      for (const consumer of consumers.values()) {
        if (consumer.wants(subject) && consumer.needs(sequence)) return;
      }
    }
    store.remove(sequence);
    this.#stream.settle();
    inflows?.removed();
  }

  /** A consumer is gone: what only it wanted goes, too. */
  dropUnneeded(): void {
    const { config, store, consumers } = this.#stream;
    if (config.retention !== "interest" || store.unread !== undefined) return;
    if (consumers.size === 0) {
      this.#stream.removed(() => store.purge(), "purge");
      return;
    }
    const gone: number[] = [];
    for (let at = store.next(1); at !== 0; at = store.next(at + 1)) {
      const subject = store.subjectAt(at) as string;
      let needed = false;
      for (const consumer of consumers.values()) needed ||= consumer.wants(subject) && consumer.needs(at);
      if (!needed) gone.push(at);
    }
    if (gone.length > 0) this.#stream.removed(() => store.removeAll(gone));
  }
}
