// Requests that other servers have forwarded to this one (forwarding.ts): their account is looked up, and each is handled once.
import type { Account } from "../../accounts/account.js";
import { Message } from "../../accounts/message.js";
import type { DeliveryTarget } from "../../accounts/subscription.js";
import type { Api } from "../api/api.js";
import type { JetStream } from "../jetstream.js";
import type { ForwardedRequest } from "./forwarding.js";
import type { PeerSender } from "./peer-channel.js";
import type { Peers } from "./peers.js";

/** After this long all clusters know of an account's interest. */
const SETTLED_MS = 3000;
/** Requests that have come one way are remembered so long for the other one. */
const REMEMBER_MS = 15_000;
const MOST_REMEMBERED = 50_000;
/** A requester whose interest is not here yet is waited for, so often and so long each time. */
const LOOKS = 100;
const LOOK_MS = 10;

/** Stands for the server that has forwarded a request to all. */
const FORWARDER: DeliveryTarget = { echo: true, peer: "route", deliver: () => false };

/** Stands for the client of a request that was forwarded to this server alone. */
export const FORWARDED: DeliveryTarget = { echo: true, deliver: () => false };

interface Arrivals {
  heard: number;
  forwarded: number;
}

export class ForwardedRequests {
  readonly #js: JetStream;
  readonly #peers: Peers;
  readonly #api: Api;
  /** Since when this server has served accounts, monotonic. */
  readonly #servedMs = new WeakMap<Account, number>();
  /** How often requests have come, each way. */
  readonly #arrivals = new Map<string, Arrivals>();

  constructor(js: JetStream, peers: Peers, api: Api) {
    this.#js = js;
    this.#peers = peers;
    this.#api = api;
  }

  /** An account is served from now on. */
  serves(account: Account): void {
    this.#servedMs.set(account, this.#nowMs);
  }

  /** Whether a request that has come from another server is new: it may have been forwarded as well. */
  isNew(account: Account, subject: string, reply: string, source: DeliveryTarget | undefined): boolean {
    if (source?.peer === undefined || source === FORWARDER || reply === "" || this.#isSettled(account)) return true;
    const arrivals = this.#arrivalsOf(account, subject, reply);
    return arrivals === undefined || ++arrivals.heard > arrivals.forwarded;
  }

  /** A request was forwarded to this server. Rejects where it cannot be understood. */
  async heard({ id }: PeerSender, forwarded: ForwardedRequest): Promise<void> {
    const { account: name, rest, subject, payload, headers = "", isForAll, ageMs, isPerhapsHeard } = forwarded;
    await this.#js.loading.load(name);
    const account = this.#js.server.accounts.get(name);
    if (account === undefined) return;
    const message = Message.of(
      subject,
      forwarded.reply,
      Buffer.from(headers, "base64"),
      Buffer.from(payload, "base64"),
    );
    this.#js.server.gatewayReplies?.arrived(account, message);
    if (isPerhapsHeard) {
      if (this.#isSettled(account, ageMs)) {
        this.#peers.tell(id, { kind: "hears", account: name });
        return;
      }
      const arrivals = this.#arrivalsOf(account, subject, message.reply);
      if (arrivals !== undefined && ++arrivals.forwarded <= arrivals.heard) return;
    }
    const handle = (): void => void this.#api.handle(account, rest, message, isForAll ? FORWARDER : FORWARDED);
    this.#whenWanted(account, message.reply, handle, LOOKS);
  }

  // Whoever asks over another connection is perhaps not known to listen yet.
  #whenWanted(account: Account, reply: string, handle: () => void, looks: number): void {
    if (looks === 0 || account.sublist.hasInterest(reply)) handle();
    else this.#js.after(LOOK_MS, () => this.#whenWanted(account, reply, handle, looks - 1));
  }

  get #nowMs(): number {
    return this.#js.server.runtime.clock.monotonicMs();
  }

  // Then its requests come by its interest, from all clusters.
  #isSettled(account: Account, agoMs = 0): boolean {
    return this.#nowMs - agoMs - (this.#servedMs.get(account) ?? 0) > SETTLED_MS;
  }

  // Undefined where none can be remembered.
  #arrivalsOf(account: Account, subject: string, reply: string): Arrivals | undefined {
    const key = `${account.name} ${subject} ${reply}`;
    const known = this.#arrivals.get(key);
    if (known !== undefined || this.#arrivals.size >= MOST_REMEMBERED) return known;
    const arrivals = { heard: 0, forwarded: 0 };
    this.#arrivals.set(key, arrivals);
    this.#js.after(REMEMBER_MS, () => this.#arrivals.delete(key));
    return arrivals;
  }
}
