// The dead-letter rule of a consumer (docs/guides/jetstream.md): a message that was delivered max_deliver times or terminated is stored
// under another subject and done here, in that order, so that a crash in between repeats it instead of losing it.
import { Message } from "../../accounts/message.js";
import type { Timer } from "../../runtime/clock.js";
import { isLiteral, subjectMatches } from "../../subjects/validity.js";
import { invalidStream } from "../errors.js";
import { isUsableSubject, wireSubject } from "../names.js";
import type { StoredMessage } from "../store/store.js";
import { appendHeaders, Header, MessageHeaders, withoutHeaders } from "../streams/publish-headers.js";
import type { Stream } from "../streams/stream.js";
import { nsOf, timeText } from "../time.js";
import type { Consumer } from "./consumer.js";
import { Op } from "./consumer-state.js";

/** The key in the metadata of a consumer, or of a stream for all of its consumers. Its value is a literal subject. */
export const DEAD_LETTER_KEY = "natsnode.dead_letter";

const RETRY_MS = 1000;
const MAX_REASON_CHARS = 1024;
const ORIGIN = "Nats-Dead-Letter-";
// What would do something again when the message is stored for the second time.
const EFFECTIVE = /^nats-(expected-|rollup$|ttl$|incr$|counter-|batch-|schedule|msg-id$|dead-letter-)/i;

/** Why a message is given up. */
export interface Cause {
  readonly kind: "max_deliver" | "term";
  readonly deliveries: number;
  /** What the client has said, latin1. */
  readonly reason?: string;
}

interface Moving {
  readonly cause: Cause;
  /** Who wants to know that the message is done; it may have to become durable. */
  readonly ended: (() => void)[];
}

export class DeadLetters {
  readonly #consumer: Consumer;
  /** By sequence. */
  readonly #moving = new Map<number, Moving>();
  readonly #waiting = new Set<number>();
  #timer: Timer | undefined;
  #hasComplained = false;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** Where dead letters go, latin1; undefined without a rule. */
  get subject(): string | undefined {
    const { config, stream } = this.#consumer;
    const subject = config.metadata?.[DEAD_LETTER_KEY] ?? stream.config.metadata?.[DEAD_LETTER_KEY];
    return subject === undefined || subject === "" ? undefined : wireSubject(subject);
  }

  /** Whether a message is on its way: it is not delivered any more. */
  isMoving(sequence: number): boolean {
    return this.#moving.has(sequence);
  }

  /**
   * Stores a message as a dead letter and ends it here; tries again every second until there is a stream that takes it.
   * @param ended is told when that has ended it, which may have to become durable
   */
  move(sequence: number, cause: Cause, ended?: () => void): void {
    const known = this.#moving.get(sequence);
    if (ended !== undefined) known?.ended.push(ended);
    if (known !== undefined) return;
    this.#moving.set(sequence, { cause, ended: ended === undefined ? [] : [ended] });
    this.#try(sequence);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
    this.#moving.clear();
  }

  #try(sequence: number): void {
    this.#attempt(sequence, () => {
      const loaded = this.#consumer.stream.store.load(sequence);
      if (!(loaded instanceof Promise)) {
        this.#store(sequence, loaded);
        return;
      }
      loaded.then(
        (stored) => this.#attempt(sequence, () => this.#store(sequence, stored)),
        (error: unknown) => this.#later(sequence, error as Error),
      );
    });
  }

  #attempt(sequence: number, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#later(sequence, error as Error);
    }
  }

  #store(sequence: number, stored: StoredMessage | undefined): void {
    const cause = this.#moving.get(sequence)?.cause;
    if (cause === undefined || this.#consumer.closed) return;
    if (stored === undefined) {
      this.#done(sequence);
      return;
    }
    const { message, headers } = this.#letter(stored, cause);
    const { ticket } = this.#target(message.subject).take(message, headers);
    this.#consumer.stream.account.js.whenDurable(ticket, (error) => {
      if (error === undefined) this.#attempt(sequence, () => this.#done(sequence));
      else this.#later(sequence, error);
    });
  }

  #target(subject: string): Stream {
    const { stream } = this.#consumer;
    for (const other of stream.account.streams.values()) {
      if (!other.config.subjects?.some((one) => subjectMatches(subject, wireSubject(one)))) continue;
      if (other === stream && this.#consumer.wants(subject)) throw new Error(`this consumer itself reads "${subject}"`);
      return other;
    }
    throw new Error(`no stream has the subject "${subject}"`);
  }

  #letter(
    stored: StoredMessage,
    { kind, deliveries, reason = "" }: Cause,
  ): { message: Message; headers: MessageHeaders } {
    const { stream, name, createdNs } = this.#consumer;
    const { subject = "" } = this;
    const block = stored.header.toString("latin1");
    const before = MessageHeaders.in(block);
    const origin: [string, string | number][] = [
      // The same after a restart: who stores it knows that it was there.
      [Header.msgId, `${stream.identity}.${wireSubject(name)}.${createdNs}.${stored.sequence}`],
      [`${ORIGIN}Stream`, stream.wireName],
      [`${ORIGIN}Consumer`, wireSubject(name)],
      [`${ORIGIN}Subject`, stored.subject],
      [`${ORIGIN}Sequence`, stored.sequence],
      [`${ORIGIN}Time-Stamp`, timeText(nsOf(stored))],
      [`${ORIGIN}Deliveries`, deliveries],
      [`${ORIGIN}Cause`, kind],
    ];
    const said = reason.replace(/[\r\n]+/g, " ").slice(0, MAX_REASON_CHARS);
    if (said !== "") origin.push([`${ORIGIN}Reason`, said]);
    const id = before.get(Header.msgId);
    if (id !== undefined) origin.push([`${ORIGIN}Msg-Id`, id]);
    const kept = withoutHeaders(block, (header) => EFFECTIVE.test(header));
    const written = appendHeaders(kept, origin);
    const message = Message.of(subject, "", Buffer.from(written, "latin1"), stored.payload);
    return { message, headers: MessageHeaders.in(written) };
  }

  #done(sequence: number): void {
    const consumer = this.#consumer;
    const moved = this.#moving.get(sequence);
    if (moved === undefined || consumer.closed) return;
    if (consumer.state.pending.has(sequence)) {
      consumer.apply(Op.ack, sequence);
      consumer.stream.acknowledged(sequence);
    }
    this.#moving.delete(sequence);
    this.#hasComplained = false;
    for (const ended of moved.ended) ended();
    consumer.wake();
  }

  #later(sequence: number, { message }: Error): void {
    const { stream, name } = this.#consumer;
    const { js } = stream.account;
    if (!this.#moving.has(sequence) || js.closing) return;
    if (!this.#hasComplained) {
      this.#hasComplained = true;
      js.server.logger.error(`Dead letters of consumer "${stream.name} > ${name}" wait: ${message}`);
    }
    this.#waiting.add(sequence);
    this.#timer ??= js.after(RETRY_MS, () => {
      this.#timer = undefined;
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const one of waiting) this.#try(one);
    });
  }
}

/** Throws ApiError 10052 when metadata names something for dead letters that is no literal subject. */
export function checkDeadLetter(metadata: Readonly<Record<string, string>> | undefined): void {
  const subject = metadata?.[DEAD_LETTER_KEY] ?? "";
  if (subject === "" || (isUsableSubject(subject) && isLiteral(subject) && !subject.startsWith("$"))) return;
  throw invalidStream(`${DEAD_LETTER_KEY} in the metadata must be a literal subject`);
}
