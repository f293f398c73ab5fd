// What another server of the cluster wants of one account: its interest, which stands in the account's own interest here,
// and the target of the messages for it (conformance/topology, WIRE.md 2.4).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import { cameFromLeaf, type DeliveryTarget, type Subscription } from "../accounts/subscription.js";
import type { PeerPrefix } from "../server/peers/peer-writer.js";
import type { PeerTarget, Router } from "../server/router.js";
import type { ValidKind } from "../subjects/validity.js";
import { InterestList } from "./interest-list.js";
import type { RouteConnection } from "./route.js";
import type { RoutedSubscription } from "./routed-subscription.js";

export class PeerAccount implements DeliveryTarget, PeerTarget {
  readonly echo = true;
  readonly peer = "route";
  /** Latin1. */
  readonly name: string;
  #link: RouteConnection | undefined;
  #prefix: PeerPrefix | undefined;
  // The leaf node's cluster that a message last came from, and what its messages begin with.
  #leafOrigin: string | undefined;
  #leafPrefix: PeerPrefix | undefined;
  readonly #router: Router;
  readonly #announced: { count: number };
  readonly #emptied: (account: PeerAccount) => void;
  readonly #interest = new InterestList();
  #account: Account | undefined;
  // While there is no such account here.
  readonly #unattached = new Map<string, RoutedSubscription>();

  /**
   * @param announced counts the interests of the peer's accounts together
   * @param emptied hears that it has no interest, perhaps several times
   */
  constructor(
    name: string,
    router: Router,
    announced: { count: number },
    emptied: (account: PeerAccount) => void = () => {},
  ) {
    this.name = name;
    this.#router = router;
    this.#announced = announced;
    this.#emptied = emptied;
  }

  /** The connection that messages of the account go over. */
  get link(): RouteConnection | undefined {
    return this.#link;
  }

  set link(link: RouteConnection | undefined) {
    if (link === this.#link) return;
    this.#link = link;
    this.#prefix = link?.prefixFor(this.name);
    this.#leafOrigin = undefined;
  }

  get peerId(): string | undefined {
    return this.#link?.closed === false ? this.#link.server?.id : undefined;
  }

  /** How many interests it has. */
  get size(): number {
    return this.#interest.size;
  }

  /** The interests; what comes or goes while they are walked through is part of the walk, or is not. */
  allInterest(): Iterable<RoutedSubscription> {
    return this.#interest;
  }

  /** The interests, for monitoring. */
  get interests(): RoutedSubscription[] {
    return [...this.#interest];
  }

  /** Puts the interest into an account that is there from now on. */
  attach(account: Account): void {
    if (this.#account === account) return;
    this.#account = account;
    for (const subscription of this.#interest) account.addInterest(subscription);
    this.#unattached.clear();
  }

  /**
   * Adds an interest, or changes the weight of one.
   * @param kind of its subject, if the caller knows it
   */
  add(subscription: RoutedSubscription, kind?: ValidKind): void {
    const before =
      this.#account === undefined ? this.#putAside(subscription) : this.#putInto(this.#account, subscription, kind);
    this.#interest.add(subscription);
    if (before === undefined) this.#announced.count++;
    else {
      // Last, so that the interest is there all the time.
      this.#interest.remove(before);
      this.#account?.removeInterest(before);
    }
  }

  // These two return the one that it takes the place of.
  #putAside(subscription: RoutedSubscription): RoutedSubscription | undefined {
    const key = keyOf(subscription.subject, subscription.queue, subscription.origin);
    const before = this.#unattached.get(key);
    this.#unattached.set(key, subscription);
    return before;
  }

  #putInto(account: Account, subscription: RoutedSubscription, kind?: ValidKind): RoutedSubscription | undefined {
    if (account.addInterest(subscription, kind)) return undefined;
    const { subject, queue, origin } = subscription;
    return this.#find(subject, queue, origin, subscription);
  }

  /** Ends an interest; nothing happens if it is not there. */
  remove(subject: string, queue: string | undefined, origin: string | undefined): void {
    const subscription = this.#find(subject, queue, origin);
    if (subscription === undefined) this.forgetIfEmpty();
    else this.#takeOut(subscription);
  }

  /** Takes out one that came over a connection that has ended, unless it was announced again since. */
  removeStale(subscription: RoutedSubscription): void {
    const { subject, queue, origin } = subscription;
    if (this.#find(subject, queue, origin) === subscription) this.#takeOut(subscription);
  }

  /** Nothing is kept of an account without interest. */
  forgetIfEmpty(): void {
    if (this.#interest.size === 0) this.#emptied(this);
  }

  // What it has announced is found in the account's own interest: a table of its own would be as large again.
  #find(
    subject: string,
    queue: string | undefined,
    origin: string | undefined,
    besides?: RoutedSubscription,
  ): RoutedSubscription | undefined {
    if (this.#account === undefined) return this.#unattached.get(keyOf(subject, queue, origin));
    for (const candidate of this.#account.interestsIn(subject, queue)) {
      const isOwn = candidate.target === this && candidate !== besides;
      if (isOwn && (candidate as RoutedSubscription).origin === origin) return candidate as RoutedSubscription;
    }
    return undefined;
  }

  #takeOut(subscription: RoutedSubscription): void {
    const { subject, queue, origin } = subscription;
    this.#interest.remove(subscription);
    this.#announced.count--;
    if (this.#account === undefined) this.#unattached.delete(keyOf(subject, queue, origin));
    else this.#account.removeInterest(subscription);
    this.forgetIfEmpty();
  }

  deliver(subscription: Subscription, _: Message, source: DeliveryTarget | undefined): boolean {
    if (source?.peer === "route" || source?.isHub) return false;
    const { via, origin, queue } = subscription as RoutedSubscription;
    if (via.closed || this.#link === undefined || this.#link.closed) return false;
    if (cameFromLeaf(source, origin, this.#account)) return false;
    this.#router.gather(this, queue);
    return true;
  }

  failed(error: unknown): void {
    this.#link?.failed(error);
  }

  send(message: Message, queues: readonly string[], source: DeliveryTarget | undefined): void {
    const link = this.#link;
    if (link === undefined || this.#prefix === undefined) return;
    const leafCluster = source?.leafAccount === this.#account ? source?.leafCluster : undefined;
    const prefix = leafCluster === undefined ? undefined : this.#leafPrefixFor(link, leafCluster);
    const sent = message.trace === undefined ? message : message.trace.forwarded(message, link.traceParty);
    this.#account?.traffic.routes.went(sent.sizeBytes);
    link.sendMessage(prefix ?? this.#prefix, sent, queues, source);
  }

  #leafPrefixFor(link: RouteConnection, origin: string): PeerPrefix | undefined {
    if (this.#leafOrigin !== origin) {
      this.#leafOrigin = origin;
      this.#leafPrefix = link.leafPrefixFor(this.name, origin);
    }
    return this.#leafPrefix;
  }
}

function keyOf(subject: string, queue: string | undefined, origin: string | undefined): string {
  if (origin === undefined && queue === undefined) return subject;
  return `${subject} ${queue ?? ""} ${origin ?? ""}`;
}
