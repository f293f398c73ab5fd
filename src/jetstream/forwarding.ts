// Requests that the server which decides may not hear, because nobody has logged in to their account there: they are sent to
// it between the servers, until it says that it hears those of the account.
import { Message } from "../accounts/message.js";
import type { AskedDirectly } from "./answering.js";
import type { Api } from "./api.js";
import type { JetStream } from "./jetstream.js";
import type { PeerMessage, PeerSender } from "./peer-channel.js";
import type { Peers } from "./peers.js";

const NO_BYTES = Buffer.alloc(0);
/** After this long the other servers know of its interest. */
const INTEREST_MS = 250;
const MOST_ACCOUNTS = 100_000;

interface Forwarded {
  readonly account: string;
  readonly rest: string;
  readonly subject: string;
  readonly reply: string;
  /** In base64. */
  readonly payload: string;
}

export class Forwarding {
  readonly #js: JetStream;
  readonly #peers: Peers;
  readonly #api: Api;
  /** By account, the id of the server that hears its requests. */
  readonly #hearing = new Map<string, string>();
  /** Accounts that this server hears, and the monotonic time since which. */
  readonly #heardSince = new Map<string, number>();

  constructor(js: JetStream, peers: Peers, api: Api) {
    this.#js = js;
    this.#peers = peers;
    this.#api = api;
  }

  /** A request of a client of this server is to be answered by the one that decides. */
  consider({ account, rest }: AskedDirectly, subject: string, reply: string, payload: Uint8Array): void {
    const { coordinatorId: decides } = this.#peers;
    if (this.#js.server.operatorMode === undefined || decides === undefined || reply === "") return;
    if (this.#hearing.get(account.name) === decides) return;
    const forwarded: Forwarded = {
      account: account.name,
      rest,
      subject,
      reply,
      payload: Buffer.from(payload).toString("base64"),
    };
    this.#peers.tell(decides, { kind: "forward", ...forwarded });
  }

  heard({ id }: PeerSender, message: PeerMessage): void {
    if (message.kind === "forward") void this.#answer(id, message as unknown as Forwarded);
    else {
      if (this.#hearing.size >= MOST_ACCOUNTS) this.#hearing.clear();
      this.#hearing.set(String(message["account"]), id);
    }
  }

  async #answer(from: string, { account: name, rest, subject, reply, payload }: Forwarded): Promise<void> {
    const nowMs = this.#js.server.runtime.clock.monotonicMs();
    const sinceMs = this.#heardSince.get(name) ?? nowMs;
    this.#heardSince.set(name, sinceMs);
    const opened = await this.#js.loading.load(name);
    if (opened === undefined) this.#heardSince.delete(name);
    const account = this.#js.server.accounts.get(name);
    if (account === undefined) return;
    const hears = (): void => this.#peers.tell(from, { kind: "hears", account: name });
    if (nowMs - sinceMs > INTEREST_MS) {
      hears();
      return;
    }
    this.#api.handle(account, rest, Message.of(subject, reply, NO_BYTES, Buffer.from(payload, "base64")), undefined);
    this.#js.after(INTEREST_MS, hears);
  }
}
