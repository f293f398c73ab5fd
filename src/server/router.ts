// The one path of a message: who is interested, and delivery to each of them. Source rules and mappings come before it (in
// the class of the connection), what differs per kind of target is in the targets.
import type { Account } from "../accounts/account.js";
import type { AckPlace } from "../accounts/ack-place.js";
import type { Message } from "../accounts/message.js";
import type { DeliveryTarget, Subscription } from "../accounts/subscription.js";
import type { Random } from "../runtime/random.js";
import type { MatchResult } from "../subjects/sublist.js";
import { SHARED_PAYLOAD_BYTES } from "./limits.js";
import { type FaultHandler, offerToGroup } from "./queue-choice.js";

export type Interest = MatchResult<Subscription>;

/** Another server, which gets a message once, whatever the number of its interests, with the groups chosen for it. */
export interface PeerTarget {
  /** Sends the message; `queues` names the groups (latin1) that one member each at the other end is to get it of. */
  send(message: Message, queues: readonly string[], source: DeliveryTarget | undefined): void;
  /** What has become of it when `send` throws. */
  failed?(error: unknown): void;
}

interface Gathered {
  peer: PeerTarget | undefined;
  readonly queues: string[];
}

export class Router implements FaultHandler {
  private readonly random: Random;
  private readonly report: (error: unknown) => void;
  // Peers of the message being delivered, from `mark` on; those of the messages around it (imports) stand before.
  private readonly gathered: Gathered[] = [];
  private count = 0;
  private mark = 0;

  /** @param report hears of exceptions that no target takes for its own */
  constructor(random: Random, report: (error: unknown) => void) {
    this.random = random;
    this.report = report;
  }

  /** Looks up who is interested in the message and delivers it. Returns the number of deliveries. */
  publish(account: Account, message: Message, source: DeliveryTarget | undefined): number {
    return this.deliver(account.sublist.match(message.deliveredTo || message.subject), message, source);
  }

  /**
   * Delivers to every plain subscription and to one member of each queue group, or of those that the message names.
   * A target that throws ends alone. Returns the number of deliveries.
   */
  deliver(interest: Interest, message: Message, source: DeliveryTarget | undefined): number {
    const { plain, queues } = interest;
    if (plain.length + queues.length > 1 && message.sizeBytes >= SHARED_PAYLOAD_BYTES) message.share();
    const outerMark = this.mark;
    this.mark = this.count;
    let delivered = 0;
    try {
      for (let i = 0; i < plain.length; i++) {
        const subscription = plain[i];
        try {
          if (subscription.target.deliver(subscription, message, source)) delivered++;
        } catch (error) {
          this.targetFailed(subscription, error);
        }
      }
      if (queues.length > 0) delivered += this.deliverToGroups(queues, message, source);
      if (this.count > this.mark) this.sendToPeers(message, source);
    } finally {
      this.count = this.mark;
      this.mark = outerMark;
    }
    return delivered;
  }

  /** As `deliver`, where nobody else is interested. */
  deliverToOne(subscription: Subscription, message: Message, source: DeliveryTarget | undefined): number {
    const outerMark = this.mark;
    this.mark = this.count;
    try {
      const delivered = subscription.target.deliver(subscription, message, source) ? 1 : 0;
      if (this.count > this.mark) this.sendToPeers(message, source);
      return delivered;
    } catch (error) {
      this.targetFailed(subscription, error);
      return 0;
    } finally {
      this.count = this.mark;
      this.mark = outerMark;
    }
  }

  /** Delivers an acknowledgement to a subscription whose target takes them; nobody else is interested. Whether it was taken. */
  acknowledge(subscription: Subscription, place: AckPlace, message: Message): boolean {
    try {
      return subscription.target.acknowledge?.(place, message) === true;
    } catch (error) {
      this.targetFailed(subscription, error);
      return false;
    }
  }

  /**
   * To be called by a peer's target from inside `deliver`: the peer is sent the message when all interest was looked at.
   * @param queue the group that it was chosen for; undefined for plain interest
   */
  gather(peer: PeerTarget, queue: string | undefined): void {
    let found: Gathered | undefined;
    for (let i = this.mark; i < this.count && found === undefined; i++) {
      if (this.gathered[i].peer === peer) found = this.gathered[i];
    }
    if (found === undefined) {
      if (this.count === this.gathered.length) this.gathered.push({ peer: undefined, queues: [] });
      found = this.gathered[this.count++];
      found.peer = peer;
      found.queues.length = 0;
    }
    if (queue !== undefined) found.queues.push(queue);
  }

  /** Ends a target that has thrown. */
  targetFailed(subscription: Subscription, error: unknown): void {
    const { target } = subscription;
    this.failed(error, target.failed && (() => target.failed?.(error, subscription)));
  }

  private failed(error: unknown, end: ((error: unknown) => void) | undefined): void {
    try {
      if (end === undefined) this.report(error);
      else end(error);
    } catch (another) {
      this.report(another);
    }
  }

  private sendToPeers(message: Message, source: DeliveryTarget | undefined): void {
    for (let i = this.mark; i < this.count; i++) {
      const { peer, queues } = this.gathered[i];
      try {
        peer?.send(message, queues, source);
      } catch (error) {
        this.failed(error, peer?.failed?.bind(peer));
      }
    }
  }

  private deliverToGroups(
    groups: readonly (readonly Subscription[])[],
    message: Message,
    source: DeliveryTarget | undefined,
  ): number {
    let delivered = 0;
    for (const members of groups) {
      const [first] = members;
      if (message.queues !== undefined && !message.queues.includes(first.queue as string)) continue;
      if (members.length > 1) {
        if (offerToGroup(members, this.random, message, source, this)) delivered++;
        continue;
      }
      try {
        if (first.target.deliver(first, message, source)) delivered++;
      } catch (error) {
        this.targetFailed(first, error);
      }
    }
    return delivered;
  }
}
