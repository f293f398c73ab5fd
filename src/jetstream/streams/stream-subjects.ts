// The subjects that a stream listens to.
import { Subscription } from "../../accounts/subscription.js";
import { wireSubject } from "../names.js";
import type { Stream } from "./stream.js";

export class StreamSubjects {
  readonly #stream: Stream;
  #subscriptions: Subscription[] = [];

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Begins to listen to the subjects of the stream's settings. */
  listen(): void {
    const { account } = this.#stream.account;
    for (const subject of this.#stream.config.subjects ?? []) {
      const subscription = new Subscription(wireSubject(subject), undefined, "", this.#stream);
      account.subscribe(subscription);
      this.#subscriptions.push(subscription);
    }
  }

  /** Listens no more. */
  leave(): void {
    for (const subscription of this.#subscriptions) this.#stream.account.account.unsubscribe(subscription);
    this.#subscriptions = [];
  }
}
