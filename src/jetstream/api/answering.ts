// Who answers a request that several servers of one JetStream hear: the one that has the stream, the coordinator for what
// belongs to none, and nobody twice (docs/architecture.md, "One JetStream of many servers").
import type { Account } from "../../accounts/account.js";
import type { DeliveryTarget } from "../../accounts/subscription.js";
import { ApiError } from "../errors.js";
import type { JetStreamAccount } from "../js-account.js";
import type { Peer } from "../peers/peer.js";
import type { Peers } from "../peers/peers.js";
import { isListenedTo } from "./direct-subjects.js";

/** What a request is about: a stream, one that is to be made, or the whole account. */
export type ApiScope = "stream" | "create" | "account";

/** What decides on a request whose answers are messages. */
export interface AskedDirectly {
  readonly account: Account;
  /** Undefined for an account without JetStream. */
  readonly opened: JetStreamAccount | undefined;
  /** "" for requests about the account. */
  readonly stream: string;
  /** The domain that the request was addressed to; undefined for none. */
  readonly domain: string | undefined;
  /** Below the API's prefix, latin1. */
  readonly rest: string;
  readonly source: DeliveryTarget | undefined;
}

/** What decides on any other request. */
export interface Asked extends AskedDirectly {
  readonly scope: ApiScope;
  readonly subject: string;
  readonly reply: string;
  readonly payload: Buffer;
  readonly headerBlock: Uint8Array;
  /** It wants a server that knows more. */
  readonly isTooOld: boolean;
}

/** What is to be done; `coordinator`: that server answers; `later`: nobody can decide yet. */
type CommonVerdict = "answer" | "silence" | "coordinator" | "later";

/** `neighbours`: nats-servers may answer; `place`: a stream is to be made that no server has. */
export type Verdict = CommonVerdict | "neighbours" | "place" | ApiError;

export type DirectVerdict = CommonVerdict | "no responders";

export class Answering {
  readonly #peers: Peers;

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  judge(asked: Asked): Verdict {
    const peers = this.#peers;
    const { scope } = asked;
    if (scope !== "account" && this.#isKnown(asked)) return this.#isOwn(asked) ? "answer" : "silence";
    // What nobody of these servers has belongs to the nats-servers, which answer for their own.
    if (peers.hasStrangers(asked.domain)) return asked.source?.peer === undefined ? "neighbours" : "silence";
    const { coordinator } = peers;
    const isOffline = scope !== "account" && this.#holder(asked) !== undefined;
    if (coordinator === undefined) return "later";
    if (scope === "create" && !isOffline && !asked.isTooOld) return "place";
    if (coordinator !== "own") return asked.source?.peer === undefined ? "coordinator" : "silence";
    if (!peers.coordination.knowsAll) return "later";
    if (!isOffline) return "answer";
    return new ApiError(asked.rest.startsWith("CONSUMER.INFO.") ? "consumerOffline" : "streamOffline");
  }

  /** What becomes of a request whose answers are messages. */
  judgeDirect(asked: AskedDirectly): DirectVerdict {
    if (this.#isKnown(asked)) return this.#isOwn(asked) ? "answer" : "silence";
    const { coordinator } = this.#peers;
    if (coordinator === undefined) return "later";
    if (coordinator === "own") return this.#peers.coordination.knowsAll ? "no responders" : "later";
    return asked.source?.peer === undefined ? "coordinator" : "silence";
  }

  /** Whether another server, which is online, answers what is about the stream. */
  isElsewhere(asked: AskedDirectly): boolean {
    return !this.#isOwn(asked) && this.#holder(asked)?.isOnline === true;
  }

  /** Whether nats-servers may have what a request whose answers are messages is about. */
  isOfStrangers({ account, domain, rest }: AskedDirectly): boolean {
    return this.#peers.hasStrangers(domain) && isListenedTo(account, domain, rest);
  }

  #isOwn({ opened, stream }: AskedDirectly): boolean {
    return opened !== undefined && this.#peers.isOwn(opened, stream);
  }

  // Whether a server that is online has the stream.
  #isKnown(asked: AskedDirectly): boolean {
    return this.#isOwn(asked) || this.#holder(asked)?.isOnline === true;
  }

  #holder({ account, stream }: AskedDirectly): Peer | undefined {
    return this.#peers.holder(account.name, stream);
  }
}
