// A hub and its leaf nodes, each with JetStream in a domain of its own, whose links go through proxies; and the faults that
// servers and links can have.
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { CuttingProxy } from "../../src/testing/cutting-proxy.js";
import type { Draw } from "../../test/simulation/draw.js";
import { freePort } from "../../test/support/free-port.js";
import type { ServerProcess } from "../../test/support/server-process.js";
import type { DrillContext } from "./drill.js";
import { mustBeWell, type Program } from "./proxied-cluster.js";

const REQUEST_TIMEOUT_MS = 5_000;
/** Twenty other servers may be busy beside it. */
const START_LIMIT_MS = 60_000;

/** A server that is ended and started again, with the connection of the load at it. */
export class EdgeServer {
  readonly name: string;
  readonly index: number;
  readonly program: Program;
  readonly #context: DrillContext;
  readonly #config: string;
  #process: ServerProcess | undefined;
  #connection: NatsConnection | undefined;

  constructor(context: DrillContext, name: string, index: number, program: Program, config: string) {
    this.#context = context;
    this.name = name;
    this.index = index;
    this.program = program;
    this.#config = config;
  }

  get process(): ServerProcess {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    return this.#process;
  }

  async start(): Promise<void> {
    this.#process = await this.#context.startServer(this.#config, this.program, { readyTimeoutMs: START_LIMIT_MS });
  }

  async kill(): Promise<void> {
    mustBeWell(this);
    await this.#process?.kill();
  }

  /** The connection of the load; rejects while the server is gone. */
  async connection(): Promise<NatsConnection> {
    if (this.#connection !== undefined && !this.#connection.isClosed()) return this.#connection;
    const { port } = this.process;
    this.#connection = await connect({ port, reconnect: false, timeout: REQUEST_TIMEOUT_MS });
    return this.#connection;
  }

  /** Rejects when nobody answers, also at the end of the connection. */
  async request<T>(subject: string, body: object | string = "", options: object = {}): Promise<T> {
    const connection = await this.connection();
    const gone = connection.closed().then(() => {
      throw new Error(`${this.name} is gone`);
    });
    const payload = typeof body === "string" ? body : JSON.stringify(body);
    const answer = connection.request(subject, payload, { timeout: REQUEST_TIMEOUT_MS, ...options });
    return (await Promise.race([answer, gone])).json<T>();
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}

export interface EdgeFault {
  readonly text: string;
  readonly lastsMs: number;
  begin(): void | Promise<void>;
  end(): void | Promise<void>;
}

export class EdgeServers {
  readonly hub: EdgeServer;
  readonly leafs: readonly EdgeServer[];
  readonly #links: readonly CuttingProxy[];
  // Servers and links that have a fault now: a link is that of its leaf node.
  readonly #troubled = new Set<EdgeServer | CuttingProxy>();

  private constructor(hub: EdgeServer, leafs: readonly EdgeServer[], links: readonly CuttingProxy[]) {
    this.hub = hub;
    this.leafs = leafs;
    this.#links = links;
  }

  static async start(
    context: DrillContext,
    count: number,
    programs: { readonly hub: Program; readonly leafs: Program },
  ): Promise<EdgeServers> {
    const folder = context.folder();
    const port = await freePort();
    const config = (name: string): string =>
      `server_name: ${name}\njetstream { store_dir: ${JSON.stringify(join(folder, name))}, domain: ${name} }\n`;
    const listening = `${config("hub")}leafnodes { listen: "127.0.0.1:${port}" }`;
    const hub = new EdgeServer(context, "hub", 0, programs.hub, listening);
    await hub.start();
    const leafs: EdgeServer[] = [];
    const links: CuttingProxy[] = [];
    for (let index = 1; index <= count; index++) {
      const link = await context.proxy(port);
      const name = `leaf${index}`;
      const remote = `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${link.port}", ignore_discovered_servers: true }] }`;
      leafs.push(new EdgeServer(context, name, index, programs.leafs, `${config(name)}${remote}`));
      links.push(link);
    }
    for (const leaf of leafs) await leaf.start();
    return new EdgeServers(hub, leafs, links);
  }

  get all(): readonly EdgeServer[] {
    return [this.hub, ...this.leafs];
  }

  /** A fault of what has none yet; undefined when the draw has met something that has one. */
  drawFault(draw: Draw): EdgeFault | undefined {
    const at = draw.between(0, this.leafs.length - 1);
    const [leaf, link] = [this.leafs[at], this.#links[at]];
    const kind = draw.between(1, 20);
    const lastsMs = draw.between(100, 4000);
    if (kind <= 7) return this.#at(link, `link of ${leaf.name} cut`, lastsMs, [() => link.cut(), () => link.heal()]);
    if (kind <= 10) {
      const isLost = draw.chance(0.5);
      const end = (): void => {
        if (isLost) link.cut();
        link.heal();
      };
      return this.#at(link, `link of ${leaf.name} silent`, lastsMs, [() => link.freeze(), end]);
    }
    if (kind <= 15) return this.#killed(leaf, lastsMs / 2);
    if (kind <= 17) return this.#frozen(leaf, lastsMs);
    if (kind <= 19) return this.#killed(this.hub, lastsMs / 4);
    return this.#frozen(this.hub, lastsMs);
  }

  mustBeWell(): void {
    for (const server of this.all) mustBeWell(server);
  }

  async close(): Promise<void> {
    for (const server of this.all) {
      await server.close();
      await server.process.kill();
    }
  }

  #killed(server: EdgeServer, lastsMs: number): EdgeFault | undefined {
    return this.#at(server, `${server.name} killed`, lastsMs, [() => server.kill(), () => server.start()]);
  }

  #frozen(server: EdgeServer, lastsMs: number): EdgeFault | undefined {
    const signals = (["SIGSTOP", "SIGCONT"] as const).map((signal) => () => server.process.signal(signal));
    return this.#at(server, `${server.name} frozen`, lastsMs, signals);
  }

  #at(
    place: EdgeServer | CuttingProxy,
    text: string,
    lastsMs: number,
    [begin, end]: readonly (() => void | Promise<void>)[],
  ): EdgeFault | undefined {
    if (this.#troubled.has(place)) return undefined;
    this.#troubled.add(place);
    return {
      text,
      lastsMs,
      begin,
      end: async () => {
        await end();
        this.#troubled.delete(place);
      },
    };
  }
}
