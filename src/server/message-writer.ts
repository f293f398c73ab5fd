// MSG and HMSG as clients get them, written into an outbox
// (https://docs.nats.io/reference/reference-protocols/nats-protocol#msg).
import type { Message } from "../accounts/message.js";
import type { Subscription } from "../accounts/subscription.js";
import { copyWords, viewOf } from "../protocol/words.js";
import { addressOf, copyMemory, ELSEWHERE } from "../runtime/copied-memory.js";
import { LARGE_CHUNK_BYTES, REFERENCED_PAYLOAD_BYTES } from "./limits.js";
import type { Outbox } from "./outbox.js";

/** Payloads up to this size are copied by words, which is faster than any call. */
const COPIED_BY_WORDS_BYTES = 64;
/** ... and up to this size, where the memories of both are not known to be one. */
const COPIED_APART_BY_WORDS_BYTES = 256;
/** The verb, the digits of two sizes and the separators of a line. */
const LINE_EXTRA_BYTES = 40;

/**
 * Appends the message for one subscription. Without `withHeaders` its headers are left out.
 * Returns the bytes of headers and payload that were written.
 */
export function writeMessage(
  outbox: Outbox,
  subscription: Subscription,
  message: Message,
  withHeaders: boolean,
): number {
  const { subjectBytes, line, replyStart, replyEnd, body, end } = message;
  const sid = subscription.sidBytes;
  const asHeaders = withHeaders && message.headerBytes > 0;
  const start = asHeaders ? message.start : message.start + message.headerBytes;
  const bytes = end - start;
  const lineBytes = subjectBytes.length + sid.length + replyEnd - replyStart + LINE_EXTRA_BYTES;
  if (lineBytes > LARGE_CHUNK_BYTES) {
    writeLongLine(outbox, subscription, message, asHeaders, bytes);
    outbox.append(body, start, end + 2);
    return bytes;
  }
  const chunk = reserveMessage(outbox, message, start, lineBytes);
  let at = outbox.position;
  if (asHeaders) chunk[at++] = 72;
  chunk[at] = 77;
  chunk[at + 1] = 83;
  chunk[at + 2] = 71;
  chunk[at + 3] = 32;
  at += 4;
  for (let i = 0; i < subjectBytes.length; i++) chunk[at++] = subjectBytes[i];
  chunk[at++] = 32;
  for (let i = 0; i < sid.length; i++) chunk[at++] = sid[i];
  chunk[at++] = 32;
  if (replyEnd > replyStart) {
    for (let i = replyStart; i < replyEnd; i++) chunk[at++] = line[i];
    chunk[at++] = 32;
  }
  if (asHeaders) {
    at = writeNumber(chunk, at, message.headerBytes);
    chunk[at++] = 32;
    at = writeNumber(chunk, at, bytes);
  } else if (start !== message.start) at = writeNumber(chunk, at, bytes);
  else for (let i = message.sizeStart; i < message.sizeEnd; i++) chunk[at++] = line[i];
  chunk[at] = 13;
  chunk[at + 1] = 10;
  at += 2;
  appendBody(outbox, message, start, at);
  return bytes;
}

/** Makes room for the line, and for the body from `start` on where that is copied with it. Returns the chunk to write into. */
export function reserveMessage(outbox: Outbox, message: Message, start: number, lineBytes: number): Buffer {
  const bytes = message.end - start;
  const whole = lineBytes + bytes + 2;
  outbox.reserve(isReferenced(message, bytes) || whole > LARGE_CHUNK_BYTES ? lineBytes : whole);
  return outbox.chunk;
}

/** Appends the body from `start` on, CR LF included, behind a line that ends at `at` of the reserved chunk. */
export function appendBody(outbox: Outbox, message: Message, start: number, at: number): void {
  const { body, end } = message;
  const { chunk } = outbox;
  const bytes = end - start;
  const after = at + bytes + 2;
  if (isReferenced(message, bytes)) {
    outbox.position = at;
    outbox.reference(body.subarray(start, end + 2));
  } else if (bytes <= COPIED_BY_WORDS_BYTES || (bytes <= COPIED_APART_BY_WORDS_BYTES && isApart(outbox, body))) {
    if (bytes >= 2) copyWords(viewOf(body), start, outbox.view, at, bytes + 2);
    else for (let i = 0; i < bytes + 2; i++) chunk[at + i] = body[start + i];
    outbox.position = after;
  } else if (outbox.address !== ELSEWHERE && addressOf(body) !== ELSEWHERE && after <= chunk.length) {
    copyMemory(outbox.address + at, addressOf(body) + start, bytes + 2);
    outbox.position = after;
  } else {
    outbox.position = at;
    outbox.append(body, start, end + 2);
  }
}

function isApart({ address }: Outbox, body: Buffer): boolean {
  return address === ELSEWHERE || addressOf(body) === ELSEWHERE;
}

function isReferenced(message: Message, bytes: number): boolean {
  return message.shared && bytes >= REFERENCED_PAYLOAD_BYTES;
}

// Subjects that fill a whole chunk are possible where max_control_line was raised.
function writeLongLine(
  outbox: Outbox,
  subscription: Subscription,
  message: Message,
  asHeaders: boolean,
  bytes: number,
): void {
  const reply = message.hasReply ? `${message.reply} ` : "";
  const sizes = asHeaders ? `${message.headerBytes} ${bytes}` : String(bytes);
  const verb = asHeaders ? "HMSG" : "MSG";
  const line = Buffer.from(`${verb} ${message.subject} ${subscription.sid} ${reply}${sizes}\r\n`, "latin1");
  outbox.append(line, 0, line.length);
}

/** Writes decimal digits; returns where they end. */
export function writeNumber(chunk: Buffer, at: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++;
  for (let i = at + digits - 1, rest = value; i >= at; i--) {
    chunk[i] = 48 + (rest % 10);
    rest = (rest / 10) | 0;
  }
  return at + digits;
}
