// What another server of the cluster wants of one account: its interest, which stands in the account's own interest here,
// and the target of the messages for it (conformance/topology, WIRE.md 2.4).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import { cameFromLeaf, type DeliveryTarget, InterestSource, Subscription } from "../accounts/subscription.js";
import type { PeerPrefix } from "../server/peer-writer.js";
import type { PeerTarget, Router } from "../server/router.js";
import type { RouteConnection } from "./route.js";

/** Members at the other end of a leaf link get a message of their group only if no others are there. */
const LEAF_RANK = 1;

/** Of plain interest and single members of this cluster, which nearly all is. */
const USUAL = Object.freeze({ source: InterestSource.route, weight: 1, rank: 0 });

/** An interest that came over a route. */
export class RoutedSubscription extends Subscription {
  /** The cluster of the leaf node that has it; undefined for the server's own. */
  readonly origin: string | undefined;
  /** The connection that it was announced on; it ends with that. */
  readonly via: RouteConnection;

  constructor(
    subject: string,
    queue: string | undefined,
    target: PeerAccount,
    via: RouteConnection,
    origin: string | undefined,
    weight: number,
  ) {
    const isUsual = origin === undefined && weight === 1;
    const rank = origin === undefined ? 0 : LEAF_RANK;
    super(subject, queue, "", target, isUsual ? USUAL : { source: InterestSource.route, weight, rank });
    this.origin = origin;
    this.via = via;
  }

  override get leafCluster(): string | undefined {
    return this.origin;
  }
}

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
  readonly #interest = new Map<string, RoutedSubscription>();
  #account: Account | undefined;

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

  /** How many interests it has. */
  get size(): number {
    return this.#interest.size;
  }

  /** The interests; what comes or goes while they are walked through is part of the walk, or is not. */
  allInterest(): Iterable<RoutedSubscription> {
    return this.#interest.values();
  }

  /** The interests, for monitoring. */
  get interests(): RoutedSubscription[] {
    return [...this.#interest.values()];
  }

  /** Puts the interest into an account that is there from now on. */
  attach(account: Account): void {
    if (this.#account === account) return;
    this.#account = account;
    for (const subscription of this.#interest.values()) account.addInterest(subscription);
  }

  /** Adds an interest, or changes the weight of one. */
  add(subscription: RoutedSubscription): void {
    const key = keyOf(subscription.subject, subscription.queue, subscription.origin);
    const before = this.#interest.get(key);
    this.#interest.set(key, subscription);
    // The old one goes last, so that the interest is there all the time.
    this.#account?.addInterest(subscription);
    if (before === undefined) this.#announced.count++;
    else this.#account?.removeInterest(before);
  }

  /** Ends an interest; nothing happens if it is not there. */
  remove(subject: string, queue: string | undefined, origin: string | undefined): void {
    const key = keyOf(subject, queue, origin);
    const subscription = this.#interest.get(key);
    if (subscription === undefined) this.forgetIfEmpty();
    else this.#takeOut(key, subscription);
  }

  /** Takes out one that came over a connection that has ended, unless it was announced again since. */
  removeStale(subscription: RoutedSubscription): void {
    const key = keyOf(subscription.subject, subscription.queue, subscription.origin);
    if (this.#interest.get(key) === subscription) this.#takeOut(key, subscription);
  }

  /** Nothing is kept of an account without interest. */
  forgetIfEmpty(): void {
    if (this.#interest.size === 0) this.#emptied(this);
  }

  #takeOut(key: string, subscription: RoutedSubscription): void {
    this.#interest.delete(key);
    this.#announced.count--;
    this.#account?.removeInterest(subscription);
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
