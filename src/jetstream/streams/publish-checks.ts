// What a publisher may ask for with headers: expectations, a TTL, a rollup; and whether there is room
// (conformance/jetstream, FACTS "Publish").
import type { Message } from "../../accounts/message.js";
import { ApiError } from "../errors.js";
import { NS_PER_SECOND, parseDuration } from "../time.js";
import { appendHeaders, Header, headerNumber, MessageHeaders, withoutHeaders } from "./publish-headers.js";
import type { Stream } from "./stream.js";

/** How long a message is kept. */
export interface Ttl {
  /** Below 0: for ever, whatever the stream's max_age. */
  readonly ns: bigint;
  /** What its header is to say, when the stream has raised it. */
  readonly raised?: string;
}

const MAX_HEADER_BYTES = 0xffff;

/** Throws ApiError 10054 and 10097. */
export function checkSize({ config }: Stream, message: Message): void {
  const { max_msg_size: limit } = config;
  if (limit >= 0 && message.sizeBytes > limit) throw new ApiError("messageTooLarge");
  if (message.headerBytes > MAX_HEADER_BYTES) throw new ApiError("headerTooLarge");
}

/** The stream that is meant, and whether it lets messages end by themselves. Throws ApiError 10060 and 10166. */
export function checkAddress({ wireName, config }: Stream, headers: MessageHeaders): void {
  const expected = headers.get(Header.expectedStream);
  if (expected !== undefined && expected !== wireName) throw new ApiError("expectedStream");
  const ttl = headers.get(Header.ttl);
  if (ttl !== undefined && !config.allow_msg_ttl && ttlOf(ttl) !== undefined) throw new ApiError("ttlDisabled");
}

/** The sequences that the last messages have to have. Throws ApiError 10071 and 10193. */
export function checkSequences(
  stream: Stream,
  subject: string,
  headers: MessageHeaders,
  lastSequence = stream.store.state.lastSequence,
): void {
  const lastOfSubject = headers.get(Header.expectedSubjectSequence);
  const pattern = headers.get(Header.expectedSubject);
  if (lastOfSubject !== undefined) {
    const sequence = lastSequenceOf(stream, pattern ?? subject);
    if (headerNumber(lastOfSubject) !== sequence) throw new ApiError("wrongLastSequence", { sequence });
  } else if (pattern !== undefined) throw new ApiError("subjectSequenceMissing");
  const last = headers.get(Header.expectedSequence);
  if (last !== undefined && headerNumber(last) !== lastSequence) {
    throw new ApiError("wrongLastSequence", { sequence: lastSequence });
  }
}

/** The id that the last message has to have. Throws ApiError 10070. */
export function checkLastId(stream: Stream, headers: MessageHeaders): void {
  const expected = headers.get(Header.expectedMsgId);
  if (expected === undefined) return;
  const id = lastMessageId(stream);
  if (id !== expected) throw new ApiError("wrongLastId", { id });
}

/** The last sequence of the subjects that a pattern matches; 0 for none. */
export function lastSequenceOf({ store }: Stream, pattern: string): number {
  if (!pattern.includes("*") && !pattern.includes(">")) return store.totalsOf(pattern)?.lastSequence ?? 0;
  const filter = store.filter([pattern]);
  const sequence = store.previous(store.state.lastSequence, filter);
  filter.release();
  return sequence;
}

// Only the last stored message counts. One that has to be read from the disk first is known by the window of ids.
function lastMessageId({ store, ids }: Stream): string {
  const { lastSequence } = store.state;
  const known = ids.idOf(lastSequence);
  if (known !== undefined) return known;
  const stored = store.has(lastSequence) ? store.load(lastSequence) : undefined;
  if (stored instanceof Promise) stored.catch(() => {});
  if (stored === undefined || stored instanceof Promise || stored.headerBytes === 0) return "";
  return MessageHeaders.in(stored.header.toString("latin1")).get(Header.msgId) ?? "";
}

/** Throws ApiError 10165 and 10166. */
export function readTtl({ config }: Stream, headers: MessageHeaders): Ttl | undefined {
  const text = headers.get(Header.ttl);
  if (text === undefined) return undefined;
  const ns = ttlOf(text);
  if (ns === undefined) throw new ApiError("ttlInvalid");
  if (!config.allow_msg_ttl) throw new ApiError("ttlDisabled");
  const least = config.subject_delete_marker_ttl;
  if (least > 0n && ns >= 0n && ns < least && config.max_msgs_per_subject !== 1) {
    return { ns: least, raised: String(least / NS_PER_SECOND) };
  }
  return { ns };
}

/** Nanoseconds of a `Nats-TTL`; -1n for `never`, undefined for what is none. */
export function ttlOf(text: string): bigint | undefined {
  if (text.toLowerCase() === "never") return -1n;
  const ns = /^\d+$/.test(text) ? BigInt(text) * NS_PER_SECOND : parseDuration(text);
  return ns === undefined || ns < NS_PER_SECOND ? undefined : ns;
}

/** Throws ApiError 10111. */
export function readRollup({ config }: Stream, headers: MessageHeaders): "sub" | "all" | undefined {
  const text = headers.get(Header.rollup);
  if (text === undefined) return undefined;
  if (!config.allow_rollup_hdrs || config.deny_purge) throw new ApiError("rollup", { text: "rollup not permitted" });
  const kind = text.toLowerCase();
  if (kind === "sub" || kind === "all") return kind;
  throw new ApiError("rollup", { text: `rollup value invalid: ${JSON.stringify(text)}` });
}

/** Whether the stream, its account and the server have room. Throws ApiError 10077, 10002 and 10023. */
export function checkLimits(stream: Stream, message: Message, addedMessages = 0, addedBytes = 0): void {
  const { store, config, account } = stream;
  const bytes = store.sizeOf(message) + addedBytes;
  account.checkRoom(config.storage, bytes);
  if (config.discard !== "new") return;
  const { state } = store;
  const perSubject = config.max_msgs_per_subject;
  const ofSubject = perSubject > 0 ? (store.totalsOf(message.subject)?.messages ?? 0) : 0;
  if (config.discard_new_per_subject && perSubject > 0 && ofSubject >= perSubject) {
    throw new ApiError("storeFailed", { text: "maximum messages per subject exceeded" });
  }
  // A message that takes the place of another one of its subject needs no room.
  const replaces = perSubject > 0 && ofSubject >= perSubject;
  if (config.max_msgs > 0 && state.messages + addedMessages >= config.max_msgs && !replaces) {
    throw new ApiError("storeFailed", { text: "maximum messages exceeded" });
  }
  const freed = replaces ? store.sizeAt(store.totalsOf(message.subject)?.firstSequence ?? 0) : 0;
  if (config.max_bytes > 0 && state.bytes + bytes - freed > config.max_bytes) {
    throw new ApiError("storeFailed", { text: "maximum bytes exceeded" });
  }
}

/** The message as it is stored with that TTL: one that was raised stands in it, too. */
export function ttlMessage(message: Message, ttl: Ttl | undefined): Message {
  const written = ttl?.raised;
  if (written === undefined) return message;
  const block = appendHeaders(
    withoutHeaders(message.headerText, (name) => name === Header.ttl),
    [[Header.ttl, written]],
  );
  return message.withHeaders(Buffer.from(block, "latin1"));
}
