// Messages between the natsnode servers that have JetStream: JSON in the system account, to all of them or to one. Servers
// that are no natsnode listen to none of these subjects.
import type { Account } from "../../accounts/account.js";
import type { Message } from "../../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import type { ResolvedOptions } from "../../options/options.js";
import { parseExact, stringifyExact } from "../../protocol/json.js";
import type { Server } from "../../server/server.js";

/** Below what leaf links keep apart (`$JSC.>`). */
const PREFIX = "$JSC.NATSNODE";
const ALL = `${PREFIX}.ALL`;
const STATSZ = "$SYS.SERVER.*.STATSZ";
const SHUTDOWN = "$SYS.SERVER.*.SHUTDOWN";
const MOST_NATSNODES = 10_000;
const NO_BYTES = Buffer.alloc(0);

/** What is said; `kind` tells the rest. */
export interface PeerMessage extends Record<string, unknown> {
  readonly kind: string;
}

/** Who says it. */
export interface PeerSender {
  readonly id: string;
  readonly name: string;
  readonly cluster: string;
  readonly domain: string;
}

export interface PeerListener {
  /** A natsnode says something, perhaps of another domain. */
  heard(from: PeerSender, message: PeerMessage): void;
  /** A server tells that it has JetStream, and has not said that it is natsnode. */
  heardOfJetStream(server: PeerSender): void;
  /** A server ends. */
  heardOfEnd(serverId: string): void;
}

export class PeerChannel implements DeliveryTarget {
  readonly echo = true;
  readonly #server: Server;
  readonly #system: Account;
  readonly #listener: PeerListener;
  readonly #natsnodes = new Set<string>();
  #subscriptions: Subscription[] = [];

  /** Whether a server may have others: it has a cluster or a gateway. */
  static isWanted({ cluster, gateway }: ResolvedOptions): boolean {
    return (cluster?.port ?? 0) !== 0 || (gateway?.port ?? 0) !== 0;
  }

  constructor(server: Server, system: Account, listener: PeerListener) {
    this.#server = server;
    this.#system = system;
    this.#listener = listener;
  }

  open(): void {
    const own = `${PREFIX}.TO.${this.#server.id}`;
    this.#subscriptions = [ALL, own, STATSZ, SHUTDOWN].map((one) => new Subscription(one, undefined, "", this));
    for (const subscription of this.#subscriptions) this.#system.subscribe(subscription);
  }

  close(): void {
    for (const subscription of this.#subscriptions) this.#system.unsubscribe(subscription);
    this.#subscriptions = [];
  }

  tellAll(message: PeerMessage): void {
    this.#publish(ALL, message);
  }

  tell(serverId: string, message: PeerMessage): void {
    this.#publish(`${PREFIX}.TO.${serverId}`, message);
  }

  #publish(subject: string, message: PeerMessage): void {
    const server = this.#server;
    const from: PeerSender = {
      id: server.id,
      name: server.name,
      cluster: server.clusterName ?? "",
      domain: server.jetStream?.domain ?? "",
    };
    server.publish(this.#system, subject, "", NO_BYTES, Buffer.from(stringifyExact({ ...message, from })));
  }

  deliver({ subject }: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    // What a leaf node or a hub says is of another JetStream.
    if (source?.peer === undefined) return false;
    if (subject === SHUTDOWN) {
      const [, , ended] = message.subject.split(".");
      this.#natsnodes.delete(ended);
      this.#listener.heardOfEnd(ended);
      return true;
    }
    const said = jsonOf(message);
    if (said === undefined) return false;
    const from = senderIn(said[subject === STATSZ ? "server" : "from"]);
    if (from === undefined || from.id === this.#server.id || !this.#isNear(from.cluster)) return false;
    if (subject === STATSZ) {
      const hasJetStream = (said["statsz"] as { jetstream?: unknown } | undefined)?.jetstream !== undefined;
      if (hasJetStream && !this.isNatsnode(from)) this.#listener.heardOfJetStream(from);
    } else {
      if (this.#natsnodes.size >= MOST_NATSNODES) this.#natsnodes.clear();
      this.#natsnodes.add(from.id);
      this.#hear(from, said as PeerMessage);
    }
    return true;
  }

  #hear(from: PeerSender, said: PeerMessage): void {
    try {
      this.#listener.heard(from, said);
    } catch (error) {
      const what = `"${said.kind}" of server ${from.name}`;
      this.#server.logger.error(`JetStream: ${what} cannot be understood: ${(error as Error).message}`);
    }
  }

  /** Whether a server has said that it is natsnode. */
  isNatsnode({ id }: Pick<PeerSender, "id">): boolean {
    return this.#natsnodes.has(id);
  }

  // Of this cluster, or of one that a gateway leads to: leaf nodes that share the system account are neither.
  #isNear(cluster: string): boolean {
    if (cluster === (this.#server.clusterName ?? "")) return true;
    return this.#server.reports.gateways().some((gateway) => gateway.cluster === cluster);
  }
}

function jsonOf({ body, start, headerBytes, end }: Message): Record<string, unknown> | undefined {
  try {
    return parseExact(body.toString("utf8", start + headerBytes, end)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function senderIn(value: unknown): PeerSender | undefined {
  const { id, name, cluster = "", domain = "" } = (value ?? {}) as Partial<PeerSender>;
  return typeof id === "string" && typeof name === "string" ? { id, name, cluster, domain } : undefined;
}
