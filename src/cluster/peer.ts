// Another server of the cluster, as long as there is a connection to it: its connections and its interest
// (conformance/topology, WIRE.md 2.2).
import type { Account } from "../accounts/account.js";
import { encodeSubject } from "../options/subject-bytes.js";
import type { PeerInfo } from "../protocol/peer-info.js";
import type { Router } from "../server/router.js";
import type { Solicitation } from "./dialer.js";
import { PeerAccount } from "./peer-account.js";
import { poolIndex } from "./pool.js";
import type { RouteConnection } from "./route.js";
import type { RoutedSubscription } from "./routed-subscription.js";

export class Peer {
  readonly id: string;
  readonly name: string;
  /** What it said when the first connection was made. */
  readonly info: PeerInfo;
  /** Connections that accounts are spread over; those still to be made are undefined. */
  readonly pool: (RouteConnection | undefined)[];
  /** Connections of accounts that have one of their own, by account (latin1). */
  readonly dedicated = new Map<string, RouteConnection>();
  /** False for a server that has one connection for all. */
  readonly pools: boolean;
  /** How it is dialled when it is lost; undefined: it dials this server. */
  solicitation: Solicitation | undefined;
  /** URLs of the options that have led to it. */
  readonly knownAt = new Set<string>();
  /** How many interests it has announced. */
  readonly announced = { count: 0 };
  readonly #ownPoolSize: number;
  readonly #apart: readonly string[];
  readonly #router: Router;
  readonly #accounts = new Map<string, PeerAccount>();

  /** @param own the size of this server's pools, and its accounts (latin1) with connections of their own */
  constructor(
    info: PeerInfo,
    router: Router,
    pools: boolean,
    own: { readonly poolSize: number; readonly dedicated: readonly string[] },
  ) {
    this.id = info.server_id;
    this.name = info.server_name ?? this.id;
    this.info = info;
    this.pools = pools;
    this.#ownPoolSize = own.poolSize;
    this.#apart = own.dedicated;
    this.#router = router;
    const size = pools ? Math.max(own.poolSize, info.route_pool_size ?? 1) : 1;
    this.pool = new Array<RouteConnection | undefined>(size).fill(undefined);
  }

  /** All connections to it. */
  get links(): RouteConnection[] {
    return [...this.pool.filter((link) => link !== undefined), ...this.dedicated.values()];
  }

  /** The connection for what concerns the server as a whole. */
  get anyLink(): RouteConnection | undefined {
    return this.pool.find((link) => link !== undefined) ?? this.dedicated.values().next().value;
  }

  /** The connection for an account (latin1); undefined while it is still to be made. */
  linkFor(account: string): RouteConnection | undefined {
    if (!this.pools) return this.pool[0];
    if (this.#apart.includes(account)) return this.dedicated.get(account);
    return this.pool[poolIndex(account, this.#ownPoolSize)];
  }

  /** What it wants of an account (latin1), made when it is first asked for. */
  account(name: string, find: (name: string) => Account | undefined): PeerAccount {
    let account = this.#accounts.get(name);
    if (account === undefined) {
      account = new PeerAccount(name, this.#router, this.announced, () => this.#accounts.delete(name));
      account.link = this.linkFor(name);
      const known = find(name);
      if (known !== undefined) account.attach(known);
      this.#accounts.set(name, account);
    }
    return account;
  }

  /** Whether this is what stands for the account still. */
  knows(account: PeerAccount): boolean {
    return this.#accounts.get(account.name) === account;
  }

  /** The accounts that it has some interest in. */
  accounts(): Iterable<PeerAccount> {
    return this.#accounts.values();
  }

  /** Interest that was announced before the account was there counts from now on. */
  accountAdded(account: Account): void {
    this.#accounts.get(encodeSubject(account.name))?.attach(account);
  }

  /** After connections have come or gone. */
  relink(): void {
    for (const account of this.#accounts.values()) account.link = this.linkFor(account.name);
  }

  /** Interest that was announced on a connection that has ended. */
  *staleInterest(link: RouteConnection): IterableIterator<[PeerAccount, RoutedSubscription]> {
    for (const account of this.#accounts.values()) {
      for (const subscription of account.allInterest()) if (subscription.via === link) yield [account, subscription];
    }
  }
}
