// RMSG, HMSG and LMSG as other servers get them, written into an outbox (conformance/topology, WIRE.md 2.4 and 4.3).
import type { Message } from "../../accounts/message.js";
import { LARGE_CHUNK_BYTES, MOST_PEER_QUEUES, PEER_LINE_BYTES } from "../limits.js";
import { appendBody, reserveMessage, writeNumber } from "../message-writer.js";
import type { Outbox } from "../outbox.js";

/** The beginning of lines for one account on one link: verb, and account where the link is not bound to one. */
export interface PeerPrefix {
  readonly plain: Uint8Array;
  readonly withHeaders: Uint8Array;
  /** Whether the header size always stands, 0 without headers (LMSG over routes). */
  readonly alwaysHeaderSize: boolean;
}

/** @param address what follows the verb: "" or names, each with a blank behind it (latin1) */
export function peerPrefix(plain: string, withHeaders: string, address: string, alwaysHeaderSize = false): PeerPrefix {
  return {
    plain: Buffer.from(`${plain} ${address}`, "latin1"),
    withHeaders: Buffer.from(`${withHeaders} ${address}`, "latin1"),
    alwaysHeaderSize,
  };
}

/** The verb, the digits of two sizes and the separators of a line. */
const LINE_EXTRA_BYTES = 40;
const NOTHING = new Uint8Array(0);
const CR = 13;
const LF = 10;
const BLANK = 32;
const BAR = 124;
const PLUS = 43;
const AT = 64;

/**
 * Appends the message for another server. Without `withHeaders` its headers are left out. The last two stand in front of
 * the subject and of the reply subject, where there is one. Groups beyond what the other side reads in one line are left out.
 * Returns the bytes of headers and payload that were written.
 */
export function writePeerMessage(
  outbox: Outbox,
  prefix: PeerPrefix,
  message: Message,
  queues: readonly string[],
  withHeaders: boolean,
  beforeSubject: Uint8Array = NOTHING,
  beforeReply: Uint8Array = NOTHING,
): number {
  // Servers tell each other of a consumer's message by the subject that it is delivered to; its own follows the reply.
  const { subjectBytes, line, replyStart, replyEnd, deliveredTo } = message;
  const crosses = deliveredTo !== "";
  const asHeaders = withHeaders && message.headerBytes > 0;
  const start = asHeaders ? message.start : message.start + message.headerBytes;
  const bytes = message.end - start;
  const verb = asHeaders ? prefix.withHeaders : prefix.plain;
  let lineBytes = verb.length + beforeSubject.length + subjectBytes.length + LINE_EXTRA_BYTES;
  lineBytes += beforeReply.length + replyEnd - replyStart + deliveredTo.length;
  for (const queue of queues) lineBytes += queue.length + 1;
  if (lineBytes > LARGE_CHUNK_BYTES || queues.length > MOST_PEER_QUEUES) {
    writeLongLine(outbox, verb, crosses ? crossing(message) : message, queues, {
      asHeaders,
      prefix,
      bytes,
      beforeSubject,
      beforeReply,
    });
    outbox.append(message.body, start, message.end + 2);
    return bytes;
  }
  const chunk = reserveMessage(outbox, message, start, lineBytes);
  let at = outbox.position;
  for (let i = 0; i < verb.length; i++) chunk[at++] = verb[i];
  for (let i = 0; i < beforeSubject.length; i++) chunk[at++] = beforeSubject[i];
  if (crosses) for (let i = 0; i < deliveredTo.length; i++) chunk[at++] = deliveredTo.charCodeAt(i);
  else for (let i = 0; i < subjectBytes.length; i++) chunk[at++] = subjectBytes[i];
  chunk[at++] = BLANK;
  if (queues.length > 0) {
    chunk[at++] = replyEnd > replyStart ? PLUS : BAR;
    chunk[at++] = BLANK;
  }
  if (replyEnd > replyStart) {
    for (let i = 0; i < beforeReply.length; i++) chunk[at++] = beforeReply[i];
    for (let i = replyStart; i < replyEnd; i++) chunk[at++] = line[i];
    if (crosses) {
      chunk[at++] = AT;
      for (let i = 0; i < subjectBytes.length; i++) chunk[at++] = subjectBytes[i];
    }
    chunk[at++] = BLANK;
  }
  for (const queue of queues) {
    at += chunk.write(queue, at, "latin1");
    chunk[at++] = BLANK;
  }
  if (asHeaders || prefix.alwaysHeaderSize) {
    at = writeNumber(chunk, at, asHeaders ? message.headerBytes : 0);
    chunk[at++] = BLANK;
  }
  at = writeNumber(chunk, at, bytes);
  chunk[at++] = CR;
  chunk[at++] = LF;
  appendBody(outbox, message, start, at);
  return bytes;
}

interface LongLine {
  readonly asHeaders: boolean;
  readonly prefix: PeerPrefix;
  readonly bytes: number;
  readonly beforeSubject: Uint8Array;
  readonly beforeReply: Uint8Array;
}

// Anybody may subscribe with many groups of long names: that must not cost the others their link.
function writeLongLine(
  outbox: Outbox,
  verb: Uint8Array,
  message: Message,
  queues: readonly string[],
  { asHeaders, prefix, bytes, beforeSubject, beforeReply }: LongLine,
): void {
  const text = (part: Uint8Array): string => Buffer.from(part).toString("latin1");
  const subject = `${text(verb)}${text(beforeSubject)}${text(message.subjectBytes)} `;
  const reply = message.hasReply ? `${text(beforeReply)}${message.reply} ` : "";
  const named: string[] = [];
  let left = PEER_LINE_BYTES - subject.length - reply.length - LINE_EXTRA_BYTES;
  for (const queue of queues.slice(0, MOST_PEER_QUEUES)) {
    left -= queue.length + 1;
    if (left < 0) break;
    named.push(queue);
  }
  const mark = named.length === 0 ? "" : reply === "" ? "| " : "+ ";
  const groups = named.map((queue) => `${queue} `).join("");
  const headerSize = asHeaders || prefix.alwaysHeaderSize ? `${asHeaders ? message.headerBytes : 0} ` : "";
  const line = Buffer.from(`${subject}${mark}${reply}${groups}${headerSize}${bytes}\r\n`, "latin1");
  outbox.append(line, 0, line.length);
}

function crossing(message: Message): Message {
  return message.readdressed(message.deliveredTo, `${message.reply}@${message.subject}`);
}
