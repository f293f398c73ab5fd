// Requests that another server does not hear, since it knows nothing of their account yet, or its interest is not here yet:
// they are sent to it between the servers.
import type { Account } from "../../accounts/account.js";
import { gatewayHash, wayBackTo } from "../../server/peers/way-back.js";
import type { Server } from "../../server/server.js";
import type { PeerMessage, PeerSender } from "./peer-channel.js";

const API = "$JS.API.>";
const NO_BYTES = Buffer.alloc(0);
const MOST_ACCOUNTS = 100_000;

/** A request of a client of this server. */
export interface ForwardableRequest {
  /** Below the API's prefix, latin1. */
  readonly rest: string;
  readonly subject: string;
  readonly reply: string;
  readonly payload: Uint8Array;
  readonly headers?: Uint8Array;
  /** Whether servers that have the stream answer it, too; else only the one that it is sent to does. */
  readonly isForAll?: boolean;
}

/** When a request was delivered, and who was interested then. */
export interface Delivery {
  /** Monotonic. */
  readonly atMs: number;
  /** Ids of servers of the cluster, and names of other clusters. */
  readonly hearers: ReadonlySet<string>;
}

/** A request on its way from one server to another; bytes are in base64. */
export interface ForwardedRequest {
  readonly account: string;
  readonly rest: string;
  readonly subject: string;
  /** Behind the way back to the server that sends it. */
  readonly reply: string;
  readonly payload: string;
  /** Servers of earlier versions send none. */
  readonly headers?: string;
  readonly isForAll: boolean;
  /** Since it was delivered. */
  readonly ageMs: number;
  /** The server that it is sent to may have heard it: its cluster was interested. */
  readonly isPerhapsHeard: boolean;
}

export class Forwarding {
  readonly #server: Server;
  readonly #tell: (serverId: string, message: PeerMessage) => void;
  /** By account, ids of servers in other clusters that have said that they hear it. */
  readonly #hearing = new Map<string, Set<string>>();

  constructor(server: Server, tell: (serverId: string, message: PeerMessage) => void) {
    this.#server = server;
    this.#tell = tell;
  }

  /** To be asked while a request is delivered. */
  delivery(account: Account): Delivery {
    const hearers = new Set<string>();
    for (const { target } of account.interestsIn(API, undefined)) {
      if (target.peerId !== undefined) hearers.add(target.peerId);
    }
    return { atMs: this.#nowMs, hearers };
  }

  /** Sends a request to a server that has not heard it. Returns whether it was sent. */
  send(
    to: Pick<PeerSender, "id" | "cluster">,
    account: Account,
    { hearers, atMs }: Delivery,
    request: ForwardableRequest,
  ): boolean {
    if (request.reply === "" || hearers.has(to.id)) return false;
    const isPerhapsHeard = to.cluster !== (this.#server.clusterName ?? "") && hearers.has(to.cluster);
    if (isPerhapsHeard && this.#hears(to, account)) return false;
    const { rest, subject, reply, payload, headers = NO_BYTES, isForAll = false } = request;
    const forwarded: ForwardedRequest = {
      account: account.name,
      rest,
      subject,
      reply: this.#wayBack + reply,
      payload: Buffer.from(payload).toString("base64"),
      headers: Buffer.from(headers).toString("base64"),
      isForAll,
      ageMs: this.#nowMs - atMs,
      isPerhapsHeard,
    };
    this.#tell(to.id, { kind: "forward", ...forwarded });
    return true;
  }

  /** A server of another cluster says that it hears an account. */
  heard({ id }: PeerSender, account: string): void {
    const hearing = this.#hearing.get(account) ?? new Set();
    hearing.add(id);
    if (this.#hearing.size >= MOST_ACCOUNTS) this.#hearing.clear();
    this.#hearing.set(account, hearing);
  }

  /** A server has ended. */
  forget(serverId: string): void {
    for (const [account, hearing] of this.#hearing) {
      if (hearing.delete(serverId) && hearing.size === 0) this.#hearing.delete(account);
    }
  }

  get #wayBack(): string {
    const { gateway } = this.#server.options;
    if (gateway?.name === undefined) return "";
    return wayBackTo({ cluster: gatewayHash(gateway.name), server: gatewayHash(this.#server.id) });
  }

  // Accounts that are not of JWTs are everywhere from the beginning.
  #hears({ id }: Pick<PeerSender, "id">, account: Account): boolean {
    return this.#server.operatorMode === undefined || this.#hearing.get(account.name)?.has(id) === true;
  }

  get #nowMs(): number {
    return this.#server.runtime.clock.monotonicMs();
  }
}
