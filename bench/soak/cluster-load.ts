// The load of a cluster under faults: on every server, in two accounts, clients that publish numbered messages, clients that
// hear all of them and members of a queue group. Nothing may come twice, or to another account.
import type { Item, RawClient } from "../../test/support/raw-client.js";
import { type DrillContext, must } from "./drill.js";
import type { ClusterServer } from "./proxied-cluster.js";

const ACCOUNTS = ["A", "B"] as const;
const TICK_MS = 50;
const BATCH = 5;

/** What arrives at one subscription of one connection. */
class Hearer {
  readonly what: string;
  readonly account: string;
  // The latest number of each publisher: none comes twice, and none after a later one.
  readonly #latest = new Map<string, number>();

  constructor(what: string, account: string) {
    this.what = what;
    this.account = account;
  }

  /** Takes a payload `ACCOUNT:PUBLISHER:NUMBER`. */
  take(payload: string): void {
    const [account, publisher, text] = payload.split(":");
    const number = Number(text);
    must(account === this.account, `${this.what} got ${payload}, which is of another account`);
    const before = this.#latest.get(publisher) ?? 0;
    must(number > before, `${this.what} got ${payload} after ${before}`);
    this.#latest.set(publisher, number);
  }
}

export class ClusterLoad {
  sent = 0;
  received = 0;
  readonly #context: DrillContext;
  readonly #clients = new Map<ClusterServer, RawClient[]>();
  readonly #publishers = new Map<ClusterServer, Map<string, RawClient>>();
  /** Messages that a member of a queue group has. */
  readonly #taken = new Set<string>();
  /** Probes that have arrived, as "round from to". */
  readonly #probes = new Set<string>();
  #numbers = 0;
  #round = 0;
  #failure: unknown;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: DrillContext) {
    this.#context = context;
  }

  start(): void {
    this.#timer = setInterval(() => this.#publish(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Gives a server its clients. */
  async join(server: ClusterServer): Promise<void> {
    const clients: RawClient[] = [];
    const publishers = new Map<string, RawClient>();
    for (const account of ACCOUNTS) {
      const connect = async (): Promise<RawClient> => {
        const client = await this.#context.connectTo(server.clientPort, { user: account, pass: "secret" });
        clients.push(client);
        return client;
      };
      const where = `${account} at server ${server.index}`;
      await this.#hear(await connect(), "load.*", new Hearer(`all of ${where}`, account));
      for (let i = 0; i < 2; i++) {
        await this.#hear(await connect(), "load.* workers", new Hearer(`member ${i} of ${where}`, account), true);
      }
      const publisher = await connect();
      publisher.handle = ({ line, payload }) => {
        if (line.startsWith("MSG probe.")) this.#probes.add(`${payload} ${account} ${server.index}`);
        return true;
      };
      publisher.send("SUB probe.* 1\r\n");
      publishers.set(account, publisher);
    }
    this.#clients.set(server, clients);
    this.#publishers.set(server, publishers);
  }

  /** Whether a server has its clients. */
  serves(server: ClusterServer): boolean {
    return this.#clients.has(server);
  }

  /** The clients of a server that ends. */
  leave(server: ClusterServer): void {
    for (const client of this.#clients.get(server) ?? []) client.close();
    this.#clients.delete(server);
    this.#publishers.delete(server);
  }

  /** Sends a probe from every server in every account. Returns what tells whether all have come everywhere. */
  probe(): () => boolean {
    const round = ++this.#round;
    this.#probes.clear();
    const wanted: string[] = [];
    for (const [from, publishers] of this.#publishers) {
      for (const [account, publisher] of publishers) {
        const payload = `${round}.${from.index}`;
        publisher.send(`PUB probe.${from.index} ${payload.length}\r\n${payload}\r\n`);
        for (const to of this.#publishers.keys()) wanted.push(`${payload} ${account} ${to.index}`);
      }
    }
    return () => wanted.every((one) => this.#probes.has(one));
  }

  /** Throws what went wrong so far, and forgets what is too old to come again. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#taken.size > 1_000_000) this.#taken.clear();
  }

  async #hear(client: RawClient, subject: string, hearer: Hearer, isMember = false): Promise<void> {
    client.handle = (item: Item) => {
      if (!item.line.startsWith("MSG ")) return false;
      this.received++;
      try {
        hearer.take(item.payload);
        if (isMember) {
          must(!this.#taken.has(item.payload), `${hearer.what} got ${item.payload}, which another member has`);
          this.#taken.add(item.payload);
        }
      } catch (error) {
        this.#failure ??= error;
      }
      return true;
    };
    client.send(`SUB ${subject} 1\r\n`);
    await client.sync();
  }

  #publish(): void {
    for (const [{ index }, publishers] of this.#publishers) {
      for (const [account, publisher] of publishers) {
        let text = "";
        for (let i = 0; i < BATCH; i++) {
          const payload = `${account}:${index}:${++this.#numbers}`;
          text += `PUB load.${i} ${payload.length}\r\n${payload}\r\n`;
          this.sent++;
        }
        // A frozen server takes nothing; what would pile up is not sent.
        if (publisher.socket.writableLength < 100_000) publisher.send(text);
      }
    }
  }
}
