// The request of the system account that takes a server which does not come back out of JetStream: its streams are forgotten,
// and their names are free. A server that comes back all the same is taken in again, with what it has.
import type { Account } from "../../accounts/account.js";
import type { Message } from "../../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import { ApiError } from "../errors.js";
import { type Fields, field, readRequest } from "../fields.js";
import type { JetStream } from "../jetstream.js";
import type { PeerMessage } from "./peer-channel.js";
import type { Peers } from "./peers.js";

const SUBJECT = "$JS.API.SERVER.REMOVE";
const TYPE = "io.nats.jetstream.api.v1.meta_server_remove_response";
const REMOVE: Fields = { peer: field("text"), peer_id: field("text") };

export class ServerRemoval implements DeliveryTarget {
  readonly echo = true;
  readonly #js: JetStream;
  readonly #system: Account;
  readonly #peers: Peers;
  readonly #subscription: Subscription;

  constructor(js: JetStream, system: Account, peers: Peers) {
    this.#js = js;
    this.#system = system;
    this.#peers = peers;
    this.#subscription = new Subscription(SUBJECT, undefined, "", this);
  }

  start(): void {
    this.#system.subscribe(this.#subscription);
  }

  close(): void {
    this.#system.unsubscribe(this.#subscription);
  }

  /** The coordinator answers, unless there are nats-servers, whose request it is too. */
  deliver(_: Subscription, { body, start, headerBytes, end, reply }: Message): boolean {
    if (this.#peers.coordinator !== "own" || this.#peers.hasStrangers(undefined)) return false;
    const payload = Buffer.from(body.subarray(start + headerBytes, end));
    this.#js.sendJson(this.#system, reply, { type: TYPE, ...this.#remove(payload) });
    return true;
  }

  #remove(payload: Buffer): object {
    try {
      const { peer } = readRequest<{ peer: string }>(payload, REMOVE, false);
      if (!this.#peers.forget(peer)) throw new ApiError("serverNotMember");
      this.#peers.tellAll({ kind: "forget", name: peer });
      return { success: true };
    } catch (error) {
      if (error instanceof ApiError) return { error: error.toJSON() };
      throw error;
    }
  }

  /** The coordinator has taken a server out. */
  heard(message: PeerMessage): void {
    this.#peers.forget(String(message["name"]));
  }
}
