// Messages of the server in its system account: JSON with facts about the sender, numbered.
import type { Account } from "../accounts/account.js";
import { stringifyExact } from "../protocol/json.js";
import type { Server } from "../server/server.js";

const NO_HEADERS = Buffer.alloc(0);

export class SystemPublisher {
  readonly account: Account;
  readonly #server: Server;

  constructor(server: Server, account: Account) {
    this.#server = server;
    this.account = account;
  }

  /** Who sends this message; each call counts as a message. */
  serverInfo(): object {
    return this.#server.eventSender();
  }

  /** Whether somebody wants messages of this subject (latin1): a subscriber in the account, or a verbose trace. */
  isWanted(subject: string, account = this.account): boolean {
    return this.#isTraced || account.sublist.hasInterest(subject);
  }

  get #isTraced(): boolean {
    const { logger, options } = this.#server;
    return logger.traceOn && options.traceVerbose;
  }

  /** Publishes in the system account, or in the account that is named. */
  send(
    subject: string,
    content: object | Uint8Array,
    headers: Uint8Array = NO_HEADERS,
    account: Account = this.account,
  ): void {
    const payload = content instanceof Uint8Array ? content : Buffer.from(stringifyExact(content));
    if (this.#isTraced) this.#trace(subject, headers.length + payload.length, payload);
    this.#server.publish(account, subject, "", headers, payload);
  }

  /** Publishes a request in the system account; answers go to `reply`. */
  ask(subject: string, reply: string, content: object): void {
    this.#server.publish(this.account, subject, reply, NO_HEADERS, Buffer.from(stringifyExact(content)));
  }

  #trace(subject: string, bytes: number, payload: Uint8Array): void {
    const { logger, options } = this.#server;
    logger.trace(`SYSTEM - <<- [PUB ${subject}  ${bytes}]`);
    const limit = options.maxTracedMsgBytes;
    const text = Buffer.from(payload).toString("utf8");
    logger.trace(
      `SYSTEM - <<- MSG_PAYLOAD: [${JSON.stringify(limit > 0 && text.length > limit ? `${text.slice(0, limit)}...` : text)}]`,
    );
  }
}
