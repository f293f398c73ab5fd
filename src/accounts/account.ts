// An account: a space of subjects of its own, with its interest, mappings, limits, exports and imports. Nothing crosses
// into another account but through an import (conformance/wire, FACTS "Accounts").

import type { SubjectMappings } from "../subjects/mapping.js";
import { Sublist } from "../subjects/sublist.js";
import type { ValidKind } from "../subjects/validity.js";
import type { AwaitedAnswers } from "./awaited-answers.js";
import type { ServiceExport, StreamExport } from "./exports.js";
import { LinkTraffic } from "./link-traffic.js";
import type { ReplySubjects } from "./replies.js";
import type { ServiceImport } from "./service-import.js";
import type { StreamImport, StreamShadow } from "./stream-import.js";
import { InterestSource, type InterestWatcher, type Subscription } from "./subscription.js";

/** Limits of an account; -1: none. */
export interface AccountLimits {
  readonly maxConnections: number;
  readonly maxSubscriptions: number;
  readonly maxPayloadBytes: number;
  readonly maxLeafnodes: number;
}

export const NO_LIMITS: AccountLimits = Object.freeze({
  maxConnections: -1,
  maxSubscriptions: -1,
  maxPayloadBytes: -1,
  maxLeafnodes: -1,
});

/** What clients have sent and got, counted by the server since the account was made. */
export interface AccountStats {
  inMsgs: number;
  inBytes: number;
  outMsgs: number;
  outBytes: number;
  slowConsumers: number;
}

/** Tracing of messages that carry a W3C trace parent. */
export interface AccountTrace {
  /** Latin1. */
  readonly destination: string;
  /** Percent of the messages. */
  readonly sampling: number;
}

const NONE: readonly never[] = Object.freeze([]);

export class Account {
  readonly name: string;
  /** The name that its JWT gives it; "" for none. */
  nameTag = "";
  readonly stats: AccountStats = { inMsgs: 0, inBytes: 0, outMsgs: 0, outBytes: 0, slowConsumers: 0 };
  limits: AccountLimits = NO_LIMITS;
  /** Changes with every change to the mappings; publishers keep what they mapped as long as it stays. */
  mappingGeneration = 0;
  /** Prefixes of subjects that stand for others, such as that of a JetStream domain. */
  readonly aliases = new Map<string, string>();
  /** Clients that are bound to it now. */
  connections = 0;
  /** Leaf links that are bound to it now, at either end. */
  leafnodes = 0;
  /** Of other servers. */
  leafnodesElsewhere = 0;
  /** Clients that other servers have of it, as far as they have told. */
  connectionsElsewhere = 0;
  /** What it offers others. Replaced, never changed, by `Accounts`. */
  streamExports: readonly StreamExport[] = NONE;
  serviceExports: readonly ServiceExport[] = NONE;
  /** What it takes from others, linked. Changed by `linkImports`. */
  streamImports: readonly StreamImport[] = NONE;
  serviceImports: readonly ServiceImport[] = NONE;
  /** Where answers to requests from other accounts come in; made with the first such request. */
  replies: ReplySubjects | undefined;
  /** Measured answers that it waits for; made with the first such request. */
  awaited: AwaitedAnswers | undefined;
  /** Where messages with a W3C trace parent are traced to; undefined: nowhere. */
  msgTrace: AccountTrace | undefined;
  #sublist: Sublist<Subscription> | undefined;
  #traffic: LinkTraffic | undefined;
  // What other clusters want, as far as it stands in its interest.
  #gatewayInterests = 0;
  #mappings: SubjectMappings | undefined;
  readonly #watchers: readonly InterestWatcher[];

  /** @param watchers who is told of its interest, at any time */
  constructor(name: string, watchers: readonly InterestWatcher[] = NONE) {
    this.name = name;
    this.#watchers = watchers;
  }

  /** The interest of clients and imports. Made when it is first asked for, as most accounts of a large server are idle. */
  get sublist(): Sublist<Subscription> {
    return this.#sublist ?? this.#makeSublist();
  }

  /** How many subscriptions its interest has, without what other clusters want; an idle account's is not made for this. */
  get subscriptionCount(): number {
    return (this.#sublist?.size ?? this.serviceImports.length) - this.#gatewayInterests;
  }

  /** Where messages are counted that cross links to other servers. Made when it is first asked for. */
  get traffic(): LinkTraffic {
    this.#traffic ??= new LinkTraffic();
    return this.#traffic;
  }

  /** The same; undefined while nothing has crossed. */
  get trafficSoFar(): LinkTraffic | undefined {
    return this.#traffic;
  }

  /** The mappings of subjects that are published in it; undefined when there are none. */
  get mappings(): SubjectMappings | undefined {
    return this.#mappings;
  }

  set mappings(mappings: SubjectMappings | undefined) {
    this.#mappings = mappings;
    this.mappingGeneration++;
  }

  /** The subject that a subject stands for, as who is told that nobody responds sees it. */
  withoutAlias(subject: string): string {
    for (const [alias, prefix] of this.aliases) {
      if (subject.startsWith(alias)) return prefix + subject.slice(alias.length);
    }
    return subject;
  }

  /** As people know it. */
  get label(): string {
    return this.nameTag || this.name;
  }

  addClient(): void {
    this.connections++;
  }

  removeClient(): void {
    this.connections--;
  }

  /**
   * Adds a subscription to the account's interest, and its shadows to the accounts it imports streams from.
   * Throws SubjectError for a malformed subject.
   */
  subscribe(subscription: Subscription): void {
    this.addInterest(subscription);
    this.#addShadows(subscription);
  }

  /**
   * Adds to the interest of this account alone: nothing is imported for it. Throws SubjectError for a malformed subject.
   * Returns whether there was none in its subject before.
   * @param kind of its subject, if the caller knows it
   */
  addInterest(subscription: Subscription, kind?: ValidKind): boolean {
    const isFirst = this.sublist.insert(subscription, kind);
    if (subscription.source === InterestSource.gateway) this.#gatewayInterests++;
    for (const watcher of this.#watchers) watcher.added(this, subscription);
    return isFirst;
  }

  /** See Sublist.interestsIn. */
  interestsIn(subject: string, queue: string | undefined): Iterable<Subscription> {
    return this.#sublist?.interestsIn(subject, queue) ?? NONE;
  }

  /** Takes out what `addInterest` has added; returns false if it is not there. */
  removeInterest(subscription: Subscription): boolean {
    if (this.#sublist?.remove(subscription) !== true) return false;
    if (subscription.source === InterestSource.gateway) this.#gatewayInterests--;
    for (const watcher of this.#watchers) watcher.removed(this, subscription);
    return true;
  }

  /** Takes a subscription and its shadows out; nothing happens if it is not there. */
  unsubscribe(subscription: Subscription): void {
    if (!this.removeInterest(subscription)) return;
    removeShadows(subscription);
    subscription.shadows = undefined;
    this.awaited?.interestEnded(subscription.subject, (subject) => this.sublist.hasInterest(subject));
  }

  /** Replaces the imports. Live subscriptions follow: their shadows move to the accounts that are imported from now. */
  linkImports(streams: readonly StreamImport[], services: readonly ServiceImport[]): void {
    const sublist = this.#sublist;
    for (const old of this.serviceImports) {
      if (!services.includes(old)) this.removeInterest(old.subscription);
    }
    for (const service of services) {
      if (sublist !== undefined && !this.serviceImports.includes(service)) this.addInterest(service.subscription);
    }
    this.serviceImports = services;
    if (sameItems(this.streamImports, streams)) return;
    this.streamImports = streams;
    const subscribed: Subscription[] = [];
    for (const subscription of sublist?.all() ?? NONE) {
      if (subscription.shadows !== undefined) subscribed.push(subscription);
    }
    for (const subscription of subscribed) {
      removeShadows(subscription);
      this.#addShadows(subscription);
    }
  }

  #makeSublist(): Sublist<Subscription> {
    const sublist = new Sublist<Subscription>();
    for (const { subscription } of this.serviceImports) sublist.insert(subscription);
    this.#sublist = sublist;
    return sublist;
  }

  #addShadows(subscription: Subscription): void {
    let shadows: Subscription[] | undefined;
    for (const streamImport of this.streamImports) {
      const shadow = streamImport.shadowOf(subscription);
      if (shadow === undefined) continue;
      streamImport.exporter.addInterest(shadow);
      shadows ??= [];
      shadows.push(shadow);
    }
    subscription.shadows = shadows ?? NONE;
  }
}

function removeShadows(subscription: Subscription): void {
  for (const shadow of subscription.shadows ?? NONE)
    (shadow as StreamShadow).streamImport.exporter.removeInterest(shadow);
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}
