// Direct get: messages of a stream without JSON around them, one or a batch (ADR-31).

import { readRequest } from "../fields.js";
import { wireSubject } from "../names.js";
import type { StoredMessage } from "../store/store.js";
import { Header, statusBlock } from "../streams/publish-headers.js";
import type { Stream } from "../streams/stream.js";
import { parseTime } from "../time.js";
import type { AnswerHeaders } from "./answer-writer.js";
import type { DirectRequest, DirectRoute } from "./api.js";
import { GET_FIELDS, type GetRequest, lastOf, readPlainGet } from "./plain-get.js";
import { sequenceOf } from "./streams.js";

const NO_BYTES = Buffer.alloc(0);
const MAX_BATCH = 1000;

interface Answering {
  readonly request: DirectRequest;
  readonly stream: Stream;
  readonly asked: GetRequest;
}

function status(
  { js, account, reply }: DirectRequest,
  text: string,
  headers: readonly (readonly [string, string | number])[] = [],
): true {
  js.send(account.account, reply, NO_BYTES, statusBlock(text, headers));
  return true;
}

function streamOf({ account, names, reply }: DirectRequest): Stream | undefined {
  const stream = account.streams.get(names[0]);
  if (stream === undefined || reply === "") return undefined;
  return stream.config.allow_direct ? stream : undefined;
}

function bySubject(request: DirectRequest): boolean {
  const stream = streamOf(request);
  if (stream === undefined) return false;
  if (request.refusesLevel()) return true;
  const asked = lastOf(request.names[1]);
  if (request.message.payloadBytes > 0) {
    const more = readBody(request);
    if (more === undefined) return status(request, "408 Malformed Request");
    if (!saysNothing(more)) return status(request, "408 Bad Request");
    asked.no_hdr = more.no_hdr;
  }
  single({ request, stream, asked });
  return true;
}

// What may stand beside a subject: nothing that says which message.
function saysNothing({ no_hdr: _, max_bytes: __, ...asked }: GetRequest): boolean {
  return Object.values(asked).every((value) => value === 0 || value === "" || value === undefined);
}

/** Undefined for what cannot be read. */
function readBody(request: DirectRequest): GetRequest | undefined {
  try {
    return readRequest<GetRequest>(request.payload, GET_FIELDS, false);
  } catch {
    return undefined;
  }
}

function byRequest(request: DirectRequest): boolean {
  const stream = streamOf(request);
  if (stream === undefined) return false;
  if (request.refusesLevel()) return true;
  const { message } = request;
  if (message.payloadBytes === 0) return status(request, "408 Empty Request");
  const plain = readPlainGet(message.body, message.start + message.headerBytes, message.end);
  if (plain !== undefined) {
    single({ request, stream, asked: plain });
    return true;
  }
  const asked = readBody(request);
  if (asked === undefined) return status(request, "408 Malformed Request");
  const { seq, last_by_subj: last, next_by_subj: next, start_time: time } = asked;
  if (asked.multi_last?.length === 0) asked.multi_last = undefined;
  if (seq === 0 && last === "" && next === "" && time === undefined && asked.multi_last === undefined) {
    return status(request, "408 Empty Request");
  }
  if (!makesSense(asked)) return status(request, "408 Bad Request");
  const answering = { request, stream, asked };
  if (asked.multi_last !== undefined) void several(answering);
  else if (asked.batch !== 0) void batch(answering);
  else single(answering);
  return true;
}

function makesSense({ seq, last_by_subj: last, next_by_subj: next, start_time: time, ...rest }: GetRequest): boolean {
  const hasLast = last !== "";
  const hasTime = time !== undefined;
  if (rest.multi_last !== undefined) {
    return !hasLast && next === "" && !hasTime && !(rest.up_to_seq > 0 && rest.up_to_time !== undefined);
  }
  return !(hasLast && (seq > 0 || next !== "" || hasTime || rest.batch > 0)) && !(seq > 0 && hasTime);
}

/** Undefined for a message that is gone; "unreadable" when the disk failed, which the requester was told. */
async function load(
  { request, stream }: Answering,
  sequence: number,
  loading = stream.store.load(sequence),
): Promise<StoredMessage | undefined | "unreadable"> {
  try {
    return await loading;
  } catch {
    status(request, "500 Store Error");
    return "unreadable";
  }
}

function single(answering: Answering): void {
  const { request, stream, asked } = answering;
  const sequence = sequenceOf(stream, asked);
  if (sequence === 0) {
    status(request, "404 Message Not Found");
    return;
  }
  const loading = stream.store.load(sequence);
  if (!(loading instanceof Promise)) answer(answering, loading);
  else void load(answering, sequence, loading).then((stored) => stored !== "unreadable" && answer(answering, stored));
}

function answer(answering: Answering, stored: StoredMessage | undefined): void {
  if (stored === undefined) status(answering.request, "404 Message Not Found");
  else send(answering, stored, answering.stream.answerHeaders);
}

function send({ request, asked }: Answering, stored: StoredMessage, headers: AnswerHeaders): void {
  const { js, account, reply } = request;
  js.answerWriter.send(account.account, reply, stored, asked.no_hdr ? undefined : headers);
}

function headersOf({ wireName: streamName }: Stream, pending: number, last: number): AnswerHeaders {
  return { streamName, more: `${Header.numPending}: ${pending}\r\n${Header.lastSequence}: ${last}\r\n` };
}

// So many bytes are sent at most, by one message more: else no client would take them all at once.
function mostBytes({ request, asked }: Answering): number {
  return asked.max_bytes === 0 ? request.js.server.options.maxPendingBytes : asked.max_bytes;
}

// What of them a message takes: the one that reaches it is the last.
function size({ subject, start, end }: StoredMessage): number {
  return subject.length + end - start;
}

// Messages from a sequence or time on, up to a number of messages or bytes; of a negative number, only how many there are.
async function batch(answering: Answering): Promise<void> {
  const { request, stream, asked } = answering;
  const { store } = stream;
  const filter = asked.next_by_subj === "" ? undefined : store.filter([wireSubject(asked.next_by_subj)]);
  const from =
    asked.start_time === undefined ? Math.max(1, asked.seq) : store.firstSince(parseTime(asked.start_time) ?? 0n);
  let sequence = from === 0 ? 0 : store.next(from, filter);
  if (sequence === 0 && asked.batch > 0) {
    filter?.release();
    status(request, "404 Message Not Found");
    return;
  }
  const total = sequence === 0 ? 0 : store.pending(sequence, filter);
  let pending = total;
  let last = 0;
  let bytes = 0;
  const most = mostBytes(answering);
  const { lastSequence } = store.state;
  let left = Math.min(asked.batch, MAX_BATCH);
  for (; left > 0 && sequence !== 0 && sequence <= lastSequence; sequence = store.next(sequence + 1, filter)) {
    const stored = await load(answering, sequence);
    if (stored === "unreadable") {
      filter?.release();
      return;
    }
    // Removed meanwhile, or set aside.
    if (stored === undefined) continue;
    left--;
    pending = Math.max(0, pending - 1);
    send(answering, stored, headersOf(stream, pending, last));
    last = sequence;
    bytes += size(stored);
    if (bytes >= most) break;
  }
  filter?.release();
  status(request, "204 EOB", [
    // As in nats-server, without headers nothing is counted down.
    [Header.numPending, asked.no_hdr ? total : pending],
    [Header.lastSequence, last],
  ]);
}

// The last message of each subject, where it is not before the sequence asked for. Always with headers, as in nats-server.
async function several(answering: Answering): Promise<void> {
  const { request, stream, asked } = answering;
  const { store } = stream;
  const filter = store.filter((asked.multi_last ?? []).map(wireSubject));
  let upTo = asked.up_to_seq > 0 ? asked.up_to_seq : store.state.lastSequence;
  if (asked.up_to_time !== undefined) {
    const after = store.firstSince(parseTime(asked.up_to_time) ?? 0n);
    upTo = after === 0 ? store.state.lastSequence : after - 1;
  }
  const all = upTo > store.state.lastSequence ? [] : store.lastPerSubject(filter, upTo);
  filter.release();
  if (all.length === 0) {
    status(request, "404 No Results");
    return;
  }
  const sequences = all.filter((sequence) => sequence >= asked.seq);
  const withHeaders = { ...answering, asked: { ...asked, no_hdr: false } };
  let pending = sequences.length;
  let last = 0;
  let bytes = 0;
  const most = mostBytes(answering);
  for (const sequence of sequences.slice(0, asked.batch > 0 ? asked.batch : sequences.length)) {
    const stored = await load(answering, sequence);
    if (stored === "unreadable") return;
    if (stored === undefined) continue;
    pending--;
    send(withHeaders, stored, headersOf(stream, pending, last));
    last = sequence;
    bytes += size(stored);
    if (bytes >= most) break;
  }
  status(request, "204 EOB", [
    [Header.numPending, pending],
    [Header.lastSequence, last],
    [Header.upToSequence, upTo],
  ]);
}

export const DIRECT_ROUTES: readonly DirectRoute[] = [
  { subject: "DIRECT.GET.*", handle: byRequest },
  { subject: "DIRECT.GET.*.>", handle: bySubject },
];
