// Distributed counters (ADR-49): a message is an increment, what is stored is the sum.
import { Message } from "../../accounts/message.js";
import { readHeaders } from "../../protocol/header-block.js";
import { parseExact, stringifyExact } from "../../protocol/json.js";
import { ApiError } from "../errors.js";
import { appendHeaders, Header, type MessageHeaders, withoutHeaders } from "./publish-headers.js";
import type { Stream } from "./stream.js";

const INTEGER = /^[+-]?\d+$/;
const NOT_WITH_COUNTERS = [
  Header.rollup,
  Header.expectedSequence,
  Header.expectedStream,
  Header.expectedMsgId,
  Header.expectedSubjectSequence,
  Header.expectedSubject,
] as const;

export interface Counted {
  readonly message: Message;
  /** The sum, in decimal. */
  readonly value: string;
  readonly sources: Sources | undefined;
}

/** What each origin of a counter has come to, by stream and subject. */
type Sources = Record<string, Record<string, string>>;

/** What is wrong with an increment, before anything else is looked at. Throws ApiError 10168, 10170 and 10171. */
export function checkIncrement({ config }: Stream, message: Message, headers: MessageHeaders): void {
  const increment = headers.get(Header.increment);
  if (increment === undefined) return;
  if (!INTEGER.test(increment)) throw new ApiError("counterInvalid");
  if (!config.allow_msg_counter) throw new ApiError("counterDisabled");
  if (message.payloadBytes > 0) throw new ApiError("counterPayload");
  if (NOT_WITH_COUNTERS.some((name) => headers.get(name) !== undefined)) throw new ApiError("counterInvalid");
}

/**
 * The message with the sum as its payload. Throws ApiError 10169 and 10172.
 * @param before the one before it in a batch that is not stored yet
 */
export function counterMessage(stream: Stream, message: Message, headers: MessageHeaders, before?: Counted): Counted {
  const increment = headers.get(Header.increment);
  if (increment === undefined) throw new ApiError("counterMissing");
  const last =
    before === undefined
      ? lastCounter(stream, message.subject)
      : { value: BigInt(before.value), sources: before.sources };
  return counted(message, last.value + BigInt(increment), last.sources);
}

/** A sourced counter: it adds what its origin has added since. */
export function sourcedCounter(stream: Stream, message: Message, origin: { stream: string; subject: string }): Message {
  const payload = message.body.subarray(message.start + message.headerBytes, message.end);
  const theirs = sumOf(payload);
  const last = lastCounter(stream, message.subject);
  const sources: Sources = { ...last.sources };
  const before = BigInt(sources[origin.stream]?.[origin.subject] ?? "0");
  sources[origin.stream] = { ...sources[origin.stream], [origin.subject]: String(theirs) };
  const block = withoutHeaders(message.headerText, (name) => name === Header.counterSources);
  return counted(message.withHeaders(Buffer.from(block, "latin1")), last.value + theirs - before, sources).message;
}

function counted(message: Message, sum: bigint, sources: Sources | undefined): Counted {
  const value = String(sum);
  let block = message.headerText;
  if (sources !== undefined && Object.keys(sources).length > 0) {
    block = appendHeaders(block, [[Header.counterSources, stringifyExact(sources)]]);
  }
  const payload = Buffer.from(`{"val":"${value}"}`);
  const made = Message.of(message.subject, message.reply, Buffer.from(block, "latin1"), payload);
  return { message: made, value, sources };
}

function lastCounter({ store }: Stream, subject: string): { value: bigint; sources: Sources | undefined } {
  const sequence = store.totalsOf(subject)?.lastSequence ?? 0;
  const stored = sequence === 0 ? undefined : store.load(sequence);
  if (stored === undefined) return { value: 0n, sources: undefined };
  // It was read or written a moment ago in all but the rarest cases; a publisher tries again.
  if (stored instanceof Promise) {
    stored.catch(() => {});
    throw new ApiError("insufficientResources");
  }
  const sources = readHeaders(stored.header.toString("latin1")).get(Header.counterSources)?.[0];
  return {
    value: sumOf(stored.payload),
    sources: sources === undefined ? undefined : (parseExact(sources) as Sources),
  };
}

function sumOf(payload: Uint8Array): bigint {
  const sum = sumIn(payload);
  if (sum === undefined) throw new ApiError("counterBroken");
  return sum;
}

/** The sum that is a message's payload; undefined of one that is no counter. */
export function sumIn(payload: Uint8Array): bigint | undefined {
  try {
    return BigInt((parseExact(Buffer.from(payload).toString("utf8")) as { val: string }).val);
  } catch {
    return undefined;
  }
}

/** What the counter at the origin had come to, by the headers of one that was sourced; undefined where they do not tell. */
export function sourcedSum(headers: MessageHeaders, origin: { stream: string; subject: string }): string | undefined {
  const sources = headers.get(Header.counterSources);
  if (sources === undefined) return undefined;
  try {
    return (parseExact(sources) as Sources)[origin.stream]?.[origin.subject];
  } catch {
    return undefined;
  }
}
