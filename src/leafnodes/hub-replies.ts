// Reply subjects of requests that a hub passes on from another cluster: a nats-server leaves the way back on them. Clients do
// not see it, and answers take it (conformance/topology, WIRE.md 3.3).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import { type DeliveryTarget, InterestSource, Subscription } from "../accounts/subscription.js";
import type { Clock } from "../runtime/clock.js";
import { Expiring } from "../server/expiring.js";
import type { GatewayReplies } from "../server/peers/gateway-replies.js";
import { takeWayBack } from "../server/peers/way-back.js";
import { MAX_WAYS_BACK, WAY_BACK_MS } from "./limits.js";

const NOTHING = new Uint8Array(0);

interface KeptWay {
  readonly account: Account;
  readonly subscription: Subscription;
  readonly way: Uint8Array;
}

export class HubReplies implements GatewayReplies {
  readonly #link: DeliveryTarget;
  readonly #kept = new Map<string, KeptWay>();
  readonly #expiring: Expiring<string>;

  /** @param link takes the answers */
  constructor(link: DeliveryTarget, clock: Clock) {
    this.#link = link;
    this.#expiring = new Expiring(clock, WAY_BACK_MS, (reply) => this.#forget(reply));
  }

  arrived(account: Account, message: Message): void {
    if (takeWayBack(message) === undefined) return;
    const { reply, wayBack } = message;
    const isWanted = account.sublist.match(reply).plain.some(({ target }) => target === this.#link);
    if (isWanted || this.#kept.has(reply)) return;
    const subscription = new Subscription(reply, undefined, "", this.#link, { source: InterestSource.hub });
    this.#kept.set(reply, { account, subscription, way: Uint8Array.from(wayBack) });
    account.addInterest(subscription);
    this.#expiring.add(reply);
    if (this.#expiring.size > MAX_WAYS_BACK) this.#expiring.endOldest();
  }

  ownSubject(): undefined {
    return undefined;
  }

  /** What goes in front of the subject of a message for the hub; empty for nothing. */
  wayBackOf(subject: string): Uint8Array {
    return this.#kept.get(subject)?.way ?? NOTHING;
  }

  /** The link has ended. */
  close(): void {
    this.#expiring.close();
    for (const reply of [...this.#kept.keys()]) this.#forget(reply);
  }

  #forget(reply: string): void {
    const kept = this.#kept.get(reply);
    this.#kept.delete(reply);
    kept?.account.removeInterest(kept.subscription);
  }
}
