// Writes stored messages as answers under headers of their own. Clients wait for many of them, so that all are put together in
// the same buffers.
import type { Account } from "../accounts/account.js";
import { Message } from "../accounts/message.js";
import type { Router } from "../server/router.js";

/** Longer answers are made in a buffer of their own, which is then not copied for each of those who get it. */
const LONGEST_BYTES = 32 * 1024;
const LONGEST_REUSED_SUBJECT_BYTES = 255;
const CR = 13;
const LF = 10;

export class AnswerWriter {
  readonly #router: Router;
  // The message path is synchronous: one message serves all.
  readonly #message = new Message();
  readonly #line = Buffer.alloc(8);
  readonly #subjects: Buffer[] = [];
  #busy = false;

  constructor(router: Router) {
    this.#router = router;
    this.#message.body = Buffer.alloc(LONGEST_BYTES + 2);
    this.#message.line = this.#line;
  }

  /** Sends a header block ("" for none) and `body` from `start` to `end` to `reply`; texts are latin1. */
  send(account: Account, reply: string, headers: string, body: Buffer, start: number, end: number): void {
    const size = headers.length + end - start;
    // An answer may itself be stored, and lead to another one.
    if (this.#busy || size > LONGEST_BYTES) {
      const message = Message.of(reply, "", Buffer.from(headers, "latin1"), body.subarray(start, end));
      this.#router.publish(account, message, undefined);
      return;
    }
    this.#busy = true;
    try {
      const message = this.#message;
      message.body.write(headers, 0, "latin1");
      body.copy(message.body, headers.length, start, end);
      message.body[size] = CR;
      message.body[size + 1] = LF;
      message.end = size;
      message.headerBytes = headers.length;
      message.sizeEnd = this.#line.write(String(size), 0, "latin1");
      message.subject = reply;
      message.subjectBytes = this.#bytesOf(reply);
      this.#router.deliver(account.sublist.matchOnce(reply), message, undefined);
    } finally {
      this.#busy = false;
    }
  }

  // In a buffer for each length.
  #bytesOf(subject: string): Buffer {
    if (subject.length > LONGEST_REUSED_SUBJECT_BYTES) return Buffer.from(subject, "latin1");
    this.#subjects[subject.length] ??= Buffer.alloc(subject.length);
    const bytes = this.#subjects[subject.length];
    for (let i = 0; i < subject.length; i++) bytes[i] = subject.charCodeAt(i);
    return bytes;
  }
}
