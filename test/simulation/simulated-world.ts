// Servers in virtual time, each on a host of its own; they are started, killed, frozen and connected to.
import { createServer } from "../../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../../src/options/options.js";
import {
  type LinkOptions,
  type SimulatedHost,
  type SimulatedRuntime,
  simulatedRuntime,
} from "../../src/runtime/simulated/index.js";
import type { Server } from "../../src/server/server.js";
import { LinesLogger } from "../support/local-server.js";
import { CLIENT_PORT } from "./cluster-plan.js";
import { SimulationClient } from "./simulation-client.js";

/** A server of the world. */
export interface WorldNode {
  readonly name: string;
  readonly log: LinesLogger;
  readonly server: Server;
}

export abstract class SimulatedWorld<Plan extends { readonly link: LinkOptions }, Node extends WorldNode> {
  readonly plan: Plan;
  readonly runtime: SimulatedRuntime;
  readonly nodes = new Map<string, Node>();

  constructor(seed: string, plan: Plan) {
    this.plan = plan;
    this.runtime = simulatedRuntime({ seed });
    this.runtime.wires.defaults = plan.link;
  }

  protected abstract optionsOf(name: string): ServerOptions;

  protected abstract nodeOf(name: string, host: SimulatedHost, log: LinesLogger, server: Server): Node;

  /** What is not yet as it should be between the servers; undefined when all is. */
  abstract unsettled(): string | undefined;

  get nowMs(): number {
    return this.runtime.clock.monotonicMs();
  }

  /** The servers that run, frozen ones included. */
  get running(): Node[] {
    return [...this.nodes.values()].filter(({ server }) => server.state !== "closed");
  }

  /** Starts a server, or a new one in place of one that has ended. */
  async start(name: string): Promise<Node> {
    const host = this.runtime.host(name);
    const log = this.nodes.get(name)?.log ?? new LinesLogger();
    const server = createServer(resolveOptions(this.optionsOf(name)), { runtime: host, logger: log });
    const node = this.nodeOf(name, host, log, server);
    this.nodes.set(name, node);
    await this.runtime.clock.settle(server.start());
    return node;
  }

  /** Forgets a server whose host was killed or has crashed. */
  lost(name: string): void {
    this.nodes.delete(name);
  }

  async connect(node: Node, account: string): Promise<SimulationClient> {
    const from = this.runtime.host(`clients of ${node.name}`);
    const dialled = from.network.dial({ host: node.name, port: CLIENT_PORT, timeoutMs: 5000 });
    const client = new SimulationClient(await this.runtime.clock.settle(dialled), node.name, account);
    client.login();
    await this.runtime.clock.runUntil(() => client.pongs > 0, 10_000);
    return client;
  }

  async advance(ms: number): Promise<void> {
    await this.runtime.clock.advance(ms);
  }

  /** Lets time pass until all servers are connected and know each other's interest; throws when that takes too long. */
  async settled(limitMs: number, meanwhile: () => void = () => {}): Promise<void> {
    const untilMs = this.nowMs + limitMs;
    for (let open = this.unsettled(); open !== undefined; open = this.unsettled()) {
      if (this.nowMs >= untilMs) throw new Error(`not settled within ${limitMs} ms: ${open}`);
      meanwhile();
      await this.advance(Math.min(50, untilMs - this.nowMs));
    }
  }
}
