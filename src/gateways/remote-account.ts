// What another cluster wants of one account: its interest, which stands in the account's own interest here, and the target of
// the messages for it (conformance/topology, WIRE.md 3.2). Servers before 2.9 are sent everything but what they refuse.
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import { type DeliveryTarget, InterestSource, Subscription } from "../accounts/subscription.js";
import type { GatewayAccountStatus, InterestMode } from "../server/peers/peer-reports.js";
import { type PeerPrefix, peerPrefix } from "../server/peers/peer-writer.js";
import type { PeerTarget, Router } from "../server/router.js";
import type { GatewayConnection } from "./gateway.js";
import type { ReplyPaths } from "./reply-paths.js";
import { UnwantedSubjects } from "./unwanted-subjects.js";

/** Members of a queue group in other clusters get a message only if this one has none. */
const GATEWAY_RANK = 2;
const ALL_SUBJECTS = ">";
const NOTHING = new Uint8Array(0);

/** What the accounts of one remote cluster share. */
export interface RemoteWorld {
  readonly link: GatewayConnection;
  readonly router: Router;
  readonly replies: ReplyPaths;
  /** The interests of all its accounts together. */
  readonly announced: { count: number };
}

export class RemoteAccount implements DeliveryTarget, PeerTarget {
  readonly echo = true;
  readonly peer = "gateway";
  /** Latin1. */
  readonly name: string;
  readonly #world: RemoteWorld;
  readonly #prefix: PeerPrefix;
  readonly #interest = new Map<string, Subscription>();
  #mode: InterestMode;
  #account: Account | undefined;
  // Of an old server: stands for all plain interest while everything is sent, and what is not.
  #everything: Subscription | undefined;
  #unwanted: UnwantedSubjects | undefined;
  // Answers to these reply subjects are led back.
  readonly #waysBack = new Map<string, { subscription: Subscription; way: Uint8Array }>();

  constructor(name: string, world: RemoteWorld, optimistic: boolean) {
    this.name = name;
    this.#world = world;
    this.#prefix = peerPrefix("RMSG", "HMSG", `${name} `);
    this.#mode = optimistic ? "Optimistic" : "Interest-Only";
    if (optimistic) this.#sendEverything();
  }

  get distanceMs(): number {
    return this.#world.link.rttMs || Number.MAX_VALUE;
  }

  get peerId(): string | undefined {
    return this.#world.link.closed ? undefined : this.#world.link.cluster;
  }

  get mode(): InterestMode {
    return this.#mode;
  }

  /** Puts the interest into an account that is there from now on. */
  attach(account: Account): void {
    if (this.#account === account) return;
    this.#account = account;
    for (const subscription of this.all()) account.addInterest(subscription);
  }

  /** Everything that stands in the account's interest. */
  *all(): IterableIterator<Subscription> {
    yield* this.#interest.values();
    if (this.#everything !== undefined) yield this.#everything;
    for (const { subscription } of this.#waysBack.values()) yield subscription;
  }

  /** Takes one of `all` out, since the connection has ended. */
  drop(subscription: Subscription): void {
    this.#account?.removeInterest(subscription);
  }

  // ---------------------------------------------------------------- what the other cluster tells

  /** It has an interest (RS+). */
  add(subject: string, queue: string | undefined): void {
    if (queue === undefined && this.#mode === "Optimistic") {
      this.#unwanted?.delete(subject);
      return;
    }
    const key = keyOf(subject, queue);
    if (this.#interest.has(key)) return;
    const subscription = this.#subscription(subject, queue);
    this.#interest.set(key, subscription);
    this.#world.announced.count++;
    this.#account?.addInterest(subscription);
  }

  /** It has that interest no more (RS-); an old server also says so of what it never had. */
  remove(subject: string, queue: string | undefined): void {
    if (queue === undefined && this.#mode === "Optimistic") {
      this.#unwanted?.add(subject);
      return;
    }
    const key = keyOf(subject, queue);
    const subscription = this.#interest.get(key);
    if (subscription === undefined) return;
    this.#interest.delete(key);
    this.#world.announced.count--;
    this.#account?.removeInterest(subscription);
  }

  /** Nothing of the account is wanted (A-), or everything again (A+). Only an old server says so. */
  wantAll(all: boolean): void {
    if (this.#mode !== "Optimistic") return;
    if (all) this.#sendEverything();
    else this.#sendNothing();
  }

  /** From here on it tells all its interest (gateway_cmd 2) ... */
  beginInterest(): void {
    if (this.#mode === "Optimistic") this.#mode = "Transitioning";
  }

  /** ... and now it has (gateway_cmd 3): nothing else is sent any more. */
  endInterest(): void {
    this.#mode = "Interest-Only";
    this.#sendNothing();
  }

  #sendEverything(): void {
    this.#unwanted = new UnwantedSubjects();
    if (this.#everything !== undefined) return;
    this.#everything = this.#subscription(ALL_SUBJECTS, undefined);
    this.#account?.addInterest(this.#everything);
  }

  #sendNothing(): void {
    this.#unwanted = undefined;
    const everything = this.#everything;
    this.#everything = undefined;
    if (everything !== undefined) this.#account?.removeInterest(everything);
  }

  #subscription(subject: string, queue: string | undefined): Subscription {
    return new Subscription(subject, queue, "", this, { source: InterestSource.gateway, rank: GATEWAY_RANK });
  }

  // ---------------------------------------------------------------- answers that are led back

  /** An answer to this reply subject is led back on `way`. Returns false if nothing had to be done for that. */
  expectAnswer(reply: string, way: Uint8Array): boolean {
    const account = this.#account;
    if (account === undefined || this.#waysBack.has(reply)) return false;
    const { plain } = account.sublist.match(reply);
    if (plain.some(({ target, subject }) => target === this && subject !== ALL_SUBJECTS)) return false;
    const subscription = this.#subscription(reply, undefined);
    this.#waysBack.set(reply, { subscription, way: Uint8Array.from(way) });
    account.addInterest(subscription);
    return true;
  }

  /** Answers to it are ordinary messages from now on. */
  forgetAnswer(reply: string): void {
    const known = this.#waysBack.get(reply);
    if (known === undefined) return;
    this.#waysBack.delete(reply);
    this.#account?.removeInterest(known.subscription);
  }

  // ---------------------------------------------------------------- messages

  deliver(subscription: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    // The server where it came in sends it to other clusters, and those pass nothing on.
    if (source?.peer !== undefined || source?.isHub || this.#world.link.closed) return false;
    if (subscription === this.#everything && this.#unwanted?.has(message.subject)) return false;
    this.#world.router.gather(this, subscription.queue);
    return true;
  }

  send(message: Message, queues: readonly string[], source: DeliveryTarget | undefined): void {
    const { link, replies } = this.#world;
    const beforeSubject = this.#waysBack.get(message.subject)?.way ?? NOTHING;
    const beforeReply = message.hasReply && link.leadsBack ? replies.wayBackFor(this.name, message) : NOTHING;
    const sent = message.trace === undefined ? message : message.trace.forwarded(message, link.traceParty);
    this.#account?.traffic.gateways.went(sent.sizeBytes);
    link.sendMessage(this.#prefix, sent, queues, beforeSubject, beforeReply, source);
  }

  failed(error: unknown): void {
    this.#world.link.failed(error);
  }

  /** What monitoring shows of it. */
  status(): GatewayAccountStatus {
    const interests = [...this.#interest.values()].map(({ subject, queue }) => ({ subject, queue }));
    return { name: this.name, mode: this.#mode, interests, unwanted: this.#unwanted?.subjects ?? [] };
  }
}

function keyOf(subject: string, queue: string | undefined): string {
  return queue === undefined ? subject : `${subject} ${queue}`;
}
