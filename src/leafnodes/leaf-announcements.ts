// What a leaf link tells its other end: the interest of its account and the sources of the account's mappings
// (conformance/topology, WIRE.md 4.3).
import type { Account } from "../accounts/account.js";
import { InterestSource, type Subscription } from "../accounts/subscription.js";
import { MAX_WEIGHT } from "../server/limits.js";
import { inSlices, type Walk } from "../server/slices.js";
import type { LeafConnection } from "./leaf.js";
import type { LeafHost } from "./leaf-host.js";
import { type Interest, LeafInterest, LOOP_PREFIX } from "./leaf-interest.js";
import { INTEREST_PER_TURN } from "./limits.js";

export class LeafAnnouncements {
  readonly link: LeafConnection;
  readonly #host: LeafHost;
  readonly #told: LeafInterest;
  // Sources of mappings: whoever publishes to them has to reach this side.
  #mapped: readonly string[] = [];
  #walk: Walk | undefined;

  constructor(link: LeafConnection, host: LeafHost) {
    this.link = link;
    this.#host = host;
    this.#told = new LeafInterest((subject, queue, count) => this.#announce(subject, queue, count));
  }

  /** Tells of all there is, in slices. To be called once, before the other methods. */
  tellAll(): void {
    const link = this.link;
    const account = link.account as Account;
    for (const subscription of account.sublist.all()) if (this.hears(subscription)) this.#told.note(subscription);
    this.#told.note(plain(this.#host.loopSubject(account)));
    this.#mapped = [...(account.mappings?.sources() ?? [])];
    for (const source of this.#mapped) this.#told.note(plain(source));
    this.#walk = inSlices(link.hub.runtime.clock, this.#told.all(), INTEREST_PER_TURN, ({ subject, queue, count }) =>
      this.#announce(subject, queue, count),
    );
  }

  added(subscription: Subscription): void {
    if (this.hears(subscription)) this.#told.added(subscription);
  }

  removed(subscription: Subscription): void {
    if (this.hears(subscription)) this.#told.removed(subscription);
  }

  /** Whether the other end is told of an interest in the account. */
  hears({ source, target, subject, leafCluster }: Subscription): boolean {
    const { link } = this;
    if (target === link || (!subject.startsWith(LOOP_PREFIX) && !this.#isForThatEnd(source))) return false;
    return leafCluster === undefined || leafCluster !== link.leafCluster;
  }

  // A hub learns what this server's clients and its own leaf nodes want; a leaf node what all of the cluster wants.
  #isForThatEnd(source: InterestSource): boolean {
    if (source === InterestSource.leaf) return !this.link.isolated;
    if (source === InterestSource.own || source === InterestSource.import) return true;
    return !this.link.isHub;
  }

  /** The mappings of the account may have changed. */
  remap(): void {
    const before = this.#mapped;
    this.#mapped = [...((this.link.account as Account).mappings?.sources() ?? [])];
    for (const source of this.#mapped) if (!before.includes(source)) this.#told.added(plain(source));
    for (const source of before) if (!this.#mapped.includes(source)) this.#told.removed(plain(source));
  }

  /** The link has ended. */
  stop(): void {
    this.#walk?.stop();
  }

  #announce(subject: string, queue: string, count: number): void {
    if (!this.link.permissions.mayCome(subject) && !subject.startsWith(LOOP_PREFIX)) return;
    const group = queue === "" ? "" : ` ${queue}`;
    const weight = queue === "" ? "" : ` ${Math.min(count, MAX_WEIGHT)}`;
    const line = count === 0 ? `LS- ${subject}${group}\r\n` : `LS+ ${subject}${group}${weight}\r\n`;
    this.link.send(Buffer.from(line, "latin1"));
  }
}

function plain(subject: string): Interest {
  return { subject, queue: undefined, weight: 1 };
}
