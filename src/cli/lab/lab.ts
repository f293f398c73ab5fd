// A topology that runs inside this process, and what can be done to it: servers stopped and started, links cut, stalled,
// slowed and healed, and requests that tell who served them.

import type { ResolvedOptions } from "../../options/options.js";
import { resolveOptions } from "../../options/options.js";
import { type Logger, silentLogger } from "../../runtime/logger.js";
import type { Listener } from "../../runtime/network.js";
import type { Runtime } from "../../runtime/runtime.js";
import { type LinkShape, Links } from "../../runtime/shaped-network.js";
import type { Server } from "../../server/server.js";
import { CommandError } from "../subcommand.js";
import { LabClient } from "./lab-client.js";
import type { LabServer, PortOf } from "./topologies.js";

/** Answered by a queue group with one member at each server. */
const SERVICE = "lab.where";
const GROUP = "lab";
const REQUEST_MS = 2_000;
const FORMED_MS = 15_000;
const LOOK_AGAIN_MS = 20;
const HOST = "127.0.0.1";
const LISTENERS = ["client", "cluster", "gateway", "leafnodes"] as const;

interface Running {
  readonly definition: LabServer;
  server: Server | undefined;
  client: LabClient | undefined;
  /** Ends its part in the service; undefined while it has none. */
  leaveService: (() => void) | undefined;
}

/** What the lab makes its servers with. */
export interface LabParts {
  readonly runtime: Runtime;
  createServer(options: ResolvedOptions, parts: { runtime: Runtime; logger: Logger }): Server;
}

export class Lab {
  readonly #parts: LabParts;
  readonly #links: Links;
  readonly #servers = new Map<string, Running>();
  readonly #ports = new Map<string, number>();

  constructor(parts: LabParts) {
    this.#parts = parts;
    this.#links = new Links(parts.runtime.clock);
  }

  /** Names of all servers, running or not. */
  get names(): string[] {
    return [...this.#servers.keys()];
  }

  /**
   * Starts all servers. Rejects with the platform's error of a listener.
   * @param basePort listeners get ports from here on; undefined: free ones
   */
  async start(topology: readonly LabServer[], basePort: number | undefined): Promise<void> {
    await this.#choosePorts(topology, basePort);
    for (const definition of topology) {
      this.#servers.set(definition.name, { definition, server: undefined, client: undefined, leaveService: undefined });
    }
    for (const { name } of topology) await this.startServer(name);
  }

  /** Where clients connect to a server. */
  urlOf(name: string): string {
    return `nats://${HOST}:${this.#portOf(name, "client")}`;
  }

  isRunning(name: string): boolean {
    return this.#running(name).server !== undefined;
  }

  /** Starts a server that was stopped. */
  async startServer(name: string): Promise<void> {
    const running = this.#running(name);
    if (running.server !== undefined) throw new CommandError("COMMAND_INVALID", `${name} is running`);
    const { runtime, createServer } = this.#parts;
    const network = this.#links.from(name, runtime.network);
    const options = resolveOptions(running.definition.options(this.#portOf));
    const server = createServer(options, { runtime: { ...runtime, network }, logger: silentLogger });
    await server.start();
    running.server = server;
    running.client = new LabClient(server, runtime);
    this.serve(name, true);
  }

  /** Whether a server answers requests; one that does not leaves them to the others. */
  serve(name: string, answers: boolean): void {
    const running = this.#running(name);
    running.leaveService?.();
    running.leaveService = answers
      ? running.client?.subscribe(SERVICE, GROUP, (_, reply) => running.client?.publish(reply, name))
      : undefined;
  }

  /** Ends a server at once; its clients and the other servers lose their connections. */
  async stopServer(name: string): Promise<void> {
    const running = this.#running(name);
    const { server } = running;
    if (server === undefined) throw new CommandError("COMMAND_INVALID", `${name} is not running`);
    running.server = undefined;
    running.client = undefined;
    running.leaveService = undefined;
    await server.close();
  }

  /** Moves the clients of a server to others, then ends it. */
  lameDuck(name: string): void {
    const running = this.#running(name);
    const { server } = running;
    if (server === undefined) throw new CommandError("COMMAND_INVALID", `${name} is not running`);
    void server.lameDuck().then(() => {
      if (running.server === server) running.server = undefined;
    });
  }

  /** Changes the links between two servers, or between all of two groups. */
  shape(a: string, b: string, change: Partial<LinkShape>): number {
    let count = 0;
    for (const one of this.#membersOf(a)) {
      for (const other of this.#membersOf(b)) {
        if (one === other) continue;
        this.#links.shape(one, other, change);
        count++;
      }
    }
    return count;
  }

  /** Makes all links as they were at the start. */
  healAll(): void {
    const { names } = this;
    for (const [i, one] of names.entries()) {
      for (const other of names.slice(i + 1)) {
        this.#links.shape(one, other, { cut: false, stalled: false, latencyMs: 0 });
      }
    }
  }

  /** Which servers answer requests of a client of this one, and how often, and how long the answers took (milliseconds). */
  async ask(name: string, times: number): Promise<{ served: Map<string, number>; lost: number; meanMs: number }> {
    const { client } = this.#running(name);
    if (client === undefined) throw new CommandError("COMMAND_INVALID", `${name} is not running`);
    const { clock } = this.#parts.runtime;
    const served = new Map<string, number>();
    let lost = 0;
    let sumMs = 0;
    for (let i = 0; i < times; i++) {
      const startedAt = clock.monotonicMs();
      const answer = await client.request(SERVICE, "", REQUEST_MS);
      sumMs += clock.monotonicMs() - startedAt;
      if (answer === undefined) lost++;
      else served.set(answer, (served.get(answer) ?? 0) + 1);
    }
    return { served, lost, meanMs: times === 0 ? 0 : sumMs / times };
  }

  /** A line about each server: where it is, whom it is connected to, and how the links are. */
  status(): string[] {
    return [...this.#servers.values()].map(({ definition: { name }, server }) => {
      if (server === undefined) return `${name}  stopped`;
      const others = new Set(server.reports.routes().map(({ remoteName }) => remoteName));
      const shapes = this.names
        .filter((other) => other !== name)
        .flatMap((other) => {
          const text = shapeText(this.#links.between(name, other));
          return text === "" ? [] : [`${other} ${text}`];
        });
      const links = shapes.length === 0 ? "" : `  links: ${shapes.join(", ")}`;
      const routes = `routes to ${[...others].sort().join(" ") || "none"}`;
      const parts = [name, this.urlOf(name), `clients ${server.clients.size - 1}`, routes];
      return [...parts, ...farText(server)].join("  ") + links;
    });
  }

  /** Resolves when the servers of each group know each other; false when that takes longer than 15 s. */
  async formed(): Promise<boolean> {
    const { clock } = this.#parts.runtime;
    const endsAt = clock.monotonicMs() + FORMED_MS;
    while (!this.#isFormed()) {
      if (clock.monotonicMs() > endsAt) return false;
      await new Promise<void>((resolve) => void clock.after(LOOK_AGAIN_MS, resolve));
    }
    return true;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(({ server }) => server?.close()));
  }

  #isFormed(): boolean {
    const all = [...this.#servers.values()].filter(({ server }) => server !== undefined);
    return all.every(({ definition: { group }, server }) => {
      const members = all.filter((other) => other.definition.group === group).length;
      const [known = []] = server?.accounts.global.sublist.match(SERVICE).queues ?? [];
      return known.length >= members;
    });
  }

  #membersOf(name: string): string[] {
    if (this.#servers.has(name)) return [name];
    const members = [...this.#servers.values()].filter(({ definition }) => definition.group === name);
    if (members.length === 0) {
      throw new CommandError("COMMAND_UNKNOWN", `no server or group "${name}"; there are ${this.names.join(", ")}`);
    }
    return members.map(({ definition }) => definition.name);
  }

  #running(name: string): Running {
    const running = this.#servers.get(name);
    if (running !== undefined) return running;
    throw new CommandError("COMMAND_UNKNOWN", `no server "${name}"; there are ${this.names.join(", ")}`);
  }

  readonly #portOf: PortOf = (server, listener) => this.#ports.get(`${server} ${listener}`) ?? 0;

  async #choosePorts(topology: readonly LabServer[], basePort: number | undefined): Promise<void> {
    const { network } = this.#parts.runtime;
    const probes: Listener[] = [];
    let next = basePort ?? 0;
    for (const { name } of topology) {
      for (const listener of LISTENERS) {
        let port = next++;
        if (basePort === undefined) {
          const probe = await network.listen({ host: HOST, port: 0 }, (transport) => transport.destroy());
          probes.push(probe);
          port = probe.port;
        }
        this.#ports.set(`${name} ${listener}`, port);
        if (listener !== "client") this.#links.listens(name, port);
      }
    }
    await Promise.all(probes.map((probe) => probe.close()));
  }
}

// What crosses to other clusters and over leaf links, in messages.
function farText({ reports }: Server): string[] {
  const sent = reports.gateways().filter(({ solicited }) => solicited);
  const gateways = sent.map(({ cluster, outMsgs }) => `${cluster} (${outMsgs} sent)`).sort();
  const leafs = reports.leafs().map(({ name, inMsgs, outMsgs }) => `${name} (${inMsgs} in, ${outMsgs} out)`);
  return [
    ...(gateways.length > 0 ? [`gateways to ${gateways.join(" ")}`] : []),
    ...(leafs.length > 0 ? [`leaf links to ${leafs.sort().join(" ")}`] : []),
  ];
}

function shapeText({ cut, stalled, latencyMs }: LinkShape): string {
  if (cut) return "cut";
  const parts = [...(stalled ? ["stalled"] : []), ...(latencyMs > 0 ? [`+${latencyMs} ms`] : [])];
  return parts.join(" ");
}
