// What the clients, services and leaf nodes of this server are interested in, counted per account, subject and queue group:
// what the other servers of the cluster are told (conformance/topology, WIRE.md 2.4).
import type { Account } from "../accounts/account.js";
import { InterestSource, type InterestWatcher, type Subscription } from "../accounts/subscription.js";
import { encodeSubject } from "../options/subject-bytes.js";

/** An interest that others know of. All names are latin1. */
export interface AnnouncedInterest {
  readonly subject: string;
  /** "" for plain interest. */
  readonly queue: string;
  /** The cluster of the leaf node that has it; "" for this server's own. */
  readonly origin: string;
  /** Members of the queue group; for plain interest, subscriptions. */
  readonly count: number;
}

/** An interest met on a walk through those of all accounts. */
export interface WalkedInterest {
  /** Latin1. */
  readonly account: string;
  /** The subject of a plain interest of this server's own, which nearly all are; undefined for others. */
  readonly plainSubject: string | undefined;
  /** The same as it is announced, made when it is asked for. */
  readonly announced: AnnouncedInterest;
}

/** Is told when what others should know has changed; `count` 0: the interest has ended. */
export type InterestChanged = (account: string, interest: AnnouncedInterest) => void;

const NO_COUNTS = new Map<string, number>();

export class LocalInterest implements InterestWatcher {
  // By account; keys are "subject", "subject queue" or "subject queue origin".
  readonly #accounts = new Map<string, Map<string, number>>();
  readonly #changed: InterestChanged;

  constructor(changed: InterestChanged) {
    this.#changed = changed;
  }

  /** Accounts that have some. */
  accounts(): Iterable<string> {
    return this.#accounts.keys();
  }

  /** All interest of an account; what comes while it is walked through is part of the walk, what goes is not. */
  *of(account: string): IterableIterator<AnnouncedInterest> {
    for (const [key, count] of this.#accounts.get(account) ?? []) yield interestOf(key, count);
  }

  /** As `of`, for all accounts that `includes` answers true for; each item stands until the next is asked for. */
  walk(includes: (account: string) => boolean): Iterator<WalkedInterest> {
    return new InterestWalk(this.#accounts, includes);
  }

  added(account: Account, subscription: Subscription): void {
    this.#count(account, subscription, subscription.weight);
  }

  removed(account: Account, subscription: Subscription): void {
    this.#count(account, subscription, -subscription.weight);
  }

  #count(account: Account, subscription: Subscription, by: number): void {
    const { source } = subscription;
    if (source !== InterestSource.own && source !== InterestSource.leaf) return;
    const name = encodeSubject(account.name);
    // Such a name cannot stand in a line.
    if (/\s/.test(name)) return;
    let counts = this.#accounts.get(name);
    if (counts === undefined) {
      counts = new Map();
      this.#accounts.set(name, counts);
    }
    const key = keyOf(subscription);
    const before = counts.get(key) ?? 0;
    const count = before + by;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
    if (counts.size === 0) this.#accounts.delete(name);
    const isQueue = subscription.queue !== undefined;
    if (isQueue || before === 0 || count === 0) this.#changed(name, interestOf(key, count));
  }
}

// A walk may meet a million: no object is made for any.
class InterestWalk implements Iterator<WalkedInterest>, WalkedInterest {
  account = "";
  readonly #accounts: Iterator<[string, Map<string, number>]>;
  readonly #includes: (account: string) => boolean;
  readonly #result = { done: false, value: this } as const;
  #counts: Map<string, number> = NO_COUNTS;
  #keys: Iterator<string> = NO_COUNTS.keys();
  #key = "";

  constructor(accounts: Map<string, Map<string, number>>, includes: (account: string) => boolean) {
    this.#accounts = accounts.entries();
    this.#includes = includes;
  }

  get plainSubject(): string | undefined {
    return this.#key.includes(" ") ? undefined : this.#key;
  }

  get announced(): AnnouncedInterest {
    return interestOf(this.#key, this.#counts.get(this.#key) ?? 0);
  }

  next(): IteratorResult<WalkedInterest> {
    for (;;) {
      const { done, value } = this.#keys.next();
      if (!done) {
        this.#key = value;
        return this.#result;
      }
      const account = this.#accounts.next();
      if (account.done) return account;
      [this.account, this.#counts] = account.value;
      this.#keys = this.#includes(this.account) ? this.#counts.keys() : NO_COUNTS.keys();
    }
  }
}

function keyOf({ subject, queue, source, target }: Subscription): string {
  const origin = source === InterestSource.leaf ? target.leafCluster : undefined;
  if (origin !== undefined) return `${subject} ${queue ?? ""} ${origin}`;
  return queue === undefined ? subject : `${subject} ${queue}`;
}

function interestOf(key: string, count: number): AnnouncedInterest {
  if (!key.includes(" ")) return { subject: key, queue: "", origin: "", count };
  const [subject, queue = "", origin = ""] = key.split(" ");
  return { subject, queue, origin, count };
}
