// The way back of requests that came into an account through service imports: one wildcard subscription `_R_.<account>.>`
// per exporting account, and a table of the answers that are due (conformance/topology, WIRE.md).
import type { Clock, Timer } from "../runtime/clock.js";
import type { Random } from "../runtime/random.js";
import type { Account } from "./account.js";
import { AwaitedAnswers } from "./awaited-answers.js";
import type { ServiceExport } from "./exports.js";
import type { Message } from "./message.js";
import { untraced } from "./message-trace.js";
import type { LatencyFailure, LatencyMeasurement, LatencyWorld } from "./service-latency.js";
import { type DeliveryTarget, Subscription } from "./subscription.js";

/** Answers that an account may owe at a time; beyond, the one that is due first is given up. */
export const MAX_REPLIES_DUE = 1_000_000;

const PREFIX = "_R_.";
const ACK_PREFIX = "$JS.ACK.";
const TOKEN_CHARS = 6;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Tokens made from one call for random bytes. */
const TOKENS_PER_DRAW = 128;
/** Expired entries that one timer call removes at most; the rest follows in the next turns. */
const REMOVED_PER_TURN = 4096;

/** What the server does for imports: the message path of an account, time and randomness. */
export interface ImportWorld extends LatencyWorld {
  readonly random: Random;
  readonly clock: Clock;
  /** Names this server in the reply subjects of measured requests. */
  readonly serverHash?: string;
  /** Runs the message path in an account, after mappings; returns the number of deliveries. */
  publish(account: Account, message: Message, source: DeliveryTarget | undefined): number;
  /**
   * What `Nats-Request-Info` says of a requester, in the order of its fields. `detailed`: the import shares all details;
   * otherwise account and round trip only. Undefined: nothing, the header is left out.
   */
  requestInfo?(source: DeliveryTarget | undefined, importer: Account, detailed: boolean): object | undefined;
  /** What the header says of the server that a request came in at: part of all details, and for the system account. */
  serverInfo?(): object;
  isSystem?(account: Account): boolean;
}

/** An answer, or several, that a responder of this account owes to a requester of another one. */
export interface ReplyDue {
  readonly service: ServiceExport;
  readonly requester: Account;
  /** Where the requester wants the answer. */
  readonly replyTo: string;
  /** Monotonic time of the request, or of the last of several answers. */
  sinceMs: number;
  /** Undefined if it is not measured. */
  readonly measurement: LatencyMeasurement | undefined;
  /** To be called when nobody waits for a measured answer any more. */
  readonly lost: (() => void) | undefined;
}

/**
 * The reply subject that a message gets on its way from one account into another, so that the answer finds back.
 * Acknowledgements of JetStream keep theirs.
 */
export function replyAcross(
  service: ServiceExport,
  from: Account,
  to: Account,
  reply: string,
  world: ImportWorld,
  measurement?: LatencyMeasurement,
): string {
  if (reply.startsWith(ACK_PREFIX)) return reply;
  to.replies ??= new ReplySubjects(to, world);
  return to.replies.expect(service, from, reply, measurement);
}

/** The subject after the account's mappings. */
export function mapped(account: Account, subject: string, random: Random): string {
  return account.mappings === undefined ? subject : account.mappings.map(subject, () => random.float());
}

export class ReplySubjects implements DeliveryTarget {
  readonly echo = true;
  readonly #account: Account;
  readonly #world: ImportWorld;
  readonly #base: string;
  readonly #due = new Map<string, ReplyDue>();
  // One queue per threshold, in the order in which they end, so that only what has ended is looked at.
  readonly #queues = new Map<number, Map<string, ReplyDue>>();
  #timer: Timer | undefined;
  #tokens = "";

  constructor(account: Account, world: ImportWorld) {
    this.#account = account;
    this.#world = world;
    this.#base = `${PREFIX}${this.#nextToken()}.`;
    account.addInterest(new Subscription(`${this.#base}>`, undefined, "", this));
  }

  /** The number of requests that wait for answers. */
  get size(): number {
    return this.#due.size;
  }

  /** The requests that wait for answers, by their reply subjects here. */
  entries(): Iterable<[string, ReplyDue]> {
    return this.#due.entries();
  }

  /** A reply subject for a request; answers to it go to `replyTo` in the requester's account. */
  expect(service: ServiceExport, requester: Account, replyTo: string, measurement?: LatencyMeasurement): string {
    const { serverHash } = this.#world;
    const suffix = measurement === undefined || serverHash === undefined ? "" : `.${serverHash}.T`;
    let subject: string;
    do subject = this.#base + this.#nextToken() + suffix;
    while (this.#due.has(subject));
    const lost = measurement && (() => this.forget(subject, "requesterGone"));
    const due: ReplyDue = {
      service,
      requester,
      replyTo,
      sinceMs: this.#world.clock.monotonicMs(),
      measurement,
      lost,
    };
    if (lost !== undefined) {
      requester.awaited ??= new AwaitedAnswers();
      requester.awaited.add(replyTo, lost);
    }
    this.#due.set(subject, due);
    const queue = this.#queueOf(service.thresholdMs);
    queue.set(subject, due);
    if (this.#due.size > MAX_REPLIES_DUE) {
      for (const oldest of queue.keys()) {
        this.forget(oldest);
        break;
      }
    }
    this.#arm(service.thresholdMs);
    return subject;
  }

  /** Answers to it are dropped from now on; `why` is for the measurement of one that was not answered. */
  forget(subject: string, why: LatencyFailure = "tooLate"): void {
    const due = this.#due.get(subject);
    if (due === undefined) return;
    this.#due.delete(subject);
    this.#queues.get(due.service.thresholdMs)?.delete(subject);
    if (due.lost === undefined) return;
    due.requester.awaited?.settled(due.replyTo, due.lost);
    due.measurement?.failed(why);
  }

  /** The server has ended: nothing is waited for any more. */
  close(): void {
    this.#timer?.cancel();
  }

  deliver(_: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    // What a consumer delivers keeps the subject that it is stored under.
    const isStored = message.deliveredTo !== "";
    const subject = message.deliveredTo || message.subject;
    const due = this.#due.get(subject);
    if (due === undefined) return false;
    const { service, requester } = due;
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs - due.sinceMs > service.thresholdMs) {
      this.forget(subject);
      return false;
    }
    due.measurement?.answered(source);
    const isLast = service.responseType === "Singleton" || message.sizeBytes === 0;
    // Before the delivery, so that a second answer from inside it finds nothing.
    if (isLast) this.forget(subject);
    const to = mapped(requester, due.replyTo, this.#world.random);
    const reply = message.hasReply ? replyAcross(service, this.#account, requester, message.reply, this.#world) : "";
    let answer = message.readdressed(isStored ? message.subject : to, reply);
    // The trace of an answer ends here: only the export could allow it, and that is the requester's side.
    message.trace?.serviceImported(requester, subject, to);
    if (message.trace !== undefined) answer = untraced(answer);
    if (isStored) answer.deliveredTo = to;
    // An answer that came from another server may have to go to yet another one, where the requester is.
    const from = source?.peer === undefined ? source : undefined;
    const delivered = message.trace?.only !== true && this.#world.publish(requester, answer, from) > 0;
    if (!delivered) requester.replies?.forget(reply);
    if (!isLast && this.#due.has(subject)) {
      if (delivered) this.#renew(subject, due, nowMs);
      else this.forget(subject);
    }
    return delivered;
  }

  #renew(subject: string, due: ReplyDue, nowMs: number): void {
    due.sinceMs = nowMs;
    const queue = this.#queueOf(due.service.thresholdMs);
    queue.delete(subject);
    queue.set(subject, due);
  }

  #queueOf(thresholdMs: number): Map<string, ReplyDue> {
    let queue = this.#queues.get(thresholdMs);
    if (queue === undefined) {
      queue = new Map();
      this.#queues.set(thresholdMs, queue);
    }
    return queue;
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.#world.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#expire();
    });
  }

  #expire(): void {
    const nowMs = this.#world.clock.monotonicMs();
    let left = REMOVED_PER_TURN;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [thresholdMs, queue] of this.#queues) {
      for (const [subject, due] of queue) {
        const endsInMs = due.sinceMs + thresholdMs - nowMs;
        if (endsInMs >= 0 || left === 0) {
          nextMs = Math.min(nextMs, Math.max(endsInMs, 0));
          break;
        }
        this.forget(subject);
        left--;
      }
      if (queue.size === 0) this.#queues.delete(thresholdMs);
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#arm(nextMs + 1);
  }

  // Drawn from key quality bytes: who cannot see a request must not guess where its answer goes.
  #nextToken(): string {
    if (this.#tokens === "") {
      for (const byte of this.#world.random.bytes(TOKEN_CHARS * TOKENS_PER_DRAW)) {
        this.#tokens += DIGITS[byte % DIGITS.length];
      }
    }
    const token = this.#tokens.slice(0, TOKEN_CHARS);
    this.#tokens = this.#tokens.slice(TOKEN_CHARS);
    return token;
  }
}
