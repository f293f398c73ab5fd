// The one path of a message: who is interested, and delivery to each of them. Source rules and mappings come before it (in
// the class of the connection), what differs per kind of target is in the targets.
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import type { DeliveryTarget, Subscription } from "../accounts/subscription.js";
import type { Random } from "../runtime/random.js";
import type { MatchResult } from "../subjects/sublist.js";
import { SHARED_PAYLOAD_BYTES } from "./limits.js";

export type Interest = MatchResult<Subscription>;

export class Router {
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** Looks up who is interested in the message and delivers it. Returns the number of deliveries. */
  publish(account: Account, message: Message, source: DeliveryTarget | undefined): number {
    return this.deliver(account.sublist.match(message.subject), message, source);
  }

  /** Delivers to every plain subscription and to one member of each queue group. Returns the number of deliveries. */
  deliver(interest: Interest, message: Message, source: DeliveryTarget | undefined): number {
    const { plain, queues } = interest;
    if (plain.length + queues.length > 1 && message.sizeBytes >= SHARED_PAYLOAD_BYTES) message.share();
    let delivered = 0;
    for (let i = 0; i < plain.length; i++) {
      const subscription = plain[i];
      if (subscription.target.deliver(subscription, message, source)) delivered++;
    }
    for (let i = 0; i < queues.length; i++) delivered += this.deliverToGroup(queues[i], message, source);
    return delivered;
  }

  // One member, chosen at random; another one if that cannot take the message.
  private deliverToGroup(
    members: readonly Subscription[],
    message: Message,
    source: DeliveryTarget | undefined,
  ): number {
    const count = members.length;
    const first = count === 1 ? 0 : this.random.below(count);
    for (let i = 0; i < count; i++) {
      const member = members[first + i < count ? first + i : first + i - count];
      if (member.target.deliver(member, message, source)) return 1;
    }
    return 0;
  }
}
