// What flows into a stream from one behind another API: over a leaf link, of another account, or on another server. A push consumer at the
// origin sends it, in order, with flow control and heartbeats; after a gap or silence another one goes on at the right place,
// or the same one, which acknowledges by flow control what is durable here.
import type { Message } from "../../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import { startsWith } from "../../protocol/words.js";
import type { Timer } from "../../runtime/clock.js";
import { hasBlank, isValidLiteral, subjectsOverlap } from "../../subjects/validity.js";
import { DeliverySubject } from "../consumers/delivery-subject.js";
import { wireSubject } from "../names.js";
import type { Ticket } from "../store/store.js";
import { appendHeaders, Header, headerNumber, MessageHeaders } from "../streams/publish-headers.js";
import { Inflow, identityOf } from "./inflow.js";
import { type OriginConsumer, readOriginConsumer, readOriginInfo } from "./origin-answer.js";
import type { OriginMessage } from "./origin-copy.js";
import { NO_IDENTITY } from "./origin-place.js";
import { isSameOrigin, readerFor } from "./origin-reader.js";

const NO_BYTES = Buffer.alloc(0);
const ANSWER_MS = 2000;
/** After as many that had no answer no stream's info is asked for: each costs the time of an answer. */
const INFOS_TO_ASK = 3;
/** Three heartbeats without one. */
const SILENCE_MS = 3000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 8000;
/** What is missing is still at the origin. */
const MISSED = "a message of the origin was missed";
const FLOW_CONTROL_PREFIX = "$JS.FC.";
const STATUS = Buffer.from("NATS/1.0 100");

/** A consumer's message. */
class Arrived implements OriginMessage {
  subject = "";
  subjectBytes: Uint8Array = NO_BYTES;
  body: Buffer = NO_BYTES;
  start = 0;
  end = 0;
  headerBytes = 0;
  sequence = 0;
  seconds = 0;
  nanoseconds = 0;

  fill(message: Message, delivery: DeliverySubject): void {
    this.subject = message.subject;
    this.subjectBytes = message.subjectBytes;
    this.body = message.body;
    this.start = message.start;
    this.end = message.end;
    this.headerBytes = message.headerBytes;
    this.sequence = delivery.sequence;
    this.seconds = delivery.seconds;
    this.nanoseconds = delivery.nanoseconds;
  }
}

/**
 * Waits for its place (`place.next`), asks for a consumer (`#busy`), takes what that sends (`#subscription`), and after
 * whatever goes wrong waits to ask again (`#timer`), longer each time until a message that was stored or a heartbeat shows that it works.
 */
export class RemoteInflow extends Inflow implements DeliveryTarget {
  readonly echo = true;
  readonly #delivery = new DeliverySubject();
  readonly #arrived = new Arrived();
  #pending = 0;
  #subscription: Subscription | undefined;
  readonly #reader = readerFor(this);
  // Of the consumer that sends now: the last of its sequences and the origin's, and whether it acknowledges by flow control.
  #consumerSequence = 0;
  #streamSequence = 0;
  #acksByFlow = false;
  // Wait until the origin has a consumer for this inflow, or none is wanted any more.
  #waiting: (() => void)[] = [];
  // Until a consumer that was there before has answered that it begins anew, it may send what is left of before.
  #isSettingBack = false;
  #heardMs = 0;
  #ticket: Ticket = 0;
  #retryMs = FIRST_RETRY_MS;
  #timer: Timer | undefined;
  #busy = false;
  // How often the origin's API of consumers answered and that of streams did not: another account may export nothing else.
  #silentInfos = 0;
  readonly #asked = [`STREAM.INFO.${wireSubject(this.config.name)}`, this.#reader.action].map((action) =>
    this.#apiSubject(action),
  );

  get start(): number {
    return this.config.opt_start_seq || 1;
  }

  get lag(): number {
    return this.#pending;
  }

  wake(): void {
    if (this.stopped || this.#busy || this.#subscription !== undefined || this.place.next === undefined) return;
    this.#timer?.cancel();
    this.target.account.stalled.delete(this);
    this.#busy = true;
    const failed = (error: Error): string => error.message;
    void this.#connect()
      .catch(failed)
      .then((fault) => {
        this.#busy = false;
        if (this.stopped) return;
        if (fault !== undefined) this.#retry(fault);
        else if (this.#subscription === undefined) this.#tryAgain();
        else this.#watch();
      });
  }

  override stop(): void {
    super.stop();
    this.#timer?.cancel();
    this.target.account.stalled.delete(this);
    this.#end();
  }

  override leave(): void {
    const { js, account } = this.target.account;
    const { removal } = this.#reader;
    // An origin that lets go of nothing now may have kept one from before.
    if (removal !== undefined) js.send(account, this.#apiSubject(removal), NO_BYTES, NO_BYTES, `$JSC.R.${js.nuid()}`);
    this.made();
  }

  /** Whether the other one's consumer is that of this one, too. */
  sharesConsumer(other: RemoteInflow): boolean {
    return this.#reader.removal === other.#reader.removal && isSameOrigin(this.config, other.config);
  }

  /** Whether the stream's configuration gives its consumer another name now. */
  get isRenamed(): boolean {
    return this.#reader.removal !== readerFor(this).removal;
  }

  /** Calls once the origin has a consumer for this inflow, or when none is wanted any more; not when it is merely stopped. */
  whenMade(call: () => void): void {
    this.#waiting.push(call);
  }

  /** The origin has a consumer for this inflow, or for the one that goes on with it. */
  made(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) call();
  }

  #end(): void {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    if (subscription !== undefined) this.target.account.account.unsubscribe(subscription);
  }

  #retry(fault: string): void {
    this.#end();
    this.stall(fault);
    this.target.account.stalled.add(this);
    this.#tryAgain();
  }

  #tryAgain(): void {
    if (this.#busy) return;
    this.#timer?.cancel();
    this.#timer = this.target.account.js.after(this.#retryMs, () => this.wake());
    this.#retryMs = Math.min(LAST_RETRY_MS, 2 * this.#retryMs);
  }

  // Not at once: room may come message by message.
  protected hasRoom(): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.#tryAgain();
  }

  /** Somebody listens to a subject now: if it is the API that it waits for, a link is back. */
  interestChanged(subject: string): void {
    if (!this.#asked.some((asked) => subjectsOverlap(subject, asked))) return;
    this.target.account.stalled.delete(this);
    this.#retryMs = FIRST_RETRY_MS;
    this.#tryAgain();
  }

  // ---------------------------------------------------------------- the consumer at the origin

  // Says what is in the way; undefined when messages will come.
  async #connect(): Promise<string | undefined> {
    const { name } = this.config;
    const origin =
      this.#silentInfos < INFOS_TO_ASK
        ? await this.#ask(`STREAM.INFO.${wireSubject(name)}`, "", readOriginInfo)
        : undefined;
    if (origin?.refusal !== undefined) return origin.refusal;
    if (this.stopped) return undefined;
    const fault = origin && this.place.recognise(identityOf(origin.created), origin.lastSequence);
    if (fault !== undefined) return fault;
    const { js, account } = this.target.account;
    const deliver = this.#reader.deliverTo(js.nuid().slice(0, 8));
    this.#consumerSequence = 0;
    this.#acksByFlow = false;
    this.#isSettingBack = this.#reader.isKept;
    this.#subscription = new Subscription(deliver, undefined, deliver, this);
    account.subscribe(this.#subscription);
    // Of an origin that says nothing of itself it is not known.
    const request = this.#reader.request(deliver, this.place, origin?.letsGo ?? true);
    const answer = await this.#ask(this.#reader.action, request, readOriginConsumer);
    this.#isSettingBack = false;
    if (this.stopped) return undefined;
    this.#silentInfos = origin === undefined && answer !== undefined ? this.#silentInfos + 1 : 0;
    if (answer === undefined) return "no answer from the origin's API";
    if (answer.refusal !== undefined) return this.#refused(answer);
    const unfit = this.#reader.faultOf(answer);
    if (unfit !== undefined) return unfit;
    this.#acksByFlow = answer.acksByFlow === true;
    this.made();
    if (origin === undefined && answer.identity !== undefined) {
      const other = this.place.recognise(answer.identity, Number.POSITIVE_INFINITY);
      if (other !== undefined) return other;
    }
    this.#heardMs = this.nowMs;
    this.activeMs ??= this.nowMs;
    if (this.#consumerSequence > 0 || this.#subscription === undefined) return undefined;
    this.#pending = answer.pending;
    if (answer.pending > 0) return undefined;
    const missing = this.place.seesNothing();
    if (missing === undefined) this.flows();
    return missing;
  }

  #refused({ refusal, identity }: OriginConsumer): string | undefined {
    if (identity === undefined) return refusal;
    this.#end();
    return this.place.recognise(identity, Number.POSITIVE_INFINITY) ?? refusal;
  }

  // Undefined when nobody answers.
  #ask<T>(subject: string, body: string, read: (message: Message) => T): Promise<T | undefined> {
    const { js, account } = this.target.account;
    const reply = `$JSC.R.${js.nuid()}`;
    return new Promise((resolve) => {
      const end = (answer: T | undefined): void => {
        timer.cancel();
        account.unsubscribe(subscription);
        resolve(answer);
      };
      const target: DeliveryTarget = {
        echo: true,
        deliver(_, message) {
          end(read(message));
          return true;
        },
      };
      const subscription = new Subscription(reply, undefined, "", target);
      const timer = js.after(ANSWER_MS, () => end(undefined));
      account.subscribe(subscription);
      if (js.send(account, this.#apiSubject(subject), Buffer.from(body), this.#identityBlock(), reply) === 0)
        end(undefined);
    });
  }

  #apiSubject(action: string): string {
    return `${wireSubject(this.config.external?.api || "$JS.API")}.${action}`;
  }

  // An origin that is another stream refuses.
  #identityBlock(): Uint8Array {
    const { wanted } = this.place;
    if (wanted === NO_IDENTITY) return NO_BYTES;
    return Buffer.from(appendHeaders("", [[Header.streamIdentity, wanted]]));
  }

  // Heartbeats come every second.
  #watch(): void {
    const { js } = this.target.account;
    this.#timer = js.after(SILENCE_MS, () => {
      if (this.stopped || this.#subscription === undefined) return;
      if (this.nowMs - this.#heardMs >= SILENCE_MS) this.#retry("no heartbeat of the origin");
      else this.#watch();
    });
  }

  // ---------------------------------------------------------------- messages come in

  deliver(subscription: Subscription, message: Message): boolean {
    // Of another account it comes by the shadow of the subscription.
    if (subscription.sid !== this.#subscription?.sid) return false;
    this.#heardMs = this.nowMs;
    try {
      if (isStatus(message)) this.#status(message, message.headerText);
      else this.#take(message);
    } catch (error) {
      this.#retry((error as Error).message);
    }
    return true;
  }

  #status(message: Message, header: string): void {
    if (this.#isSettingBack) return;
    // The window opens as far as the disk has followed.
    if (message.hasReply) this.#answerFlow(message.reply);
    const headers = MessageHeaders.in(header);
    const stalled = headers.get(Header.stalled);
    if (stalled !== undefined) this.#answerFlow(stalled);
    const last = headerNumber(headers.get(Header.lastConsumer));
    if (last !== undefined && last > this.#consumerSequence) this.#retry(MISSED);
    else if (last !== undefined) {
      this.activeMs = this.nowMs;
      const missing = this.place.seesNothing();
      if (missing === undefined) this.#works();
      else this.#retry(missing);
    }
  }

  #answerFlow(subject: string): void {
    const { js, account } = this.target.account;
    // Nothing else of this account is for the origin to ask.
    if (!subject.startsWith(FLOW_CONTROL_PREFIX) || !isValidLiteral(subject) || hasBlank(subject)) return;
    if (this.#acksByFlow) this.#acknowledge(subject);
    else {
      js.whenDurable(this.#ticket, (error) => {
        if (error === undefined) js.send(account, subject, NO_BYTES);
      });
    }
  }

  // What the consumer has sent so far, once it is durable here; also what was taken by another inflow before this one.
  #acknowledge(subject: string): void {
    const { target } = this;
    const { js, account } = target.account;
    const subscription = this.#subscription;
    const block = appendHeaders("", [
      [Header.lastConsumer, this.#consumerSequence],
      [Header.lastStream, this.#streamSequence],
    ]);
    const headers = this.#consumerSequence === 0 ? NO_BYTES : Buffer.from(block, "latin1");
    js.whenDurable(target.lastTicket, (error) => {
      if (error === undefined && this.#subscription === subscription) js.send(account, subject, NO_BYTES, headers);
    });
  }

  // Throws what the store does.
  #take(message: Message): void {
    const delivery = this.#delivery;
    if (!delivery.read(message.line, message.replyStart, message.replyEnd)) return;
    const { sequence, consumerSequence } = delivery;
    // It was set back, by this server or by somebody else.
    if (consumerSequence === 1 && (this.#reader.isKept || this.#acksByFlow)) this.#consumerSequence = 0;
    if (consumerSequence <= this.#consumerSequence) return;
    if (consumerSequence !== this.#consumerSequence + 1) {
      if (!this.#isSettingBack) this.#retry(MISSED);
      return;
    }
    this.#consumerSequence = consumerSequence;
    this.#streamSequence = sequence;
    this.#pending = delivery.pending;
    this.#arrived.fill(message, delivery);
    const fault = this.place.see(this.#arrived);
    if (fault !== undefined) {
      this.#retry(fault);
      return;
    }
    this.activeMs = this.#heardMs;
    // One that is seen once more does not show that the next can be stored.
    if (sequence < (this.place.next ?? 1)) return;
    const stored = this.store(this.#arrived);
    this.#works();
    if (stored !== undefined) this.#ticket = stored.ticket;
  }

  #works(): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.flows();
  }
}

function isStatus({ body, start, headerBytes }: Message): boolean {
  return startsWith(body, start, start + headerBytes, STATUS);
}
