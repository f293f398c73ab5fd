// Acknowledgements that wait until what they state is durable: those of all streams of the server in one queue, as one sync
// makes the writes of all durable.

import type { StoreError } from "../store/errors.js";
import type { Commits, CommitWaiter, Ticket } from "../store/store.js";
import type { Stored } from "../streams/intake.js";

/** Beyond so many that were sent the arrays are cut. */
const SENT_TO_CUT = 4096;

/** Who sends an acknowledgement, or what takes its place when the disk did not take the message. */
export interface AckSender {
  settle(reply: string, stored: Stored, error: StoreError | undefined): void;
}

export class AckQueue implements CommitWaiter {
  readonly #commits: Commits;
  // In plain arrays: with many streams there is an acknowledgement for each, all the time.
  #tickets: Ticket[] = [];
  #senders: AckSender[] = [];
  #replies: string[] = [];
  #stored: Stored[] = [];
  #first = 0;
  #asked: Ticket = 0;

  constructor(commits: Commits) {
    this.#commits = commits;
  }

  /** Settles when the ticket of `stored` is durable or has failed: at once if it is durable. */
  add(sender: AckSender, reply: string, stored: Stored): void {
    const { ticket } = stored;
    if (ticket <= this.#commits.durable) {
      sender.settle(reply, stored, undefined);
      return;
    }
    this.#tickets.push(ticket);
    this.#senders.push(sender);
    this.#replies.push(reply);
    this.#stored.push(stored);
    if (ticket === this.#asked) return;
    this.#asked = ticket;
    this.#commits.whenDurable(ticket, this);
  }

  committed(ticket: Ticket, error: StoreError | undefined): void {
    const tickets = this.#tickets;
    let at = this.#first;
    while (at < tickets.length && tickets[at] <= ticket) {
      // Before it settles: that may lead here again.
      this.#first = at + 1;
      this.#senders[at].settle(this.#replies[at], this.#stored[at], error);
      at = this.#first;
    }
    if (at === tickets.length || at > SENT_TO_CUT) this.#cut(at);
  }

  #cut(count: number): void {
    this.#tickets = this.#tickets.slice(count);
    this.#senders = this.#senders.slice(count);
    this.#replies = this.#replies.slice(count);
    this.#stored = this.#stored.slice(count);
    this.#first = 0;
  }
}
