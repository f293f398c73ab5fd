// How answers find their way when they are faster than the interest of their requester: a request takes a way back along, and
// where it arrives the way is kept for a while, for the answer (conformance/topology, WIRE.md 3.3).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import type { Subscription } from "../accounts/subscription.js";
import { encodeSubject } from "../options/subject-bytes.js";
import type { Clock } from "../runtime/clock.js";
import { Expiring } from "../server/expiring.js";
import type { GatewayReplies } from "../server/peers/gateway-replies.js";
import { gatewayHash, takeWayBack, WAY_CHARS, wayBackTo } from "../server/peers/way-back.js";
import { Sublist } from "../subjects/sublist.js";
import { MAX_WAYS_BACK, RECENT_SUBSCRIPTION_MS, WAY_BACK_MS } from "./limits.js";
import type { RemoteAccount } from "./remote-account.js";

const NOTHING = new Uint8Array(0);

/** A way back that is kept. */
interface KeptWay {
  readonly remote: RemoteAccount;
  readonly reply: string;
}

export class ReplyPaths implements GatewayReplies {
  /** Of this cluster. */
  readonly clusterHash: string;
  readonly #ownWay: string;
  readonly #ownWayBytes: Uint8Array;
  // Subscriptions that other clusters may not know of yet, by account (latin1).
  readonly #recent = new Map<string, Sublist<Subscription>>();
  readonly #recentOnes: Expiring<{ account: string; subscription: Subscription }>;
  readonly #kept: Expiring<KeptWay>;
  readonly #remoteFor: (clusterHash: string, account: string) => RemoteAccount | undefined;

  /** @param remoteFor finds an account (latin1) of the cluster with this hash, if it is connected */
  constructor(
    clock: Clock,
    { cluster, serverId }: { cluster: string; serverId: string },
    remoteFor: (clusterHash: string, account: string) => RemoteAccount | undefined,
  ) {
    this.clusterHash = gatewayHash(cluster);
    this.#ownWay = wayBackTo({ cluster: this.clusterHash, server: gatewayHash(serverId) });
    this.#ownWayBytes = Buffer.from(this.#ownWay, "latin1");
    this.#remoteFor = remoteFor;
    this.#recentOnes = new Expiring(clock, RECENT_SUBSCRIPTION_MS, ({ account, subscription }) => {
      this.#forgetRecent(account, subscription);
    });
    this.#kept = new Expiring(clock, WAY_BACK_MS, ({ remote, reply }) => remote.forgetAnswer(reply));
  }

  close(): void {
    this.#recentOnes.close();
    this.#kept.close();
  }

  // ---------------------------------------------------------------- requests that leave

  /** A subscription of this server was made. */
  subscribed(account: Account, subscription: Subscription): void {
    const name = encodeSubject(account.name);
    let recent = this.#recent.get(name);
    if (recent === undefined) {
      recent = new Sublist({ cache: false });
      this.#recent.set(name, recent);
    }
    recent.insert(subscription);
    this.#recentOnes.add({ account: name, subscription });
  }

  /** It has ended. */
  unsubscribed(account: Account, subscription: Subscription): void {
    if (this.#recent.size > 0) this.#forgetRecent(encodeSubject(account.name), subscription);
  }

  /** What goes in front of the reply subject of a message that leaves for another cluster; empty for nothing. */
  wayBackFor(account: string, message: Message): Uint8Array {
    const recent = this.#recent.get(account);
    return recent?.hasInterest(message.reply) ? this.#ownWayBytes : NOTHING;
  }

  #forgetRecent(account: string, subscription: Subscription): void {
    const recent = this.#recent.get(account);
    if (recent?.remove(subscription) && recent.size === 0) this.#recent.delete(account);
  }

  // ---------------------------------------------------------------- requests that arrive

  arrived(account: Account, message: Message): void {
    const way = takeWayBack(message);
    if (way === undefined || way.cluster === this.clusterHash) return;
    const remote = this.#remoteFor(way.cluster, encodeSubject(account.name));
    const { reply } = message;
    if (remote === undefined || !remote.expectAnswer(reply, message.wayBack)) return;
    this.#kept.add({ remote, reply });
    if (this.#kept.size > MAX_WAYS_BACK) this.#kept.endOldest();
  }

  // ---------------------------------------------------------------- answers that arrive

  ownSubject(subject: string): string | undefined {
    return subject.startsWith(this.#ownWay) ? subject.slice(WAY_CHARS) : undefined;
  }
}
