// Answers to the publishers of a stream.
import { stringifyExact } from "../../protocol/json.js";
import type { AckSender } from "../consumers/ack-queue.js";
import { ApiError } from "../errors.js";
import type { JetStreamAccount } from "../js-account.js";
import type { StoreError } from "../store/errors.js";
import type { Stored } from "./intake.js";
import type { Stream } from "./stream.js";

export class PublishAcks implements AckSender {
  readonly #stream: Stream;
  readonly #account: JetStreamAccount;
  /** Latin1, as one string lies in one place. */
  #prefix: string | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#account = stream.account;
  }

  /** Answers once the message is durable. */
  add(reply: string, stored: Stored): void {
    if (this.#stream.acksLazily) this.#send(reply, stored);
    else this.#account.js.ackQueue.add(this, reply, stored);
  }

  settle(reply: string, stored: Stored, error: StoreError | undefined): void {
    if (error === undefined) this.#send(reply, stored);
    else this.#stream.refuse(reply, error);
  }

  #send(reply: string, { sequence, duplicate, value }: Stored): void {
    const { js, account } = this.#account;
    this.#prefix ??= this.#begin();
    if (!duplicate && value === undefined) {
      js.ackWriter.send(account, reply, this.#prefix, sequence);
      return;
    }
    let text = `${this.#prefix}${sequence}`;
    if (duplicate) text += ',"duplicate":true';
    if (value !== undefined) text += `,"val":"${value}"`;
    js.send(account, reply, Buffer.from(`${text}}`, "latin1"));
  }

  #begin(): string {
    const { domain } = this.#account.js;
    const name = stringifyExact(this.#stream.name);
    const text = `{"stream":${name},${domain === undefined ? "" : `"domain":${stringifyExact(domain)},`}"seq":`;
    return Buffer.from(text).toString("latin1");
  }
}

/** The text of an answer to a batch. */
export function batchAck(stream: Stream, sequence: number, batch: string, count: number, value?: string): Buffer {
  const { domain } = stream.account.js;
  return Buffer.from(stringifyExact({ stream: stream.name, domain, seq: sequence, val: value, batch, count }));
}

/** The error of a store as clients get it. */
export const storeFailure = (error: StoreError): ApiError => new ApiError("storeFailed", { text: error.message });
