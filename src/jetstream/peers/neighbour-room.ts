// A server without JetStream in a cluster with servers that have it: its clients reach their API.
import type { Account } from "../../accounts/account.js";
import type { Subscription } from "../../accounts/subscription.js";
import type { ResolvedOptions } from "../../options/options.js";
import type { Room } from "../../server/room.js";
import type { Server } from "../../server/server.js";
import { FarApi } from "./far-api.js";
import { NeighbourApi } from "./neighbour-api.js";
import { PeerChannel, type PeerListener, type PeerMessage, type PeerSender } from "./peer-channel.js";

const MOST_DOMAINS = 100;
/** They say something every second. */
const NATSNODE_SAYS_SO_MS = 1200;

export class NeighbourRoom implements Room, PeerListener {
  readonly #server: Server;
  /** Of the nats-servers that were heard of; "" for none. */
  readonly #domains = new Set<string>();
  readonly #subscriptions: { readonly account: Account; readonly subscription: Subscription }[] = [];
  #channel: PeerChannel | undefined;
  #api: NeighbourApi | undefined;
  readonly #far: FarApi;

  constructor(server: Server) {
    this.#server = server;
    this.#far = new FarApi(server, (serverId, message) => this.#channel?.tell(serverId, message));
    server.accounts.watch({
      added: () => {},
      removed: () => {},
      accountAdded: (account) => {
        for (const domain of this.#domains) this.#serve(account, domain);
        this.#far.accountAdded(account);
      },
    });
  }

  /** Whether there may be other servers. */
  static isWanted(options: ResolvedOptions): boolean {
    return PeerChannel.isWanted(options);
  }

  async start(): Promise<void> {
    const { system } = this.#server.accounts;
    if (system === undefined) return;
    this.#api = new NeighbourApi(this.#server, system);
    this.#channel = new PeerChannel(this.#server, system, this);
    this.#channel.open();
    this.#server.events.on("peerLeft", (id) => this.#far.heardOfEnd(id));
  }

  async close(): Promise<void> {
    this.#channel?.close();
    this.#channel = undefined;
    this.#far.close();
    for (const { account, subscription } of this.#subscriptions) account.removeInterest(subscription);
  }

  heardOfJetStream(server: PeerSender): void {
    if (this.#domains.has(server.domain)) return;
    this.#server.runtime.clock.after(NATSNODE_SAYS_SO_MS, () => {
      if (this.#channel?.isNatsnode(server) === false) this.#reach(server);
    });
  }

  #reach({ domain }: PeerSender): void {
    for (const one of domain === "" ? [""] : ["", domain]) {
      if (this.#domains.has(one) || this.#domains.size >= MOST_DOMAINS) continue;
      this.#domains.add(one);
      for (const account of [...this.#server.accounts.all()]) this.#serve(account, one);
    }
  }

  heard(from: PeerSender, message: PeerMessage): void {
    this.#far.heard(from, message);
  }

  heardOfEnd(serverId: string): void {
    // Where nobody serves it, a request finds nobody.
    this.#far.heardOfEnd(serverId);
  }

  #serve(account: Account, domain: string): void {
    if (account === this.#server.accounts.system || this.#api === undefined) return;
    const subscription = this.#api.subscriptionFor(account, domain);
    account.addInterest(subscription);
    this.#subscriptions.push({ account, subscription });
  }
}
