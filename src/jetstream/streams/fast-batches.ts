// Fast batches of messages, which are stored as they come and acknowledged together (ADR-50). What a publisher wants of one
// stands in its reply subject: `INBOX.ID.FLOW.GAP.SEQUENCE.OPERATION.$FI`.
import type { Message } from "../../accounts/message.js";
import type { Timer } from "../../runtime/clock.js";
import { ApiError, asApiError } from "../errors.js";
import { batchAck, MAX_ID_CHARS } from "./atomic-batches.js";
import { checkSize } from "./publish-checks.js";
import { headerNumber, type MessageHeaders } from "./publish-headers.js";
import type { Stream } from "./stream.js";

const SUFFIX = ".$FI";
/** With the inbox, which has one at least. */
const MIN_TOKENS = 7;
/** Messages between acknowledgements, where the publisher does not say how many. */
const DEFAULT_FLOW = 10;
const MAX_FLOW = 500;
const TIMEOUT_MS = 10_000;
const Operation = { start: 0, add: 1, commit: 2, end: 3, ping: 4 } as const;

interface FastBatch {
  readonly id: string;
  /** The batch sequence that comes next. */
  next: number;
  lastSequence: number;
  /** Up to which sequence of the batch was acknowledged. */
  acknowledged: number;
  /** Messages between acknowledgements: at the start few while there are other batches, twice as many with each. */
  flow: number;
  readonly maxFlow: number;
  timer: Timer | undefined;
}

/** What a reply subject says. */
interface Wanted {
  readonly id: string;
  readonly flow: number;
  readonly failsAtGaps: boolean;
  readonly sequence: number;
  readonly operation: number;
}

/** Whether a message with this reply subject belongs to a fast batch. */
export function isOfFastBatch(reply: string): boolean {
  return reply.endsWith(SUFFIX);
}

// Throws ApiError 10206 and 10207.
function readWanted(reply: string): Wanted {
  const tokens = reply.split(".");
  const [id, flow, mode, sequenceText, operationText] = tokens.slice(-6, -1);
  const sequence = headerNumber(sequenceText);
  const operation = headerNumber(operationText);
  const isWhole = tokens.length >= MIN_TOKENS && (mode === "ok" || mode === "fail");
  if (!isWhole || !sequence || operation === undefined || operation > Operation.ping) {
    throw new ApiError("batchPattern");
  }
  // A batch of one message begins with its end.
  const opens = operation === Operation.start;
  const goesOn = operation === Operation.add || operation === Operation.end;
  if ((opens && sequence !== 1) || (goesOn && sequence === 1)) throw new ApiError("batchPattern");
  if (id.length > MAX_ID_CHARS) throw new ApiError("batchId");
  return { id, flow: headerNumber(flow) || DEFAULT_FLOW, failsAtGaps: mode === "fail", sequence, operation };
}

export class FastBatches {
  readonly #stream: Stream;
  readonly #batches = new Map<string, FastBatch>();
  /** Of the last message: later answers do not overtake earlier ones. */
  #lastTicket = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  close(): void {
    for (const { timer } of this.#batches.values()) timer?.cancel();
    this.#batches.clear();
  }

  /** Takes a message of a fast batch, and answers it. */
  take(message: Message, headers: MessageHeaders): void {
    try {
      this.#take(message, headers);
    } catch (error) {
      this.#refuse(message, error);
    }
  }

  // Throws ApiError.
  #take(message: Message, headers: MessageHeaders): void {
    const stream = this.#stream;
    stream.checkSealed();
    checkSize(stream, message);
    if (!stream.config.allow_batched) throw new ApiError("batchDisabled");
    const wanted = readWanted(message.reply);
    const { operation, sequence, failsAtGaps } = wanted;
    const batch = this.#batches.get(wanted.id) ?? this.#begin(wanted, message);
    this.#restartTimer(batch);
    if (operation === Operation.ping) {
      if (sequence < batch.next || this.#passGap(batch, wanted, sequence + 1, message)) {
        this.#alignAcknowledged(batch, batch.next - 1);
        this.#acknowledge(batch, message);
      }
      return;
    }
    if (sequence !== batch.next && !this.#passGap(batch, wanted, sequence, message)) return;
    batch.next = sequence + 1;
    const isLast = operation === Operation.commit || operation === Operation.end;
    const isStored = operation !== Operation.end && this.#store(message, headers, batch, sequence, failsAtGaps);
    if (isLast || (!isStored && failsAtGaps)) this.#finish(batch, isStored ? sequence : sequence - 1, message);
    else if (isStored && this.#alignAcknowledged(batch, sequence)) {
      batch.flow = Math.min(batch.flow * 2, batch.maxFlow);
      this.#acknowledge(batch, message);
    }
  }

  // Throws ApiError 10208.
  #begin({ id, flow, sequence, operation }: Wanted, message: Message): FastBatch {
    if (operation !== Operation.start && (operation !== Operation.commit || sequence !== 1)) {
      throw new ApiError("batchUnknown");
    }
    const maxFlow = Math.min(flow, MAX_FLOW);
    const start = this.#batches.size === 0 ? maxFlow : 1;
    const batch = { id, next: 1, lastSequence: 0, acknowledged: 0, flow: start, maxFlow, timer: undefined };
    this.#batches.set(id, batch);
    if (operation === Operation.start && !this.#stream.config.no_ack) this.#acknowledge(batch, message);
    return batch;
  }

  #restartTimer(batch: FastBatch): void {
    const { js } = this.#stream.account;
    batch.timer?.cancel();
    batch.timer = js.after(js.options.limits.batch.timeoutMs || TIMEOUT_MS, () => this.#batches.delete(batch.id));
  }

  // Tells of messages that have not come; false when the batch ends with that, as it does where the sequence goes back.
  #passGap(batch: FastBatch, { failsAtGaps }: Wanted, sequence: number, message: Message): boolean {
    if (sequence === batch.next) return true;
    this.#tell(message, { type: "gap", last_seq: batch.next, seq: sequence });
    if (failsAtGaps || sequence < batch.next) {
      this.#finish(batch, batch.next - 1, message);
      return false;
    }
    batch.next = sequence;
    return true;
  }

  // Whether an acknowledgement is due; those of before a gap are passed over.
  #alignAcknowledged(batch: FastBatch, sequence: number): boolean {
    const open = sequence - batch.acknowledged;
    if (open < batch.flow) return false;
    batch.acknowledged = sequence - (open % batch.flow);
    return true;
  }

  #store(message: Message, headers: MessageHeaders, batch: FastBatch, sequence: number, fails: boolean): boolean {
    try {
      const stored = this.#stream.take(message, headers);
      batch.lastSequence = stored.sequence;
      this.#lastTicket = Math.max(this.#lastTicket, stored.ticket);
      return true;
    } catch (error) {
      const refusal = asApiError(error);
      if (refusal === undefined) throw error;
      if (fails && sequence === 1) {
        this.#forget(batch);
        throw refusal;
      }
      this.#tell(message, { type: "err", seq: sequence, error: refusal.toJSON() });
      return false;
    }
  }

  #forget(batch: FastBatch): void {
    batch.timer?.cancel();
    this.#batches.delete(batch.id);
  }

  #finish(batch: FastBatch, count: number, { reply }: Message): void {
    this.#forget(batch);
    const stream = this.#stream;
    const { js, account } = stream.account;
    const ack = batchAck(stream, batch.lastSequence, batch.id, count);
    js.whenDurable(this.#lastTicket, (error) => {
      if (error === undefined) js.send(account, reply, ack);
      else stream.refuse(this.#toldOf(reply), error);
    });
  }

  #acknowledge(batch: FastBatch, message: Message): void {
    this.#tell(message, { type: "ack", seq: batch.acknowledged, msgs: batch.flow });
  }

  // What waits for a write that fails is not sent: the end of the batch tells of it.
  #tell({ reply }: Message, content: object): void {
    const { js, account } = this.#stream.account;
    js.whenDurable(this.#lastTicket, (error) => {
      if (error === undefined) js.sendJson(account, reply, content);
    });
  }

  #refuse({ reply }: Message, error: unknown): void {
    const stream = this.#stream;
    const told = this.#toldOf(reply);
    stream.account.js.whenDurable(this.#lastTicket, () => stream.refuse(told, error));
  }

  // Who is told of a refusal.
  #toldOf(reply: string): string {
    return this.#stream.config.no_ack ? "" : reply;
  }
}
