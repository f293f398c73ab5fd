// Five server processes whose routes go through proxies, one for each direction of each pair, so that any link can be cut
// or go silent; and the faults that servers and links can have.
import { request } from "node:http";
import { pid as processId } from "node:process";
import type { CuttingProxy } from "../../src/testing/cutting-proxy.js";
import { freePort } from "../../test/support/free-port.js";
import type { ServerProcess } from "../../test/support/server-process.js";
import { type DrillContext, must } from "./drill.js";

export const SERVERS = 5;
export const PING_INTERVAL_MS = 1000;
export const PING_MAX = 2;
/** Each server has a pool of three connections to each other one, and one for the system account. */
const ROUTES = 4 * (SERVERS - 1);
/** Nobody listens there: what servers tell each other of their addresses must not lead around the proxies. */
const NOWHERE = "127.0.0.1:1";

export type Program = "natsnode" | "neighbour";

export interface ClusterServer {
  readonly index: number;
  readonly program: Program;
  readonly clientPort: number;
  readonly routePort: number;
  readonly monitorPort: number;
  process: ServerProcess;
}

export class ProxiedCluster {
  readonly servers: ClusterServer[] = [];
  readonly #context: DrillContext;
  // By "from to".
  readonly #proxies = new Map<string, CuttingProxy>();

  private constructor(context: DrillContext) {
    this.#context = context;
  }

  static async start(context: DrillContext, programs: readonly Program[]): Promise<ProxiedCluster> {
    const cluster = new ProxiedCluster(context);
    const places = [];
    for (const program of programs) {
      const [clientPort, routePort, monitorPort] = [await freePort(), await freePort(), await freePort()];
      places.push({ index: places.length, program, clientPort, routePort, monitorPort });
    }
    for (const from of places) {
      for (const to of places) {
        if (from !== to) cluster.#proxies.set(`${from.index} ${to.index}`, await context.proxy(to.routePort));
      }
    }
    for (const place of places) {
      cluster.servers.push({ ...place, process: await context.startServer(cluster.#configOf(place), place.program) });
    }
    return cluster;
  }

  async restart(server: ClusterServer): Promise<void> {
    server.process = await this.#context.startServer(this.#configOf(server), server.program);
  }

  /** Both directions between two servers. */
  links(a: ClusterServer, b: ClusterServer): CuttingProxy[] {
    return [`${a.index} ${b.index}`, `${b.index} ${a.index}`].map((pair) => this.#proxies.get(pair) as CuttingProxy);
  }

  /** What is missing of the connections that servers show; undefined when all are there. */
  async missing(): Promise<string | undefined> {
    const shown = await Promise.all(this.servers.map(({ monitorPort }) => routesAt(monitorPort)));
    const at = shown.findIndex((routes) => routes?.length !== ROUTES);
    if (at === -1) return undefined;
    const { program, index } = this.servers[at];
    const routes = shown[at];
    if (routes === undefined) return `${program} ${index} does not answer`;
    const text = routes.map(({ remote_name, account, pool_index }) => `${remote_name} ${account ?? pool_index ?? 0}`);
    return `${program} ${index} has ${routes.length} of ${ROUTES} connections: ${text.sort().join(", ")}`;
  }

  #configOf({ index, clientPort, routePort, monitorPort }: Omit<ClusterServer, "process">): string {
    const routes = [...this.#proxies].filter(([pair]) => pair.startsWith(`${index} `));
    return `
      listen: "127.0.0.1:${clientPort}" # {{PORT}} is another one
      server_name: "S${index}"
      http: "127.0.0.1:${monitorPort}"
      system_account: SYS
      accounts {
        A { users: [{ user: A, password: secret }] }
        B { users: [{ user: B, password: secret }] }
        SYS { users: [{ user: SYS, password: secret }] }
      }
      cluster {
        name: "drill-${processId}" # servers of a run that was killed may still look for theirs
        listen: "127.0.0.1:${routePort}"
        advertise: "${NOWHERE}"
        no_advertise: true
        ping_interval: "${PING_INTERVAL_MS}ms"
        ping_max: ${PING_MAX}
        routes: [${routes.map(([, { port }]) => `"nats://127.0.0.1:${port}"`).join(", ")}]
      }`;
  }
}

interface ShownRoute {
  readonly remote_name: string;
  readonly account?: string;
  readonly pool_index?: number;
}

/** The routes that a server shows; undefined when it does not answer. */
function routesAt(port: number): Promise<readonly ShownRoute[] | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", port, path: "/routez", agent: false, timeout: 1000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve((JSON.parse(text) as { routes: ShownRoute[] }).routes));
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(undefined));
    asked.end();
  });
}

export interface ProcessFault {
  readonly text: string;
  readonly lastsMs: number;
  /** Whether nobody is told of it: pings have to find out. */
  readonly isSilent: boolean;
  begin(): void | Promise<void>;
  end(): void | Promise<void>;
}

const between = (least: number, most: number): number => Math.round(least + Math.random() * (most - least));

/** Some of the servers, in random order. */
function some(servers: readonly ClusterServer[], count: number): ClusterServer[] {
  return [...servers].sort(() => Math.random() - 0.5).slice(0, count);
}

/** A random fault; `lost` hears of a server that ends. */
export function drawProcessFault(cluster: ProxiedCluster, lost: (server: ClusterServer) => void): ProcessFault {
  const [a, b] = some(cluster.servers, 2);
  const name = ({ index, program }: ClusterServer): string => `${program} ${index}`;
  const links = (pairs: readonly (readonly [ClusterServer, ClusterServer])[]): CuttingProxy[] =>
    pairs.flatMap(([x, y]) => cluster.links(x, y));
  const cut = (text: string, proxies: CuttingProxy[], isSilent: boolean): ProcessFault => ({
    text: `${isSilent ? "silent " : ""}${text}`,
    lastsMs: between(200, 5000),
    isSilent,
    begin: () => {
      for (const proxy of proxies) {
        if (isSilent) proxy.freeze();
        else proxy.cut();
      }
    },
    end: () => {
      for (const proxy of proxies) proxy.heal();
    },
  });
  const isSilent = Math.random() < 0.5;
  switch (between(1, 4)) {
    case 1:
      return {
        text: `${name(a)} killed`,
        lastsMs: between(0, 2000),
        isSilent: false,
        begin: async () => {
          lost(a);
          await a.process.kill();
        },
        end: () => cluster.restart(a),
      };
    case 2:
      return {
        text: `${name(a)} frozen`,
        lastsMs: between(200, 6000),
        isSilent: true,
        begin: () => a.process.signal("SIGSTOP"),
        end: () => a.process.signal("SIGCONT"),
      };
    case 3:
      return cut(`cut between ${name(a)} and ${name(b)}`, links([[a, b]]), isSilent);
    default: {
      const group = some(cluster.servers, between(1, SERVERS - 1));
      const rest = cluster.servers.filter((server) => !group.includes(server));
      const pairs = group.flatMap((x) => rest.map((y) => [x, y] as const));
      return cut(`partition of ${group.map(name).join(", ")}`, links(pairs), isSilent);
    }
  }
}

/** Throws when a server has ended by itself, or an exception has reached its log. */
export function mustBeWell({ index, program, process }: Pick<ClusterServer, "index" | "program" | "process">): void {
  must(process.ended === undefined, `${program} ${index} has ended: ${JSON.stringify(process.ended)}\n${process.log}`);
  const trouble = /^.*(?:internal error|panic).*(?:\n\s+at .*)*/m.exec(process.log);
  must(trouble === null, `${program} ${index} has logged: ${trouble?.[0]}`);
}
