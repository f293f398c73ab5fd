// Delivery of a consumer: which messages go out now, to whom, and what they carry; as many in a turn of the loop as fit into it.
import type { Timer } from "../../runtime/clock.js";
import { wireSubject } from "../names.js";
import type { StoredMessage } from "../store/store.js";
import { appendHeaders, Header } from "../streams/publish-headers.js";
import { Attempts } from "./attempts.js";
import { Backlog } from "./backlog.js";
import type { Consumer } from "./consumer.js";
import { Op } from "./consumer-state.js";
import { DeliveryWriter } from "./delivery-writer.js";
import { interestOf, type PullRequest } from "./pull-requests.js";

const MESSAGES_PER_TURN = 512;
/** After a message could not be read the disk is asked again. */
const READ_AGAIN_MS = 1000;
const NO_BYTES = Buffer.alloc(0);

export class Delivery {
  readonly backlog: Backlog;
  readonly #consumer: Consumer;
  readonly #writer = new DeliveryWriter();
  readonly #attempts: Attempts;
  #scheduled = false;
  #loading = false;
  #waitTimer: Timer | undefined;
  #rateUntilMs = 0;
  #replayed: { atMs: number; timeMs: number } | undefined;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    this.backlog = new Backlog(consumer);
    this.#attempts = new Attempts(consumer, () => this.wake());
  }

  /** @param prefix what the reply subjects of its messages begin with (latin1) */
  configure(prefix: string): void {
    this.#writer.prefix = prefix;
    this.backlog.changed();
  }

  /** Something may be there to be delivered: looked at when this turn's input is handled. */
  wake(): void {
    if (this.#scheduled || this.#consumer.closed) return;
    this.#scheduled = true;
    this.#consumer.stream.account.js.server.runtime.clock.endOfTurn(this.#runLater);
  }

  stop(): void {
    this.#waitTimer?.cancel();
    this.#attempts.stop();
  }

  readonly #runLater = (): void => {
    this.#scheduled = false;
    this.#attempts.run(this.#run);
  };

  readonly #run = (): void => {
    const consumer = this.#consumer;
    const { pulls, stream, isPush } = consumer;
    if (consumer.closed || this.#loading) return;
    if (consumer.pause.isOn || consumer.isHeld) {
      pulls.nothingLeft();
      return;
    }
    if (!isPush) pulls.endExpired();
    else if (!consumer.isBound) return;
    const { nowMs } = stream.account.js;
    for (let count = 0; count < MESSAGES_PER_TURN; count++) {
      let request: PullRequest | undefined;
      if (isPush) {
        if (consumer.flow.isStalled || this.#mustWait()) return;
      } else {
        request = pulls.next();
        if (request === undefined) {
          pulls.nothingLeft();
          return;
        }
      }
      const sequence = this.#nextSequence();
      if (sequence === 0) {
        pulls.nothingLeft();
        return;
      }
      if (!stream.durableEnd.includes(sequence, consumer)) return;
      const loaded = stream.store.load(sequence);
      if (loaded instanceof Promise) {
        this.#loadLater(sequence, loaded);
        return;
      }
      if (!this.#handOver(sequence, loaded, request, nowMs)) return;
    }
    this.wake();
  };

  #loadLater(sequence: number, loaded: Promise<StoredMessage | undefined>): void {
    const consumer = this.#consumer;
    this.#loading = true;
    loaded.then(
      (stored) => {
        this.#loading = false;
        if (!consumer.closed) this.#attempts.run(() => this.#loaded(sequence, stored));
      },
      () => {
        this.#loading = false;
        consumer.stream.account.js.after(READ_AGAIN_MS, () => this.wake());
      },
    );
  }

  #loaded(sequence: number, stored: StoredMessage | undefined): void {
    const { isPush, pulls, stream } = this.#consumer;
    // Acknowledged while it was read, it is not delivered again.
    if (stored === undefined || this.#nextSequence() === sequence) {
      this.#handOver(sequence, stored, isPush ? undefined : pulls.next(), stream.account.js.nowMs);
    }
    // What was read has more: in this turn.
    this.#run();
  }

  #mustWait(): boolean {
    if (this.#rateUntilMs === 0) return false;
    const waitMs = this.#rateUntilMs - this.#consumer.stream.account.js.nowMs;
    if (waitMs <= 0) return false;
    this.#waitFor(waitMs);
    return true;
  }

  #waitFor(ms: number): void {
    this.#waitTimer?.cancel();
    this.#waitTimer = this.#consumer.stream.account.js.after(ms, () => this.wake());
  }

  // The sequence to deliver now; 0 for none. Those to be delivered again come first.
  #nextSequence(): number {
    const { state, config, stream, redelivery, acks } = this.#consumer;
    if (redelivery.queue.size > 0) {
      for (const sequence of redelivery.queue) {
        if (!state.pending.has(sequence) || !stream.store.has(sequence)) redelivery.queue.delete(sequence);
        else return sequence;
      }
    }
    if (acks && config.max_ack_pending > 0 && state.pending.size >= config.max_ack_pending) return 0;
    return this.backlog.next;
  }

  // Delivers one message. False when nobody takes it, and the loop is to end.
  #handOver(
    sequence: number,
    stored: StoredMessage | undefined,
    request: PullRequest | undefined,
    nowMs: number,
  ): boolean {
    const consumer = this.#consumer;
    const { state, redelivery, pulls } = consumer;
    const isAgain = redelivery.queue.size > 0 && redelivery.queue.has(sequence);
    if (stored === undefined) {
      redelivery.queue.delete(sequence);
      if (isAgain) consumer.apply(Op.ack, sequence);
      else consumer.apply(Op.skip, sequence + 1);
      return true;
    }
    if (!isAgain && this.#waitsForReplay(stored)) return false;
    const count = isAgain ? state.deliveryCount(sequence) + 1 : 1;
    const pendingAfter = isAgain ? this.backlog.count : Math.max(0, this.backlog.count - 1);
    const replyBytes = this.#writer.reply(stored, count, state.nextConsumer, pendingAfter);
    // What counts of a message for limits of bytes: subject, reply subject, headers and payload.
    const size = stored.end - stored.subjectStart + replyBytes;
    if (consumer.isPush) {
      this.#send(wireSubject(consumer.config.deliver_subject), stored);
      consumer.flow.sent(size);
      const { rate_limit_bps: rate } = consumer.config;
      if (rate > 0) this.#rateUntilMs = Math.max(this.#rateUntilMs, nowMs) + (size * 8000) / rate;
    } else {
      const chosen = pulls.choose(request, size);
      if (chosen === undefined) return pulls.next() !== undefined;
      this.#send(chosen.reply, stored, chosen);
      pulls.served(chosen, size);
    }
    this.#delivered(sequence, count, isAgain, nowMs);
    return true;
  }

  #delivered(sequence: number, count: number, isAgain: boolean, nowMs: number): void {
    const consumer = this.#consumer;
    const wholeMs = Math.floor(nowMs);
    if (!isAgain) this.backlog.delivered(sequence);
    consumer.apply(Op.deliver, sequence, consumer.state.nextConsumer, count, wholeMs);
    consumer.lastDeliveredMs = nowMs;
    consumer.redelivery.delivered(sequence, wholeMs);
    if (!consumer.acks) consumer.stream.acknowledged(sequence);
  }

  #send(subject: string, stored: StoredMessage, request?: PullRequest): void {
    const { config, groups, stream } = this.#consumer;
    const { account, js } = stream.account;
    const { message } = this.#writer;
    const pinId = request === undefined ? undefined : groups.pinOf(request.group);
    if (config.headers_only || pinId !== undefined) this.#withHeaders(stored, pinId);
    else this.#writer.content(stored, stored.body, stored.start, stored.end, stored.headerBytes);
    message.deliveredTo = subject;
    const interest = request === undefined ? account.sublist.match(subject) : interestOf(request, account.sublist);
    js.server.router.deliver(interest, message, undefined);
  }

  #withHeaders(stored: StoredMessage, pinId: string | undefined): void {
    const { headers_only: headersOnly } = this.#consumer.config;
    const headers: [string, string | number][] = [];
    if (headersOnly) headers.push([Header.msgSize, stored.end - stored.start - stored.headerBytes]);
    if (pinId !== undefined) headers.push([Header.pinId, pinId]);
    const block = Buffer.from(appendHeaders(stored.header.toString("latin1"), headers), "latin1");
    const payload = headersOnly ? NO_BYTES : stored.payload;
    const body = Buffer.concat([block, payload, Buffer.from("\r\n")]);
    this.#writer.content(stored, body, 0, block.length + payload.length, block.length);
  }

  #waitsForReplay(stored: StoredMessage): boolean {
    if (this.#consumer.config.replay_policy !== "original") return false;
    const { js } = this.#consumer.stream.account;
    const timeMs = stored.seconds * 1000 + stored.nanoseconds / 1e6;
    const dueMs = this.#replayed === undefined ? 0 : this.#replayed.atMs + (timeMs - this.#replayed.timeMs);
    if (dueMs > js.nowMs) {
      this.#waitFor(dueMs - js.nowMs);
      return true;
    }
    this.#replayed = { atMs: js.nowMs, timeMs };
    return false;
  }
}
