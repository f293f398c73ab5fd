// The API of the natsnode servers with JetStream, for clients of one without: it sends requests to those that do not hear their
// account, which nobody may have logged in to there.
import type { Account } from "../../accounts/account.js";
import type { Message } from "../../accounts/message.js";
import { type DeliveryTarget, InterestSource, Subscription } from "../../accounts/subscription.js";
import type { Server } from "../../server/server.js";
import { Forwarding } from "./forwarding.js";
import type { PeerMessage, PeerSender } from "./peer-channel.js";

/** They say something every second. */
const SILENT_MS = 7000;
const MOST_SERVERS = 1000;

interface Heard {
  readonly sender: PeerSender;
  readonly heardMs: number;
}

export class FarApi {
  readonly #server: Server;
  readonly #forwarding: Forwarding;
  readonly #servers = new Map<string, Heard>();
  readonly #subscriptions: { readonly account: Account; readonly subscription: Subscription }[] = [];
  readonly #prefixes = new Set<string>();

  /** @param tell sends a message to a server, by its id */
  constructor(server: Server, tell: (serverId: string, message: PeerMessage) => void) {
    this.#server = server;
    this.#forwarding = new Forwarding(server, tell);
  }

  /** A natsnode with JetStream says something. */
  heard(from: PeerSender, message: PeerMessage): void {
    if (message.kind === "bye") {
      this.heardOfEnd(from.id);
      return;
    }
    if (message.kind === "hears") this.#forwarding.heard(from, String(message["account"]));
    const isNew = !this.#servers.has(from.id);
    if (isNew && this.#servers.size >= MOST_SERVERS) return;
    this.#servers.set(from.id, { sender: from, heardMs: this.#nowMs });
    if (isNew) for (const prefix of prefixesFor(from)) this.#add(prefix);
  }

  heardOfEnd(serverId: string): void {
    this.#servers.delete(serverId);
    this.#forwarding.forget(serverId);
  }

  accountAdded(account: Account): void {
    for (const prefix of this.#prefixes) this.#serve(account, prefix);
  }

  close(): void {
    for (const { account, subscription } of this.#subscriptions) account.removeInterest(subscription);
  }

  #add(prefix: string): void {
    // Other accounts are everywhere from the beginning, and so is their interest.
    if (this.#server.operatorMode === undefined || this.#prefixes.has(prefix)) return;
    this.#prefixes.add(prefix);
    for (const account of [...this.#server.accounts.all()]) this.#serve(account, prefix);
  }

  #serve(account: Account, prefix: string): void {
    if (account === this.#server.accounts.system) return;
    const target: DeliveryTarget = {
      echo: true,
      deliver: (_, message, source) => this.#forward(account, prefix, message, source),
    };
    const subscription = new Subscription(`${prefix}>`, undefined, "", target, { source: InterestSource.import });
    account.addInterest(subscription);
    this.#subscriptions.push({ account, subscription });
  }

  #forward(account: Account, prefix: string, message: Message, source: DeliveryTarget | undefined): boolean {
    if (source?.peer !== undefined || message.trace?.only || !message.hasReply) return false;
    const { body, start, headerBytes, end, subject, reply } = message;
    const request = {
      rest: subject.slice(prefix.length),
      subject,
      reply,
      headers: body.subarray(start, start + headerBytes),
      payload: body.subarray(start + headerBytes, end),
      isForAll: true,
    };
    const delivery = this.#forwarding.delivery(account);
    let isSent = false;
    for (const { sender, heardMs } of [...this.#servers.values()]) {
      if (this.#nowMs - heardMs > SILENT_MS) this.heardOfEnd(sender.id);
      else if (prefixesFor(sender).includes(prefix)) {
        isSent = this.#forwarding.send(sender, account, delivery, request) || isSent;
      }
    }
    return isSent;
  }

  get #nowMs(): number {
    return this.#server.runtime.clock.monotonicMs();
  }
}

function prefixesFor({ domain }: PeerSender): string[] {
  return domain === "" ? ["$JS.API."] : ["$JS.API.", `$JS.${domain}.API.`];
}
