// Writes acknowledgements: JSON of which all but the sequence is known beforehand. Publishers wait for many of them, so that
// nothing is made for one but the text of its subject.
import type { Account } from "../../accounts/account.js";
import { Message } from "../../accounts/message.js";
import { writeDecimal } from "../../protocol/decimal.js";
import type { Router } from "../../server/router.js";

const SEQUENCE_DIGITS = 16;
const CLOSING_BRACE = 125;
const NO_BYTES: Buffer = Buffer.alloc(0);
/** The decimal texts of the sizes that bodies have. */
const sizes: Buffer[] = [];

export class AckWriter {
  readonly #router: Router;
  // The message path is synchronous: one message serves all.
  readonly #message = new Message();
  #prefix = "";
  #busy = false;

  constructor(router: Router) {
    this.#router = router;
  }

  /** Sends `prefix`, the sequence and a closing brace to `reply` (both latin1). */
  send(account: Account, reply: string, prefix: string, sequence: number): void {
    // An acknowledgement may itself be stored, and lead to another one.
    if (this.#busy) {
      const text = Buffer.from(`${prefix}${sequence}}`, "latin1");
      this.#router.publish(account, Message.of(reply, "", NO_BYTES, text), undefined);
      return;
    }
    this.#busy = true;
    try {
      this.#fill(reply, prefix, sequence);
      this.#router.deliver(account.sublist.matchOnce(reply), this.#message, undefined);
    } finally {
      this.#busy = false;
    }
  }

  #fill(reply: string, prefix: string, sequence: number): void {
    const message = this.#message;
    if (this.#prefix !== prefix) {
      this.#prefix = prefix;
      const most = prefix.length + SEQUENCE_DIGITS + 3;
      if (message.body.length < most) message.body = Buffer.alloc(most);
      for (let i = 0; i < prefix.length; i++) message.body[i] = prefix.charCodeAt(i);
    }
    const { body } = message;
    let end = writeDecimal(body, prefix.length, sequence);
    body[end++] = CLOSING_BRACE;
    body[end] = 13;
    body[end + 1] = 10;
    message.end = end;
    sizes[end] ??= Buffer.from(String(end));
    message.line = sizes[end];
    message.sizeEnd = sizes[end].length;
    message.subject = reply;
    if (message.subjectBytes.length !== reply.length) message.subjectBytes = Buffer.alloc(reply.length);
    const { subjectBytes } = message;
    for (let i = 0; i < reply.length; i++) subjectBytes[i] = reply.charCodeAt(i);
  }
}
