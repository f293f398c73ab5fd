// Acknowledgements: the subjects they come in by, their forms, and what each does to a consumer
// (conformance/jetstream, FACTS "Ack reply subject and acks").
import type { AckPlace } from "../../accounts/ack-place.js";
import type { Message } from "../../accounts/message.js";
import { parseExact } from "../../protocol/json.js";
import { hashName } from "../../server/server-hash.js";
import { wireSubject } from "../names.js";
import { statusBlock } from "../streams/publish-headers.js";
import type { Consumer } from "./consumer.js";
import { Op } from "./consumer-state.js";
import { readPull } from "./pull-options.js";

const NO_BYTES = Buffer.alloc(0);
const SHORT_TOKENS = 9;
const LONG_TOKENS = 11;
const DOT = 0x2e;
const ZERO = 0x30;

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<n>.<sseq>.<cseq>.<ns>.<pending>`, or the form with domain and account in front. Which
 * message it is of has to be there; the other numbers are 0 where they are none.
 */
export function parseAckSubject(subject: string): AckPlace | undefined {
  let dots = 0;
  for (let at = 0; at < subject.length; at++) if (subject.charCodeAt(at) === DOT) dots++;
  if (dots < SHORT_TOKENS - 1 || dots === SHORT_TOKENS) return undefined;
  let at = 0;
  for (let skip = dots >= LONG_TOKENS - 1 ? 6 : 4; skip > 0; skip--) at = subject.indexOf(".", at) + 1;
  const second = subject.indexOf(".", at) + 1;
  const third = subject.indexOf(".", second) + 1;
  const deliveries = positiveAt(subject, at);
  const streamSequence = positiveAt(subject, second);
  const consumerSequence = positiveAt(subject, third);
  if (streamSequence === 0) return undefined;
  return { deliveries, streamSequence, consumerSequence };
}

// The number that a token is; 0 for anything else.
function positiveAt(subject: string, from: number): number {
  let value = 0;
  for (let at = from; at < subject.length; at++) {
    const digit = subject.charCodeAt(at) - ZERO;
    if (digit === DOT - ZERO) break;
    if (!(digit >= 0 && digit <= 9)) return 0;
    value = value * 10 + digit;
  }
  return value;
}

export class AckHandler {
  readonly #consumer: Consumer;
  #sampled = 0;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** Where acknowledgements come in; none for a consumer that takes none. */
  get subjects(): string[] {
    if (this.#consumer.config.ack_policy === "none") return [];
    return [`$JS.ACK.${this.#own}*.*.*.*.*`, `$JS.ACK.${this.#address}${this.#own}*.*.*.*.>`];
  }

  /** What the reply subject of a message begins with. */
  get prefix(): string {
    const isLong = this.#consumer.stream.account.js.server.options.featureFlags?.["js_ack_fc_v2"] === true;
    return `$JS.ACK.${isLong ? this.#address : ""}${this.#own}`;
  }

  get #own(): string {
    const { stream, name } = this.#consumer;
    return `${stream.wireName}.${wireSubject(name)}.`;
  }

  // Domain and account, which the long form has in front.
  get #address(): string {
    const { js, account } = this.#consumer.stream.account;
    return `${js.domain ?? "_"}.${hashName(account.name)}.`;
  }

  /** Takes an acknowledgement and answers it, when that is asked for and what it says is durable. */
  handle(place: AckPlace, message: Message): void {
    const consumer = this.#consumer;
    const { state } = consumer;
    const { streamSequence: sequence } = place;
    if (sequence >= state.nextStream) return;
    const payload = isPlainAck(message)
      ? ""
      : message.body.toString("latin1", message.start + message.headerBytes, message.end);
    const reply = message.hasReply ? message.reply : "";
    if (payload === "" || payload === "+ACK" || payload === "+OK") {
      this.acknowledge(place);
      this.#answerWhenDurable(reply);
      return;
    }
    if (payload.startsWith("+NXT")) {
      this.acknowledge(place);
      consumer.whenDurable(() => this.#askForMore(payload.slice(4).trim(), reply));
      return;
    } else if (payload === "-NAK" || payload.startsWith("-NAK ")) this.#refuse(place, payload.slice(4).trim());
    else if (payload === "+WPI") consumer.redelivery.inProgress(sequence);
    else if (payload === "+TERM" || payload.startsWith("+TERM ")) {
      this.#terminate(place, payload.slice(5).trim(), () => this.#answerWhenDurable(reply));
      return;
    }
    if (reply !== "") this.#answer(reply);
  }

  #answerWhenDurable(reply: string): void {
    if (reply !== "") this.#consumer.whenDurable(() => this.#answer(reply));
  }

  #answer(reply: string): void {
    const { js, account } = this.#consumer.stream.account;
    js.send(account, reply, NO_BYTES);
  }

  /** The message is done; with ack policy all, everything before it too. */
  acknowledge(place: AckPlace): void {
    const consumer = this.#consumer;
    const { state, stream, config } = consumer;
    const sequence = place.streamSequence;
    const full = config.max_ack_pending > 0 && state.pending.size >= config.max_ack_pending;
    consumer.lastAckedMs = stream.account.js.turnMs;
    if (config.ack_policy === "explicit") {
      // It is done already, by another acknowledgement or because the message is gone.
      if (!state.pending.has(sequence) && !state.deliveries.has(sequence)) return;
      this.#sample(place);
      consumer.redelivery.forget(sequence);
      consumer.apply(Op.ack, sequence);
      stream.acknowledged(sequence);
    } else {
      const done = state.pending.upTo(sequence);
      if (done.length === 0) return;
      this.#sample(place);
      for (const one of done) consumer.redelivery.forget(one);
      const said = place.consumerSequence || state.pending.consumerSequenceOf(sequence) || state.floorConsumer;
      consumer.apply(Op.ackAll, sequence, said);
      for (const one of done) stream.acknowledged(one);
    }
    if (full || consumer.redelivery.queue.size > 0) consumer.wake();
  }

  #endAll(place: AckPlace, sequences: readonly number[]): void {
    const consumer = this.#consumer;
    for (const one of sequences) consumer.redelivery.forget(one);
    consumer.apply(Op.ackAll, place.streamSequence, place.consumerSequence);
    for (const one of sequences) consumer.stream.acknowledged(one);
  }

  #refuse({ streamSequence, consumerSequence, deliveries }: AckPlace, argument: string): void {
    const consumer = this.#consumer;
    if (!consumer.state.pending.has(streamSequence)) return;
    consumer.advise("MSG_NAKED", "nak", {
      consumer_seq: consumerSequence,
      stream_seq: streamSequence,
      deliveries,
    });
    consumer.redelivery.again(streamSequence, delayOf(argument));
  }

  // The message is done, with ack policy all everything before it too; with a rule for dead letters only when it has become one.
  #terminate(place: AckPlace, reason: string, ended: () => void): void {
    const { streamSequence, consumerSequence, deliveries } = place;
    const consumer = this.#consumer;
    const { deadLetters } = consumer;
    const cause = { kind: "term", deliveries: consumer.state.deliveryCount(streamSequence), reason } as const;
    if (deadLetters.isMoving(streamSequence)) {
      deadLetters.move(streamSequence, cause, ended);
      return;
    }
    if (!consumer.state.pending.has(streamSequence)) {
      ended();
      return;
    }
    consumer.advise("MSG_TERMINATED", "terminated", {
      consumer_seq: consumerSequence,
      stream_seq: streamSequence,
      deliveries,
      reason: reason === "" ? undefined : Buffer.from(reason, "latin1").toString("utf8"),
    });
    consumer.redelivery.forget(streamSequence);
    if (deadLetters.subject !== undefined) {
      deadLetters.move(streamSequence, cause, ended);
      return;
    }
    if (consumer.config.ack_policy === "all") this.#endAll(place, consumer.state.pending.upTo(streamSequence));
    else {
      consumer.apply(Op.ack, streamSequence);
      consumer.stream.acknowledged(streamSequence);
    }
    consumer.wake();
    ended();
  }

  #askForMore(argument: string, reply: string): void {
    const consumer = this.#consumer;
    if (reply === "") return;
    try {
      consumer.pulls.ask(readPull(Buffer.from(argument, "latin1")), reply);
    } catch (error) {
      const { js, account } = consumer.stream.account;
      js.send(account, reply, NO_BYTES, statusBlock(`400 Bad Request - ${(error as Error).message}`));
    }
  }

  // As many in a hundred acknowledgements as sample_freq says become events.
  #sample({ streamSequence, consumerSequence, deliveries }: AckPlace): void {
    const consumer = this.#consumer;
    const percent = Number(consumer.config.sample_freq.replace("%", "") || "0");
    if (!(percent > 0)) return;
    this.#sampled += percent;
    if (this.#sampled < 100) return;
    this.#sampled -= 100;
    const { js, account } = consumer.stream.account;
    const delivered = consumer.state.pending.get(streamSequence)?.atMs ?? js.nowMs;
    const { wireName } = consumer.stream;
    js.event(
      account,
      `$JS.EVENT.METRIC.CONSUMER.ACK.${wireName}.${wireSubject(consumer.name)}`,
      "io.nats.jetstream.metric.v1.consumer_ack",
      {
        stream: consumer.stream.name,
        consumer: consumer.name,
        consumer_seq: consumerSequence,
        stream_seq: streamSequence,
        ack_time: Math.max(0, Math.round((js.nowMs - delivered) * 1e6)),
        deliveries,
      },
    );
  }
}

// The bytes of "+ACK", which nearly all are.
function isPlainAck({ body, start, headerBytes, end }: Message): boolean {
  const at = start + headerBytes;
  if (end - at !== 4) return false;
  return body[at] === 0x2b && body[at + 1] === 0x41 && body[at + 2] === 0x43 && body[at + 3] === 0x4b;
}

// What cannot be read stands for no delay.
function delayOf(argument: string): number {
  if (argument === "") return 0;
  try {
    const { delay } = parseExact(argument) as { delay?: number | bigint };
    return delay === undefined ? 0 : Math.max(0, Number(delay) / 1e6);
  } catch {
    return 0;
  }
}
