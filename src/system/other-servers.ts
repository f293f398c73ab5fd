// What this server knows of the others through the system account: who is there, and how many clients they have of each
// account, so that limits count over all of them (conformance/topology, WIRE.md 2.4 "System subjects").
import { encodeSubject } from "../options/subject-bytes.js";
import { formatMs } from "../protocol/rfc3339.js";
import type { Timer } from "../runtime/clock.js";
import { closeExcess } from "../server/clients/account-change.js";
import type { ClientConnection } from "../server/clients/client.js";
import { eventId } from "../server/event-id.js";
import type { Server } from "../server/server.js";
import { serverHash } from "../server/server-hash.js";
import type { Events } from "./events.js";
import type { SystemPublisher } from "./publisher.js";
import type { ServiceMessage, Services } from "./services.js";

/** A server that says nothing for this long is gone; servers tell their numbers every ten seconds. */
const SILENT_MS = 90_000;
const SWEEP_MS = 30_000;
/** Answers from other servers are waited for this long. */
const ANSWERS_MS = 500;
/** Requests of this server that wait for answers at a time. */
const MOST_REQUESTS = 10_000;
/** Other servers that are remembered. */
const MOST_SERVERS = 10_000;

const SERVER_TOKEN = 2;
const REQUEST_TOKEN = 3;

interface KnownServer {
  heardAt: number;
  /** Clients, and leaf links of those, by account, as text. */
  readonly connections: Map<string, number>;
  readonly leafnodes: Map<string, number>;
}

interface AskedCount {
  left: number;
  sum: number;
  done(): void;
}

export class OtherServers {
  readonly #server: Server;
  readonly #publisher: SystemPublisher;
  readonly #events: Events;
  readonly #inbox: string;
  readonly #known = new Map<string, KnownServer>();
  readonly #asked = new Map<string, AskedCount>();
  readonly #stops: (() => void)[] = [];
  #sweep: Timer | undefined;

  constructor(server: Server, publisher: SystemPublisher, events: Events) {
    this.#server = server;
    this.#publisher = publisher;
    this.#events = events;
    this.#inbox = `$SYS._INBOX.${serverHash(server.name)}`;
  }

  /** How many there are. */
  get count(): number {
    return this.#known.size;
  }

  /** Listens to them; a server without links to others has nobody to listen to. `count` answers how many subscribers of a subject this server has. */
  start(
    services: Services,
    count: (account: string, subject: string, queue: string | undefined) => Promise<number>,
  ): void {
    const { server } = this;
    const { cluster, gateway, leafnodes } = server.options;
    const remotes = leafnodes?.remotes ?? [];
    if (![cluster, gateway, leafnodes].some((block) => (block?.port ?? 0) !== 0) && remotes.length === 0) return;
    services.serve("$SYS.SERVER.*.STATSZ", (message) => this.#heard(message));
    services.serve("$SYS.SERVER.*.LAMEDUCK", (message) => this.#left(message));
    services.serve("$SYS.SERVER.*.SHUTDOWN", (message) => this.#left(message));
    services.serve("$SYS.SERVER.ACCOUNT.*.CONNS", (message) => this.#connectionsOf(message));
    services.serve("$SYS.ACCOUNT.*.LEAFNODE.CONNECT", (message) => this.#heard(message));
    services.serve(`$SYS._INBOX_.${server.id}`, (message) => this.#connectionsOf(message));
    services.serve(`${this.#inbox}.*`, (message) => this.#answered(message));
    services.serve("$SYS.REQ.ACCOUNT.NSUBS", async ({ payload, reply }) => {
      const asked = jsonOf(payload);
      const { acc, subject, queue } = asked ?? {};
      if (reply === "" || typeof acc !== "string" || typeof subject !== "string") return;
      if ((server.accounts.get(acc)?.connections ?? 0) === 0) return;
      const group = typeof queue === "string" ? Buffer.from(queue, "base64").toString("latin1") : undefined;
      this.#publisher.send(reply, Buffer.from(String(await count(acc, encodeSubject(subject), group))));
    });
    this.#stops.push(server.events.on("connect", (client) => this.#connected(client)));
    this.#sweep = server.runtime.clock.every(SWEEP_MS, () => this.#forgetSilent());
  }

  stop(): void {
    this.#sweep?.cancel();
    for (const stop of this.#stops) stop();
    for (const asked of this.#asked.values()) asked.done();
  }

  /** Subscribers of a subject at all other servers that have clients of the account. */
  countElsewhere(account: string, subject: string, queue: string | undefined): Promise<number> {
    const expected = [...this.#known.values()].filter(({ connections }) => (connections.get(account) ?? 0) > 0).length;
    if (expected === 0 || this.#asked.size >= MOST_REQUESTS) return Promise.resolve(0);
    const { clock, random } = this.server.runtime;
    const id = eventId(random);
    return new Promise((resolve) => {
      const asked: AskedCount = {
        left: expected,
        sum: 0,
        done: () => {
          timer.cancel();
          this.#asked.delete(id);
          resolve(asked.sum);
        },
      };
      const timer = clock.after(ANSWERS_MS, () => asked.done());
      this.#asked.set(id, asked);
      const group = queue === undefined ? undefined : Buffer.from(queue, "latin1").toString("base64");
      const content = { server: this.#publisher.serverInfo(), acc: account, subject, queue: group };
      this.#publisher.ask("$SYS.REQ.ACCOUNT.NSUBS", `${this.#inbox}.${id}`, content);
    });
  }

  private get server(): Server {
    return this.#server;
  }

  #answered({ subject, payload }: ServiceMessage): void {
    const asked = this.#asked.get(subject.split(".")[REQUEST_TOKEN]);
    const count = Number(payload.toString("latin1"));
    if (asked === undefined || !Number.isSafeInteger(count)) return;
    asked.sum += count;
    if (--asked.left === 0) asked.done();
  }

  #heard({ subject, payload }: ServiceMessage): void {
    const id = senderOf(jsonOf(payload)) ?? subject.split(".")[SERVER_TOKEN];
    this.#know(id);
  }

  // A server that is new is told of this one, which it may not have heard of.
  #know(id: string): KnownServer | undefined {
    if (id === this.server.id) return undefined;
    const heardAt = this.server.runtime.clock.monotonicMs();
    let known = this.#known.get(id);
    if (known === undefined) {
      if (this.#known.size >= MOST_SERVERS) return undefined;
      known = { heardAt, connections: new Map(), leafnodes: new Map() };
      this.#known.set(id, known);
      void this.#events.sendStatsz();
    }
    known.heardAt = heardAt;
    return known;
  }

  #left({ subject }: ServiceMessage): void {
    this.#forget(subject.split(".")[SERVER_TOKEN]);
  }

  #forget(id: string): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#known.delete(id);
    for (const account of known.connections.keys()) this.#countAgain(account);
  }

  #forgetSilent(): void {
    const now = this.server.runtime.clock.monotonicMs();
    for (const [id, { heardAt }] of this.#known) if (now - heardAt > SILENT_MS) this.#forget(id);
  }

  #connectionsOf({ payload }: ServiceMessage): void {
    const told = jsonOf(payload);
    const id = senderOf(told);
    const { acc, conns, total_conns, leafnodes } = told ?? {};
    const count = typeof total_conns === "number" ? total_conns : conns;
    if (id === undefined || typeof acc !== "string" || typeof count !== "number") return;
    const known = this.#know(id);
    if (known === undefined) return;
    if (count > 0) known.connections.set(acc, count);
    else known.connections.delete(acc);
    if (typeof leafnodes === "number" && leafnodes > 0) known.leafnodes.set(acc, leafnodes);
    else known.leafnodes.delete(acc);
    this.#countAgain(acc);
  }

  #countAgain(name: string): void {
    const account = this.server.accounts.get(name);
    if (account === undefined) return;
    account.connectionsElsewhere = 0;
    account.leafnodesElsewhere = 0;
    for (const { connections, leafnodes } of this.#known.values()) {
      account.connectionsElsewhere += connections.get(name) ?? 0;
      account.leafnodesElsewhere += leafnodes.get(name) ?? 0;
    }
    closeExcess(account, this.server.clients.values());
  }

  // The first client of an account here: the others are asked how many they have.
  #connected({ account }: ClientConnection): void {
    if (account === undefined || account.connections !== 1 || account.limits.maxConnections < 0) return;
    const { clock } = this.server.runtime;
    const subject = `$SYS.REQ.ACCOUNT.${encodeSubject(account.name)}.CONNS`;
    const content = { server: this.#publisher.serverInfo(), acc: account.name, timestamp: formatMs(clock.nowMs()) };
    this.#publisher.ask(subject, `$SYS._INBOX_.${this.server.id}`, content);
  }
}

function jsonOf(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

// Most messages hold the sender as `server`; that of a server that ends is the sender itself.
function senderOf(told: Record<string, unknown> | undefined): string | undefined {
  const { server } = told ?? {};
  const id = typeof server === "object" && server !== null ? (server as { id?: unknown }).id : told?.["id"];
  return typeof id === "string" ? id : undefined;
}
