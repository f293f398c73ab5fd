// Atomic batches of messages, of which all or none is stored (ADR-50).
import type { Message } from "../../accounts/message.js";
import { stringifyExact } from "../../protocol/json.js";
import type { Timer } from "../../runtime/clock.js";
import { ApiError } from "../errors.js";
import { type Counted, checkIncrement, counterMessage } from "./counters.js";
import { checkAddress, checkLimits, checkSequences, checkSize, readRollup, readTtl } from "./publish-checks.js";
import { appendHeaders, Header, headerNumber, type MessageHeaders, withoutHeaders } from "./publish-headers.js";
import { checkSchedulesOff } from "./schedules.js";
import type { Stream } from "./stream.js";

/** Of a batch's id. */
export const MAX_ID_CHARS = 64;
const MAX_MESSAGES = 1000;
const MAX_PER_STREAM = 50;
const MAX_TOTAL = 1000;
const TIMEOUT_MS = 10_000;
const NO_BYTES = Buffer.alloc(0);

interface Item {
  readonly message: Message;
  readonly headers: MessageHeaders;
}

interface AtomicBatch {
  readonly items: Item[];
  timer: Timer | undefined;
}

export class AtomicBatches {
  readonly #stream: Stream;
  readonly #atomic = new Map<string, AtomicBatch>();

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
  }

  /** A message of an atomic batch. Throws ApiError. */
  take(original: Message, headers: MessageHeaders, id: string, reply: string): void {
    const stream = this.#stream;
    const { js, account } = stream.account;
    stream.checkSealed();
    checkSize(stream, original);
    if (!stream.config.allow_atomic) throw new ApiError("atomicDisabled");
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
      this.#forget(id);
      throw new ApiError("atomicCommit");
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
      if (headers.get(Header.expectedMsgId) !== undefined) {
        throw new ApiError("atomicHeader", { header: Header.expectedMsgId });
      }
      if (headers.get(Header.ttl) !== undefined && !stream.config.allow_msg_ttl) throw new ApiError("ttlDisabled");
      checkIncrement(stream, message, headers);
      checkAddress(stream, headers);
      const msgId = headers.get(Header.msgId);
      if (msgId !== undefined) {
        if (!stream.ids.areKnown) throw new ApiError("unavailable");
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
      else js.send(account, reply, batchAck(stream, last, id, items.length));
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
}

/** What a whole batch is answered with. */
export function batchAck({ account, name }: Stream, sequence: number, batch: string, count: number): Buffer {
  return Buffer.from(stringifyExact({ stream: name, domain: account.js.domain, seq: sequence, batch, count }));
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
