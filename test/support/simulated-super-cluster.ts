// Clusters of servers in one virtual time, joined by gateways over links with delays, cuts and crashes; clients that speak bytes.
import { createServer } from "../../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../../src/options/options.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../src/runtime/simulated/index.js";
import type { Server } from "../../src/server/server.js";
import { LinesLogger } from "./local-server.js";
import { SimulatedClient } from "./simulated-server.js";

const CLIENT_PORT = 4222;
const CLUSTER_PORT = 6222;
const GATEWAY_PORT = 7222;
/** Enough for everything on the way to arrive, over links without a delay of their own. */
const SETTLE_MS = 20;
const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 50;

export interface SuperClusterSetup {
  readonly seed?: number | string;
  /** Of every server. */
  readonly options?: ServerOptions;
  /** Added to the gateway block of a server. */
  readonly gateway?: (name: string) => Partial<NonNullable<ServerOptions["gateway"]>>;
  /** Milliseconds one way between two clusters; the key is their names in order, as "A B". */
  readonly latencyMs?: Readonly<Record<string, number>>;
  /** Clusters that each cluster has in its options; default: all others. */
  readonly knows?: Readonly<Record<string, readonly string[]>>;
  /** How long to wait for something; default: a minute. */
  readonly patienceMs?: number;
}

export interface Member {
  readonly name: string;
  readonly cluster: string;
  server: Server;
  readonly log: LinesLogger;
}

export class SimulatedSuperCluster {
  readonly world: SimulatedRuntime;
  readonly members = new Map<string, Member>();
  readonly #sizes: Readonly<Record<string, number>>;
  readonly #setup: SuperClusterSetup;

  private constructor(sizes: Readonly<Record<string, number>>, setup: SuperClusterSetup) {
    this.#sizes = sizes;
    this.#setup = setup;
    this.world = simulatedRuntime({ seed: setup.seed ?? 1 });
  }

  /** Starts clusters {name: size}, servers A1, A2, B1, ...; resolves when all are connected. */
  static async start(
    sizes: Readonly<Record<string, number>>,
    setup: SuperClusterSetup = {},
  ): Promise<SimulatedSuperCluster> {
    const all = new SimulatedSuperCluster(sizes, setup);
    const names = Object.keys(sizes);
    for (const cluster of names) for (const name of all.namesOf(cluster)) await all.startServer(name);
    for (const [pair, latencyMs] of Object.entries(setup.latencyMs ?? {})) {
      const [a, b] = pair.split(" ");
      for (const one of all.namesOf(a))
        for (const other of all.namesOf(b)) all.world.wires.link(one, other, { latencyMs });
    }
    await all.until("all clusters are connected", () => all.isWhole());
    return all;
  }

  namesOf(cluster: string): string[] {
    return Array.from({ length: this.#sizes[cluster] }, (_, i) => `${cluster}${i + 1}`);
  }

  /** Starts a server, also again after its host has crashed. */
  async startServer(name: string): Promise<void> {
    const cluster = name.replace(/\d+$/, "");
    const log = this.members.get(name)?.log ?? new LinesLogger();
    const server = createServer(this.optionsOf(name, cluster), { runtime: this.world.host(name), logger: log });
    this.members.set(name, { name, cluster, server, log });
    await this.world.clock.settle(server.start());
  }

  private optionsOf(name: string, cluster: string): ReturnType<typeof resolveOptions> {
    const { options, gateway, knows } = this.#setup;
    const others = knows?.[cluster] ?? Object.keys(this.#sizes).filter((other) => other !== cluster);
    return resolveOptions({
      ...options,
      serverName: name,
      host: name,
      port: CLIENT_PORT,
      cluster: {
        name: cluster,
        host: name,
        port: CLUSTER_PORT,
        routes: this.namesOf(cluster)
          .filter((other) => other !== name)
          .map((other) => `nats-route://${other}:${CLUSTER_PORT}`),
      },
      gateway: {
        name: cluster,
        host: name,
        port: GATEWAY_PORT,
        gateways: others.map((other) => ({
          name: other,
          urls: this.namesOf(other).map((member) => `nats://${member}:${GATEWAY_PORT}`),
        })),
        ...gateway?.(name),
      },
    });
  }

  /** Whether every server that runs is connected to its cluster and to all the others. */
  isWhole(): boolean {
    const running = [...this.members.values()].filter(({ server }) => server.state === "running");
    return running.every(({ server, cluster }) => {
      const mates = running.filter((other) => other.cluster === cluster).length - 1;
      const clusters = new Set(running.map((other) => other.cluster));
      const outbound = server.reports.gateways().filter(({ solicited }) => solicited);
      return server.reports.remoteServers() === mates && outbound.length === clusters.size - 1;
    });
  }

  server(name: string): Server {
    return (this.members.get(name) as Member).server;
  }

  log(name: string): LinesLogger {
    return (this.members.get(name) as Member).log;
  }

  /** Connects to a server from its own host and logs in. */
  async client(name: string, connect: object = {}): Promise<SimulatedClient> {
    const dialled = this.world.host(name).network.dial({ host: name, port: CLIENT_PORT, timeoutMs: 1000 });
    const client = new SimulatedClient(await this.world.clock.settle(dialled));
    client.answersPings = true;
    const settings = { verbose: false, pedantic: false, headers: true, no_responders: true, ...connect };
    client.send(`CONNECT ${JSON.stringify(settings)}\r\nPING\r\n`);
    await this.until(`${name} lets the client in`, () => client.received.includes("PONG\r\n"));
    client.take();
    return client;
  }

  /** One after the other, on each of these servers. */
  async clients(names: readonly string[], connect: object = {}): Promise<SimulatedClient[]> {
    const clients: SimulatedClient[] = [];
    for (const name of names) clients.push(await this.client(name, connect));
    return clients;
  }

  advance(ms: number): Promise<void> {
    return this.world.clock.advance(ms);
  }

  /** Lets what is on its way arrive. */
  settle(ms: number = SETTLE_MS): Promise<void> {
    return this.advance(ms);
  }

  /** Lets time pass until something holds; fails loudly when it does not within a minute. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let passed = 0; !holds(); passed += LOOK_AGAIN_MS) {
      if (passed > (this.#setup.patienceMs ?? PATIENCE_MS)) {
        const errors = [...this.members.values()].flatMap(({ log }) => log.matching(/^error/));
        throw new Error(`waited too long until ${what}; ${errors.slice(-5).join("\n")}`);
      }
      await this.advance(LOOK_AGAIN_MS);
    }
  }

  async close(): Promise<void> {
    for (const { server } of this.members.values()) await this.world.clock.settle(server.close());
  }

  /** Messages and bytes that a server has sent to a cluster over its present connection. */
  sentTo(from: string, cluster: string): { msgs: number; bytes: number } {
    const outbound = this.server(from)
      .reports.gateways()
      .find((gateway) => gateway.solicited && gateway.cluster === cluster);
    return { msgs: outbound?.outMsgs ?? 0, bytes: outbound?.outBytes ?? 0 };
  }
}

/** The payloads of the messages that a client has got since the last call. */
export function payloadsOf(client: SimulatedClient): string[] {
  const text = client.take();
  const found: string[] = [];
  for (let at = 0; at < text.length; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const args = text.slice(at, lineEnd).split(" ");
    at = lineEnd + 2;
    if (args[0] !== "MSG" && args[0] !== "HMSG") continue;
    const totalBytes = Number(args.at(-1));
    const headerBytes = args[0] === "HMSG" ? Number(args.at(-2)) : 0;
    found.push(text.slice(at + headerBytes, at + totalBytes));
    at += totalBytes + 2;
  }
  return found;
}
