// What this cluster is interested in: clients, services and leaf nodes of this server and of the other servers of the
// cluster together. It is what other clusters are told (conformance/topology, WIRE.md 3.2).
import type { Account } from "../accounts/account.js";
import { InterestSource, type InterestWatcher, type Subscription } from "../accounts/subscription.js";
import { encodeSubject } from "../options/subject-bytes.js";

/** Subject and queue group, "" for none; latin1. */
export interface ClusterWish {
  readonly subject: string;
  readonly queue: string;
}

/** Is told when an interest has begun or has ended. */
export type WishChanged = (account: string, wish: ClusterWish, begins: boolean) => void;

export class ClusterInterest implements InterestWatcher {
  // By account (latin1); keys are "subject" or "subject queue", values count who has the interest.
  readonly #accounts = new Map<string, Map<string, number>>();
  readonly #changed: WishChanged;

  constructor(changed: WishChanged) {
    this.#changed = changed;
  }

  /** All interest of an account; what comes while it is walked through is part of the walk, what goes is not. */
  *of(account: string): IterableIterator<ClusterWish> {
    for (const key of this.#accounts.get(account)?.keys() ?? []) yield wishOf(key);
  }

  added(account: Account, subscription: Subscription): void {
    this.#count(account, subscription, 1);
  }

  removed(account: Account, subscription: Subscription): void {
    this.#count(account, subscription, -1);
  }

  #count(account: Account, { source, subject, queue }: Subscription, by: number): void {
    const isOfCluster =
      source === InterestSource.own || source === InterestSource.leaf || source === InterestSource.route;
    if (!isOfCluster) return;
    const name = encodeSubject(account.name);
    let counts = this.#accounts.get(name);
    if (counts === undefined) {
      counts = new Map();
      this.#accounts.set(name, counts);
    }
    const key = queue === undefined ? subject : `${subject} ${queue}`;
    const before = counts.get(key) ?? 0;
    const count = before + by;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
    if (counts.size === 0) this.#accounts.delete(name);
    if (before === 0 || count === 0) this.#changed(name, wishOf(key), count > 0);
  }
}

function wishOf(key: string): ClusterWish {
  const blank = key.indexOf(" ");
  return blank === -1 ? { subject: key, queue: "" } : { subject: key.slice(0, blank), queue: key.slice(blank + 1) };
}
