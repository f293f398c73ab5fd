// The record of a traced message's way through this server, from where it came in to everybody it went out to. It travels
// with the message (ADR-41).

import { withHeader } from "../protocol/header-block.js";
import { bytesAsText } from "../protocol/json.js";
import type { Account } from "./account.js";
import type { Message } from "./message.js";
import type { Subscription } from "./subscription.js";

/** Names the subject that the record goes to. */
export const TRACE_DESTINATION = "Nats-Trace-Dest";
/** Says which of the servers that a message passed through this is: "1", "1.2", ... */
export const TRACE_HOP = "Nats-Trace-Hop";
/** Stands for the destination, and is no subject, in a message that must not be traced any further. */
export const TRACE_DISABLED = "trace disabled";

/** A connection, as trace events show it. */
export interface TraceParty {
  /** 0 client, 1 router, 2 gateway, 3 system, 4 leaf node. */
  readonly kind: number;
  readonly id: number;
  /** What a client calls itself, or the name of a server; "" for none. */
  readonly name: string;
  readonly account: Account | undefined;
}

/** Where and how a traced message came in. */
export interface TraceArrival {
  readonly from: TraceParty;
  readonly account: Account;
  /** As it was published, latin1. */
  readonly subject: string;
  /** Where the record goes, latin1. */
  readonly destination: string;
  /** The number of this server on the message's way; "" where it came from a client. */
  readonly hop: string;
  /** The message is traced and not delivered. */
  readonly only: boolean;
  /** As they were written, latin1. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Headers and payload. */
  readonly sizeBytes: number;
}

/** The message with another destination for the records of other servers. */
export function withTraceDestination(message: Message, destination: string): Message {
  return message.withHeaders(Buffer.from(withHeader(message.headerText, TRACE_DESTINATION, destination), "latin1"));
}

/** The message as it goes on where its trace must not. */
export function untraced(message: Message): Message {
  const copy = withTraceDestination(message, TRACE_DISABLED);
  copy.trace = undefined;
  return copy;
}

/** Each event has a `type` and its time `ts`; the rest is what the type calls for. */
export type TraceEvent = { readonly type: string; readonly ts: string } & Readonly<Record<string, unknown>>;

export class MessageTrace {
  /** Where the message came in, and where the record is sent. */
  readonly account: Account;
  readonly only: boolean;
  readonly arrival: TraceArrival;
  readonly events: TraceEvent[];
  /** Where servers that the message is passed on to send theirs: another subject in each account on its way. */
  destination: string;
  /** Servers that it was passed on to. */
  hops = 0;
  readonly #now: () => string;
  readonly #ingress: TraceEvent & { error: string | undefined };

  /** @param now the time as events show it */
  constructor(arrival: TraceArrival, now: () => string) {
    const { from, account, subject, destination, only } = arrival;
    this.arrival = arrival;
    this.account = account;
    this.only = only;
    this.destination = destination;
    this.#now = now;
    this.#ingress = {
      type: "in",
      ts: now(),
      kind: from.kind,
      cid: from.id,
      name: from.name || undefined,
      acc: account.name,
      subj: bytesAsText(subject),
      error: undefined,
    };
    this.events = [this.#ingress];
  }

  /** Why it went nowhere. */
  refused(error: string): void {
    this.#ingress.error = error;
  }

  /** A mapping of its account gave it another subject. */
  mapped(to: string): void {
    this.#add("sm", { to: bytesAsText(to) });
  }

  /** A stream import takes it into another account. */
  streamExported(importer: Account, to: string): void {
    this.#add("se", { acc: importer.name, to: bytesAsText(to) });
  }

  /** A service import takes it into another account. */
  serviceImported(exporter: Account, from: string, to: string): void {
    this.#add("si", { acc: exporter.name, from: bytesAsText(from), to: bytesAsText(to) });
  }

  /** It was delivered to a connection or, with an error, was not. */
  delivered(to: TraceParty, subscription: Subscription, error?: string): void {
    const { queue, subject } = subscription;
    const isOutside = to.account !== undefined && to.account !== this.account;
    this.#add("eg", {
      kind: to.kind,
      cid: to.id,
      name: to.name || undefined,
      acc: isOutside ? to.account?.name : undefined,
      sub: bytesAsText(subject),
      queue: queue === undefined ? undefined : bytesAsText(queue),
      error,
    });
  }

  /** A stream takes it, or would if it were not only traced. */
  stored(stream: string, subject: string): void {
    this.#add("js", { stream, subject: bytesAsText(subject) });
  }

  /** It is passed on to another server, as the message that is returned. */
  forwarded(message: Message, to: TraceParty): Message {
    this.hops++;
    const hop = this.arrival.hop === "" ? String(this.hops) : `${this.arrival.hop}.${this.hops}`;
    this.#add("eg", { kind: to.kind, cid: to.id, name: to.name || undefined, hop });
    return message.withHeaders(Buffer.from(withHeader(message.headerText, TRACE_HOP, hop), "latin1"));
  }

  #add(type: string, rest: Readonly<Record<string, unknown>>): void {
    this.events.push({ type, ts: this.#now(), ...rest });
  }
}
