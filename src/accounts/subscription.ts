// Interest of somebody in a subject, and where the messages go. Clients, imports, system services and, later, routes,
// gateways and leaf nodes each bring their own kind of target.
import type { Interest } from "../subjects/sublist.js";
import type { Message } from "./message.js";

/** Where matched messages are delivered. What differs from one kind of connection to the next lives in its target. */
export interface DeliveryTarget {
  /**
   * Takes a message for one of its subscriptions; copies what it keeps. Returns false when it was not delivered (denied,
   * target closed, own message without echo), so that a queue group can choose another member.
   * `source` is the target (connection) that the message came from, undefined for the server itself.
   */
  deliver(subscription: Subscription, message: Message, source: DeliveryTarget | undefined): boolean;
  /** False for a connection that does not want its own messages; queue groups pass its own members over. */
  readonly echo: boolean;
}

const NO_SID = new Uint8Array(0);

export class Subscription implements Interest {
  readonly subject: string;
  /** Name of the queue group, latin1; undefined for a plain subscription. */
  readonly queue: string | undefined;
  /** The subscriber's id for it, as it stands in MSG; unique per connection. */
  readonly sid: string;
  readonly sidBytes: Uint8Array;
  readonly target: DeliveryTarget;
  /** Messages delivered so far. */
  delivered = 0;
  /** Ends after this many deliveries; 0 for no end. */
  max = 0;
  /** Its shadows in accounts that streams are imported from; undefined while it is not subscribed through an account. */
  shadows: readonly Subscription[] | undefined = undefined;

  constructor(subject: string, queue: string | undefined, sid: string, target: DeliveryTarget) {
    this.subject = subject;
    this.queue = queue;
    this.sid = sid;
    this.sidBytes = sid === "" ? NO_SID : Buffer.from(sid, "latin1");
    this.target = target;
  }
}
