// The limits of a stream: so many messages, bytes and messages of a subject; what is beyond goes, the oldest first.
import type { Stream } from "./stream.js";

export class StreamLimits {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Whether there are any. */
  get areSet(): boolean {
    const { max_msgs: maxMessages, max_bytes: maxBytes, max_msgs_per_subject: maxPerSubject } = this.#stream.config;
    return maxMessages > 0 || maxBytes > 0 || maxPerSubject > 0;
  }

  /** Removes what is too much, once a message of `subject` was stored; undefined: of no subject in particular. */
  keep(subject: string | undefined): void {
    const { store, config } = this.#stream;
    const { state } = store;
    if (store.unread !== undefined) return;
    if (subject !== undefined && config.max_msgs_per_subject > 0) this.keepSubject(subject);
    if (!this.#hasTooMuch()) return;
    this.#stream.removed(() => {
      while (state.messages > 0 && this.#hasTooMuch()) store.remove(state.firstSequence);
    });
  }

  #hasTooMuch(): boolean {
    const { max_msgs: maxMessages, max_bytes: maxBytes } = this.#stream.config;
    const { state } = this.#stream.store;
    return (maxMessages > 0 && state.messages > maxMessages) || (maxBytes > 0 && state.bytes > maxBytes);
  }

  /** Leaves as many messages of a subject as there may be. */
  keepSubject(subject: string): void {
    const stream = this.#stream;
    const { store, config } = stream;
    const totals = store.unread === undefined ? store.totalsOf(subject) : undefined;
    if (totals === undefined || totals.messages <= config.max_msgs_per_subject) return;
    if (totals.messages === config.max_msgs_per_subject + 1) {
      stream.removed(() => store.remove(totals.firstSequence));
      return;
    }
    const filter = store.filter([subject]);
    stream.removed(() => store.purge({ filter, keep: config.max_msgs_per_subject }));
    filter.release();
  }
}
