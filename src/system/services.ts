// Services of the server itself: subscriptions in an account whose messages go to a function instead of a connection.
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../accounts/subscription.js";
import type { Logger } from "../runtime/logger.js";

/** A message to a service, copied: it may be kept. Subjects are latin1, `reply` "" for none. */
export interface ServiceMessage {
  readonly subject: string;
  readonly reply: string;
  /** The header block, empty for none. */
  readonly headers: Buffer;
  readonly payload: Buffer;
  /** Where it comes from; undefined for the server itself. */
  readonly source: DeliveryTarget | undefined;
}

export type ServiceHandler = (message: ServiceMessage) => void | Promise<void>;

class ServiceSubscription extends Subscription {
  readonly handler: ServiceHandler;

  constructor(
    subject: string,
    queue: string | undefined,
    sid: string,
    target: DeliveryTarget,
    handler: ServiceHandler,
  ) {
    super(subject, queue, sid, target);
    this.handler = handler;
  }
}

export class Services implements DeliveryTarget {
  readonly echo = true;
  readonly #account: Account;
  readonly #logger: () => Logger;
  readonly #subscriptions: ServiceSubscription[] = [];

  constructor(account: Account, logger: () => Logger) {
    this.#account = account;
    this.#logger = logger;
  }

  /**
   * Calls the handler for each message to the subject (wildcards allowed), once the message path is done with it.
   * What the handler throws is logged. `queue`: only one server of those that serve the subject gets a message.
   */
  serve(subject: string, handler: ServiceHandler, queue?: string): void {
    const subscription = new ServiceSubscription(subject, queue, String(this.#subscriptions.length + 1), this, handler);
    this.#subscriptions.push(subscription);
    this.#account.subscribe(subscription);
  }

  /** Ends all services. */
  close(): void {
    for (const subscription of this.#subscriptions) this.#account.unsubscribe(subscription);
    this.#subscriptions.length = 0;
  }

  deliver(subscription: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    const { handler } = subscription as ServiceSubscription;
    const { subject, reply, body, start, end, headerBytes } = message;
    const copy = Buffer.from(body.subarray(start, end));
    const headers = copy.subarray(0, headerBytes);
    const payload = copy.subarray(headerBytes);
    subscription.delivered++;
    Promise.resolve({ subject, reply, headers, payload, source })
      .then(handler)
      .catch((error: unknown) =>
        this.#logger().error(`Error in the service ${subscription.subject}: ${String(error)}`),
      );
    return true;
  }
}
