// Batches of messages: atomic ones, of which all or none is stored (ADR-50), and fast ones, which are acknowledged together.
import type { Message } from "../accounts/message.js";
import { stringifyExact } from "../protocol/json.js";
import type { Timer } from "../runtime/clock.js";
import { type Counted, checkIncrement, counterMessage } from "./counters.js";
import { ApiError, asApiError } from "./errors.js";
import { checkAddress, checkLimits, checkSequences, checkSize, readRollup, readTtl } from "./publish-checks.js";
import { appendHeaders, Header, headerNumber, type MessageHeaders, withoutHeaders } from "./publish-headers.js";
import { checkSchedulesOff } from "./schedules.js";
import type { Stream } from "./stream.js";

const MAX_ID_CHARS = 64;
const MAX_MESSAGES = 1000;
const MAX_PER_STREAM = 50;
const MAX_TOTAL = 1000;
const TIMEOUT_MS = 10_000;
/** Messages between acknowledgements of a fast batch that does not say how many. */
const DEFAULT_FLOW = 10;
const NO_BYTES = Buffer.alloc(0);

interface Item {
  readonly message: Message;
  readonly headers: MessageHeaders;
}

interface AtomicBatch {
  readonly items: Item[];
  timer: Timer | undefined;
}

interface FastBatch {
  /** The batch sequence that comes next. */
  next: number;
  stored: number;
  lastSequence: number;
  /** Up to which sequence of the batch was acknowledged. */
  acknowledged: number;
  timer: Timer | undefined;
}

export class AtomicBatches {
  readonly #stream: Stream;
  readonly #atomic = new Map<string, AtomicBatch>();
  readonly #fast = new Map<string, FastBatch>();
  /** Of the last message of a fast batch: later answers do not overtake earlier ones. */
  #lastTicket = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  get #limits(): { maxMsgs: number; perStream: number; total: number; timeoutMs: number } {
    const { batch } = this.#stream.account.js.options.limits;
    return {
      maxMsgs: batch.maxMsgs || MAX_MESSAGES,
      perStream: batch.maxInflightPerStream || MAX_PER_STREAM,
      total: batch.maxInflightTotal || MAX_TOTAL,
      timeoutMs: batch.timeoutMs || TIMEOUT_MS,
    };
  }

  close(): void {
    for (const id of [...this.#atomic.keys()]) this.#forget(id);
    for (const { timer } of this.#fast.values()) timer?.cancel();
    this.#fast.clear();
  }

  /** A message of an atomic batch. Throws ApiError. */
  atomic(original: Message, headers: MessageHeaders, id: string, reply: string): void {
    const stream = this.#stream;
    const { js, account } = stream.account;
    if (id.length > MAX_ID_CHARS) throw new ApiError("atomicId");
    const sequence = headerNumber(headers.get(Header.batchSequence));
    if (sequence === undefined) throw new ApiError("atomicSequenceMissing");
    const commit = headers.get(Header.batchCommit);
    const limits = this.#limits;
    let batch = this.#atomic.get(id);
    if (batch === undefined) {
      if (sequence > limits.maxMsgs) throw new ApiError("atomicTooLarge", { limit: limits.maxMsgs });
      if (sequence !== 1 || commit === "eob") throw new ApiError("atomicIncomplete");
      if (this.#atomic.size >= limits.perStream || js.openBatches >= limits.total) throw new ApiError("atomicTooMany");
      batch = { items: [], timer: undefined };
      this.#atomic.set(id, batch);
      js.openBatches++;
    } else if (sequence !== batch.items.length + 1) {
      this.#abandon(id, "incomplete");
      throw new ApiError("atomicIncomplete");
    }
    if (headers.asksTooMuch) {
      this.#abandon(id, "unsupported");
      throw new ApiError("requiredLevel");
    }
    if (commit !== undefined && commit !== "1" && commit !== "eob") {
      this.#abandon(id, "incomplete");
      throw new ApiError("atomicCommit");
    }
    if (headers.get(Header.expectedMsgId) !== undefined) {
      this.#abandon(id, "unsupported");
      throw new ApiError("atomicHeader", { header: Header.expectedMsgId });
    }
    if (sequence > limits.maxMsgs && commit !== "eob") {
      this.#abandon(id, "large");
      throw new ApiError("atomicTooLarge", { limit: limits.maxMsgs });
    }
    try {
      js.memoryBudget.check(original.sizeBytes);
    } catch (error) {
      this.#abandon(id, "incomplete");
      throw error;
    }
    batch.timer?.cancel();
    if (commit !== "eob") batch.items.push({ message: kept(stream.transformed(original)), headers });
    if (commit === undefined) {
      batch.timer = js.after(limits.timeoutMs, () => this.#abandon(id, "timeout"));
      if (reply !== "") js.send(account, reply, NO_BYTES);
      return;
    }
    this.#forget(id);
    if (commit === "eob") markLast(batch.items);
    this.#commit(id, batch.items, reply);
  }

  #forget(id: string): void {
    const batch = this.#atomic.get(id);
    if (batch === undefined) return;
    batch.timer?.cancel();
    this.#atomic.delete(id);
    this.#stream.account.js.openBatches--;
  }

  #abandon(id: string, reason: "timeout" | "large" | "incomplete" | "unsupported"): void {
    const { account, name, wireName } = this.#stream;
    this.#forget(id);
    account.js.advise(account.account, `STREAM.BATCH_ABANDONED.${wireName}`, "stream_batch_abandoned", {
      stream: name,
      batch: id,
      reason,
    });
  }

  // All checks come before the first message is stored.
  #commit(id: string, items: readonly Item[], reply: string): void {
    const stream = this.#stream;
    const { js, account } = stream.account;
    const ids = new Set<string>();
    const subjects = new Set<string>();
    const first = stream.store.state.lastSequence + 1;
    let bytes = 0;
    const counters = new Map<string, Counted>();
    const taken = items.map(({ message, headers }, at) => {
      checkSize(stream, message);
      if (headers.get(Header.ttl) !== undefined && !stream.config.allow_msg_ttl) throw new ApiError("ttlDisabled");
      checkIncrement(stream, message, headers);
      checkAddress(stream, headers);
      const msgId = headers.get(Header.msgId);
      if (msgId !== undefined) {
        const windowMs = Number(stream.config.duplicate_window / 1_000_000n);
        if (ids.has(msgId) || stream.ids.find(msgId, js.nowMs - windowMs) !== undefined) {
          throw new ApiError("atomicDuplicate");
        }
        ids.add(msgId);
      }
      this.#checkExpected(message, headers, first + at - 1, subjects);
      readTtl(stream, headers);
      readRollup(stream, headers);
      const schedule = stream.schedules?.check(message, headers);
      if (stream.schedules === undefined) checkSchedulesOff(headers);
      let made = schedule?.message ?? message;
      if (stream.config.allow_msg_counter) {
        const counter = counterMessage(stream, message, headers, counters.get(message.subject));
        counters.set(message.subject, counter);
        made = counter.message;
      }
      checkLimits(stream, made, at, bytes);
      bytes += stream.store.sizeOf(made);
      subjects.add(message.subject);
      return { message: made, headers, schedule };
    });
    let ticket = 0;
    taken.forEach(({ message, headers, schedule }, at) => {
      const ttl = readTtl(stream, headers);
      const rollup = readRollup(stream, headers);
      const more = at < items.length - 1;
      const stored = stream.keep({ message, headers, ttl, rollup }, undefined, undefined, more);
      ticket = stored.ticket;
      schedule?.stored(stored.sequence);
    });
    const last = stream.store.state.lastSequence;
    js.whenDurable(ticket, (error) => {
      if (reply === "") return;
      if (error !== undefined) stream.refuse(reply, error);
      else js.send(account, reply, this.#ack(last, id, items.length));
    });
  }

  #checkExpected(message: Message, headers: MessageHeaders, before: number, subjects: ReadonlySet<string>): void {
    const stream = this.#stream;
    const pattern = headers.get(Header.expectedSubject) ?? message.subject;
    if (headers.get(Header.expectedSubjectSequence) !== undefined && subjects.has(pattern)) {
      throw new ApiError("wrongLastSequenceConstant");
    }
    checkSequences(stream, message.subject, headers, before);
  }

  #ack(sequence: number, batch: string, count: number): Buffer {
    const { domain } = this.#stream.account.js;
    return Buffer.from(stringifyExact({ stream: this.#stream.name, domain, seq: sequence, batch, count }));
  }

  // ---------------------------------------------------------------- fast batches

  /** A message of a fast batch, told by its reply subject; false when the subject is of another kind. */
  fast(message: Message, headers: MessageHeaders, reply: string): boolean {
    try {
      return this.#takeFast(message, headers, reply);
    } catch (error) {
      // After what was answered before.
      this.#later(() => this.#stream.refuse(reply, error));
      return true;
    }
  }

  #later(answer: () => void): void {
    this.#stream.account.js.whenDurable(this.#lastTicket, answer);
  }

  #takeFast(message: Message, headers: MessageHeaders, reply: string): boolean {
    const stream = this.#stream;
    const tokens = reply.split(".");
    if (tokens.length < 7) return false;
    const [id, flowText, mode, sequenceText, opText] = tokens.slice(-6, -1);
    stream.checkSealed();
    if (!stream.config.allow_batched) throw new ApiError("batchDisabled");
    const flow = headerNumber(flowText) || DEFAULT_FLOW;
    const sequence = headerNumber(sequenceText);
    const op = headerNumber(opText);
    if (sequence === undefined || op === undefined || op > 4 || (mode !== "ok" && mode !== "fail")) {
      throw new ApiError("batchPattern");
    }
    if (id.length > MAX_ID_CHARS) throw new ApiError("batchId");
    let batch = this.#fast.get(id);
    // A batch of one message may begin with its end.
    if ((op === 0 || (op === 2 && sequence === 1)) && batch === undefined) {
      if (sequence !== 1) throw new ApiError("batchPattern");
      batch = { next: 1, stored: 0, lastSequence: 0, acknowledged: 0, timer: undefined };
      this.#fast.set(id, batch);
      if (op === 0) this.#tell(reply, { type: "ack", seq: 0, msgs: flow });
    }
    if (batch === undefined) throw new ApiError("batchUnknown");
    batch.timer?.cancel();
    const current = batch;
    batch.timer = stream.account.js.after(this.#limits.timeoutMs, () => this.#fast.delete(id));
    if (op === 4) {
      this.#tell(reply, { type: "ack", seq: current.acknowledged, msgs: flow });
      return true;
    }
    if (sequence !== current.next) {
      this.#tell(reply, { type: "gap", last_seq: current.next, seq: sequence });
      if (mode === "fail") {
        this.#finish(id, current, current.next - 1, reply);
        return true;
      }
    }
    current.next = sequence + 1;
    if (op !== 3 && !this.#store(message, headers, current, sequence, reply) && mode === "fail") {
      this.#finish(id, current, sequence - 1, reply);
      return true;
    }
    if (op === 2 || op === 3) this.#finish(id, current, op === 3 ? sequence - 1 : sequence, reply);
    else if (sequence > 1 && sequence - current.acknowledged >= flow) {
      current.acknowledged = sequence - ((sequence - current.acknowledged) % flow);
      this.#tell(reply, { type: "ack", seq: current.acknowledged, msgs: flow });
    }
    return true;
  }

  #store(message: Message, headers: MessageHeaders, batch: FastBatch, sequence: number, reply: string): boolean {
    try {
      const stored = this.#stream.take(message, headers);
      batch.stored++;
      batch.lastSequence = stored.sequence;
      this.#lastTicket = Math.max(this.#lastTicket, stored.ticket);
      return true;
    } catch (error) {
      const refusal = asApiError(error);
      if (refusal === undefined) throw error;
      this.#tell(reply, { type: "err", seq: sequence, error: refusal.toJSON() });
      return false;
    }
  }

  #finish(id: string, batch: FastBatch, count: number, reply: string): void {
    batch.timer?.cancel();
    this.#fast.delete(id);
    const { js, account } = this.#stream.account;
    this.#later(() => js.send(account, reply, this.#ack(batch.lastSequence, id, count)));
  }

  #tell(reply: string, content: object): void {
    const { js, account } = this.#stream.account;
    this.#later(() => js.send(account, reply, Buffer.from(stringifyExact(content))));
  }
}

/** The batches of a stream, kept over changes of its configuration. */
export function atomicBatchesOf(stream: Stream): AtomicBatches {
  return stream.batches ?? new AtomicBatches(stream);
}

// A message outlives its turn: everything it refers to is copied.
function kept(message: Message): Message {
  return message.withHeaders(Buffer.from(message.headerText, "latin1"));
}

function markLast(items: Item[]): void {
  const last = items[items.length - 1];
  const block = appendHeaders(
    withoutHeaders(last.message.headerText, (name) => name === Header.batchCommit),
    [[Header.batchCommit, "1"]],
  );
  items[items.length - 1] = { message: last.message.withHeaders(Buffer.from(block, "latin1")), headers: last.headers };
}
