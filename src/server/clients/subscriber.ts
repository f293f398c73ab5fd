// What a client subscribes to: the SUB and UNSUB lines, their limits and permissions
// (https://docs.nats.io/reference/reference-protocols/nats-protocol#sub).
import type { Account } from "../../accounts/account.js";
import { Subscription } from "../../accounts/subscription.js";
import { ErrorText, quoted, subscribeViolation, tooManyTokens } from "../../protocol/error-texts.js";
import { NO_PAYLOAD } from "../../protocol/framer.js";
import { CARRIAGE_RETURN, MAX_ARGUMENTS, parseSize, splitArguments } from "../../protocol/verbs.js";
import { isValidSubject, tokenCount } from "../../subjects/validity.js";
import { traceInside } from "../trace.js";
import type { ClientConnection } from "./client.js";
import { subscriptionLimit } from "./client-limits.js";

/** Queue group that only the server's own subscriptions may use. */
const SYSTEM_QUEUE = "_sys_";

const ARGS = new Int32Array(2 * MAX_ARGUMENTS);

export class Subscriber {
  /** By the client's ids. */
  readonly subscriptions = new Map<string, Subscription>();
  private readonly client: ClientConnection;
  private limitNoted = false;

  constructor(client: ClientConnection) {
    this.client = client;
  }

  /** The arguments of SUB; answers like FrameHandler.line. */
  subscribe(buffer: Buffer, from: number, end: number): number {
    const { client } = this;
    const count = splitArguments(buffer, from, end, ARGS, MAX_ARGUMENTS, CARRIAGE_RETURN);
    if (count !== 2 && count !== 3) return client.failArguments("processSub Parse Error", buffer, from, end);
    const subject = buffer.toString("latin1", ARGS[0], ARGS[1]);
    const queue = count === 3 ? buffer.toString("latin1", ARGS[2], ARGS[3]) : undefined;
    const sid = buffer.toString("latin1", ARGS[2 * count - 2], ARGS[2 * count - 1]);
    if (!this.isRefused(subject, queue, sid) && client.connect.verbose) client.sendOk();
    return NO_PAYLOAD;
  }

  /** The arguments of UNSUB; answers like FrameHandler.line. */
  unsubscribe(buffer: Buffer, from: number, end: number): number {
    const { client } = this;
    const count = splitArguments(buffer, from, end, ARGS, MAX_ARGUMENTS, CARRIAGE_RETURN);
    if (count !== 1 && count !== 2) return client.failArguments("processUnsub Parse Error", buffer, from, end);
    const subscription = this.subscriptions.get(buffer.toString("latin1", ARGS[0], ARGS[1]));
    if (subscription !== undefined) {
      const max = count === 2 ? parseSize(buffer, ARGS[2], ARGS[3]) : 0;
      if (max > subscription.delivered) subscription.max = max;
      else this.drop(subscription);
    }
    if (client.connect.verbose) client.sendOk();
    return NO_PAYLOAD;
  }

  /** Ends a subscription; nothing happens when it has ended already. */
  drop(subscription: Subscription): void {
    if (this.subscriptions.get(subscription.sid) !== subscription) return;
    this.subscriptions.delete(subscription.sid);
    this.endInterest(subscription);
  }

  dropAll(): void {
    this.leaveAccount();
    this.subscriptions.clear();
  }

  /** Ends all interest of a client that has gone; the list stays, for what is shown of it. */
  leaveAccount(): void {
    for (const subscription of this.subscriptions.values()) this.endInterest(subscription);
  }

  private endInterest(subscription: Subscription): void {
    this.client.account?.unsubscribe(subscription);
    traceInside(this.client, "DELSUB", subscription.sid);
  }

  // Subscribes, or says why not. A sid in use keeps its first subject.
  private isRefused(subject: string, queue: string | undefined, sid: string): boolean {
    const { client } = this;
    const { hub, permissions } = client;
    const account = client.account as Account;
    if (queue === SYSTEM_QUEUE || (permissions !== undefined && !permissions.canSubscribe(subject, queue))) {
      client.sendError(subscribeViolation(subject, queue));
      const group = queue === undefined ? "" : ` Queue: ${quoted(queue)},`;
      client.error(`Subscription Violation - Subject ${quoted(subject)},${group} SID ${sid}`);
      return true;
    }
    const { maxSubTokens } = hub.options;
    if (maxSubTokens > 0 && tokenCount(subject) > maxSubTokens) return this.refuse(tooManyTokens(subject));
    if (this.isAtLimit()) return this.refuseMore();
    if (this.subscriptions.has(sid)) return false;
    if (!isValidSubject(subject)) return this.refuse(ErrorText.invalidSubject);
    const subscription = new Subscription(subject, queue, sid, client);
    this.subscriptions.set(sid, subscription);
    account.subscribe(subscription);
    return false;
  }

  private refuse(text: string): true {
    this.client.sendError(text);
    return true;
  }

  // The log has it once, since clients tend to go on.
  private refuseMore(): true {
    if (!this.limitNoted) this.client.error(ErrorText.maximumSubscriptions);
    this.limitNoted = true;
    return this.refuse(ErrorText.maximumSubscriptions);
  }

  /** Whether it has as many subscriptions as it may. */
  isAtLimit(): boolean {
    return this.subscriptions.size >= subscriptionLimit(this.client);
  }
}
