// Answers to publishers: gathered per ticket, and sent when what they state is durable.
import { stringifyExact } from "../protocol/json.js";
import { ApiError } from "./errors.js";
import type { StoreError } from "./store/errors.js";
import type { CommitWaiter, Ticket } from "./store/store.js";
import type { Stored, Stream } from "./stream.js";

interface Group {
  readonly ticket: Ticket;
  readonly replies: string[];
  readonly acks: Stored[];
}

export class PublishAcks implements CommitWaiter {
  readonly #stream: Stream;
  readonly #waiting: Group[] = [];
  #prefix: Buffer | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Answers once the message is durable. */
  add(reply: string, stored: Stored): void {
    const { ticket } = stored;
    const { js } = this.#stream.account;
    const { commits } = js.storage;
    if (ticket <= commits.durable || this.#stream.config.persist_mode === "async") {
      this.#send(reply, stored);
      return;
    }
    const last = this.#waiting[this.#waiting.length - 1];
    if (last !== undefined && last.ticket === ticket) {
      last.replies.push(reply);
      last.acks.push(stored);
      return;
    }
    this.#waiting.push({ ticket, replies: [reply], acks: [stored] });
    commits.whenDurable(ticket, this);
  }

  committed(ticket: Ticket, error: StoreError | undefined): void {
    const waiting = this.#waiting;
    while (waiting.length > 0 && waiting[0].ticket <= ticket) {
      const { replies, acks } = waiting.shift() as Group;
      for (let at = 0; at < replies.length; at++) {
        if (error === undefined) this.#send(replies[at], acks[at]);
        else this.#stream.refuse(replies[at], error);
      }
    }
  }

  #send(reply: string, { sequence, duplicate, value }: Stored): void {
    const { js, account } = this.#stream.account;
    this.#prefix ??= this.#begin();
    if (!duplicate && value === undefined) {
      js.acks.send(account, reply, this.#prefix, sequence);
      return;
    }
    let text = `${this.#prefix}${sequence}`;
    if (duplicate) text += ',"duplicate":true';
    if (value !== undefined) text += `,"val":"${value}"`;
    js.send(account, reply, Buffer.from(`${text}}`));
  }

  #begin(): Buffer {
    const { domain } = this.#stream.account.js;
    const name = stringifyExact(this.#stream.name);
    return Buffer.from(`{"stream":${name},${domain === undefined ? "" : `"domain":${stringifyExact(domain)},`}"seq":`);
  }
}

/** The text of an answer to a batch. */
export function batchAck(stream: Stream, sequence: number, batch: string, count: number, value?: string): Buffer {
  const { domain } = stream.account.js;
  return Buffer.from(stringifyExact({ stream: stream.name, domain, seq: sequence, val: value, batch, count }));
}

/** The error of a store as clients get it. */
export const storeFailure = (error: StoreError): ApiError => new ApiError("storeFailed", { text: error.message });
