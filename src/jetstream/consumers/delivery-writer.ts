// The message that a consumer delivers next: one for all, as the message path is synchronous and nobody keeps it. Its reply
// subject is written as bytes behind what all of a consumer have in common.
import { Message } from "../../accounts/message.js";
import { writeDecimal, writeDigits } from "../../protocol/decimal.js";
import type { StoredMessage } from "../store/store.js";

/** Five numbers of a reply subject and a size, each with what separates it. */
const NUMBERS_BYTES = 6 * 20;
const DOT = 46;
const BLANK = 32;

export class DeliveryWriter {
  readonly message = new Message();
  #prefix = "";

  /** What all reply subjects begin with (latin1). */
  set prefix(prefix: string) {
    const { message } = this;
    this.#prefix = prefix;
    message.line = Buffer.alloc(prefix.length + NUMBERS_BYTES);
    message.line.write(prefix, 0, "latin1");
  }

  /** Writes the reply subject `<prefix><deliveries>.<sequence>.<consumer sequence>.<ns>.<pending>`; gives its length. */
  reply(stored: StoredMessage, deliveries: number, consumerSequence: number, pending: number): number {
    const { message } = this;
    const line = message.line as Buffer;
    let at = writeDecimal(line, this.#prefix.length, deliveries);
    line[at] = DOT;
    at = writeDecimal(line, at + 1, stored.sequence);
    line[at] = DOT;
    at = writeDecimal(line, at + 1, consumerSequence);
    line[at] = DOT;
    at = writeDecimal(line, at + 1, stored.seconds);
    at = writeDigits(line, at, stored.nanoseconds, 9);
    line[at] = DOT;
    at = writeDecimal(line, at + 1, pending);
    line[at] = BLANK;
    message.replyEnd = at;
    return at;
  }

  /** Makes it the stored message behind the reply subject that was written, with these headers and payload; `body` is shared. */
  content(stored: StoredMessage, body: Buffer, start: number, end: number, headerBytes: number): void {
    const { message } = this;
    if (!hasSubject(stored, message.subjectBytes)) {
      message.subject = stored.subject;
      message.subjectBytes = Buffer.from(stored.subject, "latin1");
    }
    message.sizeStart = message.replyEnd + 1;
    message.sizeEnd = writeDecimal(message.line, message.sizeStart, end - start);
    message.body = body;
    message.start = start;
    message.end = end;
    message.headerBytes = headerBytes;
    message.shared = true;
    message.queues = undefined;
    message.trace = undefined;
  }
}

// Messages of one subject tend to come together.
function hasSubject({ body, subjectStart, start }: StoredMessage, bytes: Uint8Array): boolean {
  if (start - subjectStart !== bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) if (body[subjectStart + i] !== bytes[i]) return false;
  return true;
}
