// The message that a consumer delivers next: one for all, as the message path is synchronous and nobody keeps it.
import { Message } from "../accounts/message.js";
import type { StoredMessage } from "./store/store.js";

const FIRST_BYTES = 256;
const SIZE_BYTES = 24;

export class DeliveryWriter {
  readonly message = new Message();

  constructor() {
    this.message.line = Buffer.alloc(FIRST_BYTES);
    this.message.shared = true;
  }

  /** Makes it the stored message under a reply subject (latin1), with these headers and payload; `body` is shared. */
  write(stored: StoredMessage, ack: string, body: Buffer, start: number, end: number, headerBytes: number): void {
    const { message } = this;
    message.subject = stored.subject;
    message.subjectBytes = stored.subjectBytes;
    if (message.line.length < ack.length + SIZE_BYTES) message.line = Buffer.alloc(2 * ack.length + SIZE_BYTES);
    message.replyEnd = ack.length;
    message.sizeStart = ack.length + 1;
    message.sizeEnd = (message.line as Buffer).write(`${ack} ${end - start}`, 0, "latin1");
    message.body = body;
    message.start = start;
    message.end = end;
    message.headerBytes = headerBytes;
    message.shared = true;
    message.queues = undefined;
    message.trace = undefined;
  }
}
