// Writes stored messages as answers, under headers that say where they come from. Clients wait for many of them, so that all are
// put together in the same memory and nothing is made for one.
import type { Account } from "../../accounts/account.js";
import { Message } from "../../accounts/message.js";
import { writeDecimal } from "../../protocol/decimal.js";
import { copyBytes, copyWords } from "../../protocol/words.js";
import { takeMemory } from "../../runtime/copied-memory.js";
import type { Router } from "../../server/router.js";
import type { StoredMessage } from "../store/store.js";
import { Header } from "../streams/publish-headers.js";
import { TimeWriter } from "../time.js";

/** Longer answers are made in a buffer of their own, which is then not copied for each of those who get it. */
const LONGEST_BYTES = 32 * 1024;
const LONGEST_REUSED_SUBJECT_BYTES = 255;
const SEQUENCE_DIGITS = 16;
const CR = 13;
const LF = 10;

/** A text that is the same in all answers. */
class Piece {
  readonly length: number;
  readonly #view: DataView;

  constructor(text: string) {
    const bytes = Buffer.from(text, "latin1");
    this.length = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Returns where it ends. */
  write(into: DataView, at: number): number {
    copyWords(this.#view, 0, into, at, this.length);
    return at + this.length;
  }
}

const VERSION = new Piece("NATS/1.0\r\n");
const STREAM = new Piece(`${Header.stream}: `);
const SUBJECT = new Piece(`\r\n${Header.subject}: `);
const SEQUENCE = new Piece(`\r\n${Header.sequence}: `);
const TIME_STAMP = new Piece(`\r\n${Header.timeStamp}: `);
const LINE_ENDS = 6;
/** What the headers have at the most besides names, subjects and headers of the message. */
const HEADERS_BYTES =
  [VERSION, STREAM, SUBJECT, SEQUENCE, TIME_STAMP].reduce((sum, { length }) => sum + length, 0) +
  SEQUENCE_DIGITS +
  TimeWriter.maxBytes +
  LINE_ENDS;

/** What an answer says besides the message. */
export interface AnswerHeaders {
  /** Latin1. */
  readonly streamName: string;
  /** Further header lines, each with its CR LF, latin1. */
  readonly more: string;
}

// The message path is synchronous: one message serves all servers of this thread, and lies where its bytes are copied best.
const shared = new Message();
shared.body = takeMemory(LONGEST_BYTES);
shared.line = Buffer.alloc(8);
const sharedView = new DataView(shared.body.buffer, shared.body.byteOffset, LONGEST_BYTES);
const subjects: Buffer[] = [];
const times = new TimeWriter();
let isBusy = false;

export class AnswerWriter {
  readonly #router: Router;

  constructor(router: Router) {
    this.#router = router;
  }

  /** Sends a stored message to `reply` (latin1); without `headers` its payload alone. */
  send(account: Account, reply: string, stored: StoredMessage, headers: AnswerHeaders | undefined): void {
    const ownBytes = headers === undefined ? 0 : HEADERS_BYTES + headers.streamName.length + headers.more.length;
    const most = ownBytes + stored.end - stored.subjectStart + 2;
    // An answer may itself be stored, and lead to another one.
    if (isBusy || most > LONGEST_BYTES) {
      const message = new Message();
      message.body = Buffer.allocUnsafeSlow(most);
      message.line = Buffer.alloc(8);
      message.shared = true;
      fill(message, new DataView(message.body.buffer), stored, headers);
      message.subject = reply;
      message.subjectBytes = Buffer.from(reply, "latin1");
      this.#router.publish(account, message, undefined);
      return;
    }
    isBusy = true;
    try {
      fill(shared, sharedView, stored, headers);
      shared.subject = reply;
      shared.subjectBytes = bytesOf(reply);
      this.#router.deliver(account.sublist.matchOnce(reply), shared, undefined);
    } finally {
      isBusy = false;
    }
  }
}

function fill(message: Message, view: DataView, stored: StoredMessage, headers: AnswerHeaders | undefined): void {
  const { body } = message;
  const payloadStart = stored.start + stored.headerBytes;
  const headerBytes = headers === undefined ? 0 : writeHeaders(body, view, stored, headers);
  let end = headerBytes;
  copyBytes(stored.body, payloadStart, stored.end, body, view, end);
  end += stored.end - payloadStart;
  body[end] = CR;
  body[end + 1] = LF;
  message.end = end;
  message.headerBytes = headerBytes;
  message.sizeEnd = writeDecimal(message.line, 0, end);
}

function writeHeaders(into: Buffer, view: DataView, stored: StoredMessage, headers: AnswerHeaders): number {
  const { body, subjectStart, start, headerBytes } = stored;
  let at = 0;
  if (headerBytes === 0) at = VERSION.write(view, 0);
  else {
    // All but the empty line at their end.
    at = Math.max(0, headerBytes - 2);
    copyBytes(body, start, start + at, into, view, 0);
  }
  at = writeText(into, STREAM.write(view, at), headers.streamName);
  at = SUBJECT.write(view, at);
  copyBytes(body, subjectStart, start, into, view, at);
  at = SEQUENCE.write(view, at + start - subjectStart);
  at = TIME_STAMP.write(view, writeDecimal(into, at, stored.sequence));
  at = times.write(into, at, stored.seconds, stored.nanoseconds);
  into[at++] = CR;
  into[at++] = LF;
  at = writeText(into, at, headers.more);
  into[at++] = CR;
  into[at++] = LF;
  return at;
}

function writeText(into: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i);
  return at + text.length;
}

// In a buffer for each length.
function bytesOf(subject: string): Buffer {
  if (subject.length > LONGEST_REUSED_SUBJECT_BYTES) return Buffer.from(subject, "latin1");
  subjects[subject.length] ??= Buffer.alloc(subject.length);
  const bytes = subjects[subject.length];
  writeText(bytes, 0, subject);
  return bytes;
}
