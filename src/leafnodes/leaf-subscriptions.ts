// What the other end of a leaf link wants: LS+ and LS- become subscriptions of the link's account, whose target is the link
// (conformance/topology, WIRE.md 4.3).
import type { Account } from "../accounts/account.js";
import { InterestSource, Subscription } from "../accounts/subscription.js";
import { ErrorText, quoted } from "../protocol/error-texts.js";
import { NO_PAYLOAD, type STOP } from "../protocol/framer.js";
import { MAX_ARGUMENTS, parseSize, splitArguments } from "../protocol/verbs.js";
import { CloseReason } from "../server/close-reason.js";
import { inSlices } from "../server/slices.js";
import { isValidSubject } from "../subjects/validity.js";
import type { LeafConnection } from "./leaf.js";
import type { LeafHost } from "./leaf-host.js";
import { LOOP_PREFIX } from "./leaf-interest.js";
import { INTEREST_PER_TURN, MAX_LEAF_INTEREST } from "./limits.js";

/** A member at the other end gets a message of its group only if none is on this side. */
const LEAF_RANK = 1;

const ARGS = new Int32Array(2 * MAX_ARGUMENTS);

export class LeafSubscriptions {
  readonly #link: LeafConnection;
  readonly #host: LeafHost;
  // Keys are "subject" or "subject queue".
  readonly #taken = new Map<string, Subscription>();

  constructor(link: LeafConnection, host: LeafHost) {
    this.#link = link;
    this.#host = host;
  }

  get size(): number {
    return this.#taken.size;
  }

  subjects(): string[] {
    return [...this.#taken.values()].map(({ subject }) => subject);
  }

  /** Takes a line whose interest begins (LS+) or ends (LS-). Answers like FrameHandler.line. */
  line(buffer: Buffer, start: number, from: number, end: number, begins: boolean): number {
    const count = splitArguments(buffer, from, end, ARGS);
    const text = (at: number): string => buffer.toString("latin1", ARGS[2 * at], ARGS[2 * at + 1]);
    const subject = text(0);
    const fits = count === 1 || count === (begins ? 3 : 2);
    const weight = begins && count === 3 ? parseSize(buffer, ARGS[4], ARGS[5]) : 1;
    if (!fits || weight <= 0 || !isValidSubject(subject)) {
      return this.#link.protocolError(buffer.toString("latin1", start, Math.min(end, start + 64)));
    }
    const queue = count > 1 ? text(1) : undefined;
    const key = queue === undefined ? subject : `${subject} ${queue}`;
    const before = this.#taken.get(key);
    if (!begins) {
      if (before !== undefined) this.#unsubscribe(key, before);
      return NO_PAYLOAD;
    }
    return this.#subscribe(key, subject, queue, weight, before);
  }

  /** The link has ended. */
  leave(): void {
    const { account, hub } = this.#link;
    inSlices(hub.runtime.clock, this.#taken.values(), INTEREST_PER_TURN, (subscription) =>
      account?.unsubscribe(subscription),
    );
  }

  #subscribe(
    key: string,
    subject: string,
    queue: string | undefined,
    weight: number,
    before: Subscription | undefined,
  ): number {
    const link = this.#link;
    const account = link.account as Account;
    if (subject === this.#host.loopSubject(account)) return this.#loop(account);
    if (!subject.startsWith(LOOP_PREFIX) && !link.permissions.mayBeWanted(subject, queue)) {
      const { logger } = link.hub;
      if (logger.debugOn) logger.debug(`${link.label} - Not permitted to subscribe to ${quoted(subject)}`);
      return NO_PAYLOAD;
    }
    if (before === undefined && this.#taken.size >= MAX_LEAF_INTEREST) {
      return link.refuse(ErrorText.maximumSubscriptions, CloseReason.maxSubscriptionsExceeded);
    }
    const source = link.isHub ? InterestSource.hub : InterestSource.leaf;
    const subscription = new Subscription(subject, queue, key, link, { source, weight, rank: LEAF_RANK });
    this.#taken.set(key, subscription);
    if (before !== undefined) account.unsubscribe(before);
    account.subscribe(subscription);
    return NO_PAYLOAD;
  }

  #unsubscribe(key: string, subscription: Subscription): void {
    this.#taken.delete(key);
    this.#link.account?.unsubscribe(subscription);
  }

  #loop(account: Account): typeof STOP {
    const text = `Loop detected for leafnode account=${quoted(account.name)}. Delaying attempt to reconnect for 30s`;
    return this.#link.refuse(text, CloseReason.loopDetected);
  }
}
