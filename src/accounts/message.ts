// A message on its way through the server: views into the bytes that arrived. One instance is reused for everything that
// a connection publishes, so nobody may keep it beyond the call; who needs it longer copies.
import type { MessageTrace } from "./message-trace.js";

const NO_BYTES = Buffer.alloc(0);

export class Message {
  /** The subject it is delivered under, latin1. */
  subject = "";
  /** The same as bytes. */
  subjectBytes: Uint8Array = NO_BYTES;
  /** Of a consumer's message, which keeps the subject that it was stored by: the one that it is delivered to, latin1; else "". */
  deliveredTo = "";
  /** The control line that it came with, and where in it the reply subject and the size stand (reply empty: none). */
  line: Buffer = NO_BYTES;
  replyStart = 0;
  replyEnd = 0;
  /** What other servers of the cluster get in front of the reply subject: the way back to another cluster; empty for none. */
  wayBack: Uint8Array = NO_BYTES;
  /** The decimal text of the total size; echoed as the publisher wrote it. */
  sizeStart = 0;
  sizeEnd = 0;
  /** Headers and payload without the closing CR LF, which stands at `end` (two more bytes are always there). */
  body: Buffer = NO_BYTES;
  start = 0;
  end = 0;
  /** Bytes of `body` from `start` on that are headers; 0 for a message without. */
  headerBytes = 0;
  /**
   * True when `body` is an own copy that lives as long as it is referenced, so that large payloads can be handed to many
   * writers without copying; false when it is a view into a read chunk.
   */
  shared = false;
  /**
   * Names of the queue groups (latin1) that one member each is to get it of, as another server has chosen; undefined where
   * this server chooses: all that are interested.
   */
  queues: readonly string[] | undefined = undefined;
  /** The record of its way, if it is being traced. */
  trace: MessageTrace | undefined = undefined;

  get hasReply(): boolean {
    return this.replyEnd > this.replyStart;
  }

  get reply(): string {
    return this.line.toString("latin1", this.replyStart, this.replyEnd);
  }

  /** The header block, latin1; "" without headers. */
  get headerText(): string {
    return this.body.toString("latin1", this.start, this.start + this.headerBytes);
  }

  /** Headers and payload together. */
  get sizeBytes(): number {
    return this.end - this.start;
  }

  get payloadBytes(): number {
    return this.end - this.start - this.headerBytes;
  }

  /** Makes a large body shareable by copying it once; no effect when it already is. */
  share(): void {
    if (this.shared) return;
    const copy = Buffer.allocUnsafeSlow(this.end - this.start + 2);
    this.body.copy(copy, 0, this.start, this.end + 2);
    this.body = copy;
    this.end -= this.start;
    this.start = 0;
    this.shared = true;
  }

  /** Copies what it refers to in its line, since the line's buffer goes. */
  keepLine(): void {
    const { line, replyStart, replyEnd, sizeStart, sizeEnd } = this;
    const replyBytes = replyEnd - replyStart;
    const kept = Buffer.allocUnsafeSlow(replyBytes + sizeEnd - sizeStart);
    kept.set(line.subarray(replyStart, replyEnd), 0);
    kept.set(line.subarray(sizeStart, sizeEnd), replyBytes);
    this.line = kept;
    this.replyStart = 0;
    this.replyEnd = replyBytes;
    this.sizeStart = replyBytes;
    this.sizeEnd = kept.length;
  }

  /** The same message under another subject and, if given, with another reply subject ("" for none); who gets it is open again. */
  readdressed(subject: string, reply?: string): Message {
    const copy = new Message();
    copy.setSubject(subject);
    if (reply === undefined) {
      copy.line = this.line;
      copy.replyStart = this.replyStart;
      copy.replyEnd = this.replyEnd;
      copy.sizeStart = this.sizeStart;
      copy.sizeEnd = this.sizeEnd;
      copy.wayBack = this.wayBack;
    } else {
      copy.setLine(reply, this.sizeBytes);
    }
    copy.body = this.body;
    copy.start = this.start;
    copy.end = this.end;
    copy.headerBytes = this.headerBytes;
    copy.shared = this.shared;
    copy.trace = this.trace;
    return copy;
  }

  /** The same message with the headers given (a whole header block, or empty for none). */
  withHeaders(headers: Uint8Array): Message {
    const payload = this.body.subarray(this.start + this.headerBytes, this.end);
    const copy = Message.of(this.subject, this.reply, headers, payload);
    copy.wayBack = this.wayBack;
    copy.trace = this.trace;
    return copy;
  }

  /** A message made by the server itself. `subject` and `reply` are latin1, `reply` "" for none. */
  static of(subject: string, reply: string, headers: Uint8Array, payload: Uint8Array): Message {
    const message = new Message();
    message.setSubject(subject);
    const size = headers.length + payload.length;
    message.setLine(reply, size);
    message.body = Buffer.allocUnsafeSlow(size + 2);
    message.body.set(headers, 0);
    message.body.set(payload, headers.length);
    message.body[size] = 13;
    message.body[size + 1] = 10;
    message.end = size;
    message.headerBytes = headers.length;
    message.shared = true;
    return message;
  }

  /** A message from a store under its own subject: `body` is an own copy with CR LF at `end`, and nothing is copied. */
  static stored(
    subject: string,
    subjectBytes: Uint8Array,
    reply: string,
    { body, start, end, headerBytes }: Pick<Message, "body" | "start" | "end" | "headerBytes">,
  ): Message {
    const message = new Message();
    message.subject = subject;
    message.subjectBytes = subjectBytes;
    message.setLine(reply, end - start);
    message.body = body;
    message.start = start;
    message.end = end;
    message.headerBytes = headerBytes;
    message.shared = true;
    return message;
  }

  private setSubject(subject: string): void {
    this.subject = subject;
    this.subjectBytes = Buffer.from(subject, "latin1");
  }

  private setLine(reply: string, sizeBytes: number): void {
    this.line = Buffer.from(`${reply} ${sizeBytes}`, "latin1");
    this.replyStart = 0;
    this.replyEnd = reply.length;
    this.sizeStart = reply.length + 1;
    this.sizeEnd = this.line.length;
  }
}
