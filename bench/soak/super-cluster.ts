// The disaster drill: three clusters of two processes with the latencies of distant regions, a service in each. One cluster is
// killed under load; its clients move on by their lists of URLs, the next nearest cluster answers, and they come home again.
import { setTimeout as pause } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { closestServers } from "../../src/index.js";
import { freePort } from "../../test/support/free-port.js";
import type { ServerProcess } from "../../test/support/server-process.js";
import { type Drill, type DrillContext, must } from "./drill.js";

const CLUSTERS = ["east", "west", "asia"] as const;
type Cluster = (typeof CLUSTERS)[number];
/** Milliseconds one way. */
const LATENCY: Readonly<Record<string, number>> = { "east west": 15, "asia east": 45, "asia west": 60 };
const REQUESTERS = 10;
const PAUSE_MS = 20;
const REQUEST_TIMEOUT_MS = 1_000;
const PATIENCE_MS = 30_000;

interface Member {
  readonly name: string;
  readonly cluster: Cluster;
  readonly ports: { readonly client: number; readonly route: number; readonly gateway: number };
  process?: ServerProcess;
}

interface Outcome {
  readonly atMs: number;
  readonly tookMs: number;
  /** The cluster that has answered; undefined: none in time. */
  readonly servedIn: string | undefined;
}

export const superCluster: Drill = {
  name: "super-cluster",
  async run(context) {
    const world = await World.start(context);
    await world.calm("all clusters live", "east");
    await world.disaster();
    await world.comeHome();
    await world.end();
  },
};

class World {
  readonly #context: DrillContext;
  readonly #members: Member[] = [];
  // How a place reaches a port of another cluster: through a proxy with the latency between them.
  readonly #ways = new Map<string, number>();
  readonly #workers: NatsConnection[] = [];
  #requesters: NatsConnection[] = [];
  #outcomes: Outcome[] = [];
  #loops: Promise<void>[] = [];
  #running = true;

  private constructor(context: DrillContext) {
    this.#context = context;
  }

  static async start(context: DrillContext): Promise<World> {
    const world = new World(context);
    for (const cluster of CLUSTERS) {
      for (const number of [1, 2]) {
        const ports = { client: await freePort(), route: await freePort(), gateway: await freePort() };
        world.#members.push({ name: `${cluster}${number}`, cluster, ports });
      }
    }
    await world.#layWays();
    for (const member of world.#members) await world.#startMember(member);
    for (const cluster of CLUSTERS) world.#workers.push(await world.#worker(cluster));
    world.#requesters = await Promise.all(Array.from({ length: REQUESTERS }, () => world.#requester()));
    world.#loops = world.#requesters.map((_, at) => world.#ask(at));
    return world;
  }

  async #layWays(): Promise<void> {
    for (const from of CLUSTERS) {
      for (const { cluster, ports } of this.#members) {
        const latencyMs = LATENCY[[from, cluster].sort().join(" ")] ?? 0;
        for (const port of [ports.client, ports.gateway]) {
          if (latencyMs === 0) this.#ways.set(`${from} ${port}`, port);
          else {
            const proxy = await this.#context.proxy(port);
            proxy.slow({ latencyMs });
            this.#ways.set(`${from} ${port}`, proxy.port);
          }
        }
      }
    }
  }

  #url(from: Cluster, port: number): string {
    return `nats://127.0.0.1:${this.#ways.get(`${from} ${port}`)}`;
  }

  async #startMember(member: Member): Promise<void> {
    const { name, cluster, ports } = member;
    const others = CLUSTERS.filter((other) => other !== cluster).map((other) => {
      const urls = this.#of(other).map(({ ports }) => JSON.stringify(this.#url(cluster, ports.gateway)));
      return `{ name: ${other}, urls: [ ${urls.join(", ")} ] }`;
    });
    const routes = this.#of(cluster).map(({ ports }) => `"nats-route://127.0.0.1:${ports.route}"`);
    // What servers tell of their addresses must not lead around the proxies.
    const config = [
      `server_name: ${name}`,
      `listen: "127.0.0.1:${ports.client}"`,
      `cluster { name: ${cluster}, listen: "127.0.0.1:${ports.route}", no_advertise: true, routes: [ ${routes.join(", ")} ] }`,
      `gateway { name: ${cluster}, listen: "127.0.0.1:${ports.gateway}", advertise: "127.0.0.1:1"`,
      `  gateways: [ ${others.join(", ")} ] }`,
    ];
    member.process = await this.#context.startServer(`# client port {{PORT}} is not used\n${config.join("\n")}\n`);
  }

  #of(cluster: Cluster): Member[] {
    return this.#members.filter((member) => member.cluster === cluster);
  }

  /** Answers requests in a cluster, with its name. */
  async #worker(cluster: Cluster): Promise<NatsConnection> {
    const servers = this.#of(cluster).map(({ ports }) => this.#url(cluster, ports.client));
    const nc = await connect({ servers, reconnectTimeWait: 100, maxReconnectAttempts: -1, waitOnFirstConnect: true });
    nc.subscribe("work", { queue: "workers", callback: (_, message) => void message.respond(cluster) });
    return nc;
  }

  /** A client in the east, which takes all servers in the order of their distance. */
  async #requester(): Promise<NatsConnection> {
    const urls = this.#members.map(({ ports }) => this.#url("east", ports.client));
    const servers = (await closestServers(urls)).map(({ url }) => url);
    return connect({ servers, noRandomize: true, reconnectTimeWait: 50, maxReconnectAttempts: -1 });
  }

  /** Asks again and again, without waiting for the answers. */
  async #ask(at: number): Promise<void> {
    const pending = new Set<Promise<void>>();
    while (this.#running) {
      const asked: Promise<void> = this.#askOnce(at).finally(() => pending.delete(asked));
      pending.add(asked);
      await pause(PAUSE_MS);
    }
    await Promise.all(pending);
  }

  async #askOnce(at: number): Promise<void> {
    const atMs = performance.now();
    let servedIn: string | undefined;
    try {
      servedIn = (await this.#requesters[at].request("work", "", { timeout: REQUEST_TIMEOUT_MS })).string();
    } catch {
      // Too late, or nobody there: it counts as such.
    }
    this.#outcomes.push({ atMs, tookMs: performance.now() - atMs, servedIn });
  }

  /** Waits until every request of a second is answered in a cluster, and reports it. */
  async calm(what: string, cluster: Cluster): Promise<void> {
    const endsAt = performance.now() + PATIENCE_MS;
    for (;;) {
      this.#outcomes = [];
      await pause(1_000);
      const tally = tallyOf(this.#outcomes);
      if (tally === `${cluster} ${this.#outcomes.length}`) break;
      must(performance.now() < endsAt, `${what}: requests are served in ${tally}, not in ${cluster} alone`);
    }
    const sorted = this.#outcomes.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    this.#context.report(
      `${what}: ${this.#outcomes.length} requests/s served in ${cluster}, median ${median.toFixed(1)} ms`,
    );
  }

  async disaster(): Promise<void> {
    this.#outcomes = [];
    const killedAt = performance.now();
    for (const { process } of this.#of("east")) process?.signal("SIGKILL");
    await pause(5_000);
    const after = this.#outcomes.filter(({ atMs }) => atMs > killedAt).sort((a, b) => endOf(a) - endOf(b));
    const first = after.find(({ servedIn }) => servedIn !== undefined);
    must(first !== undefined, "no request was answered within five seconds of the loss of a cluster");
    const lost = this.#outcomes.filter(({ servedIn }) => servedIn === undefined);
    const firstMs = endOf(first) - killedAt;
    const lastMs = Math.max(0, ...lost.map(({ atMs }) => atMs - killedAt));
    this.#context.report(`east killed: first answer after ${firstMs.toFixed(0)} ms, served in ${tallyOf(after)}`);
    this.#context.report(
      `  ${lost.length} of ${this.#outcomes.length} requests failed, the last of them sent after ${lastMs.toFixed(0)} ms`,
    );
    await this.calm("without east", "west");
  }

  async comeHome(): Promise<void> {
    const startedAt = performance.now();
    for (const member of this.#of("east")) await this.#startMember(member);
    await this.calm("east is back, its clients still elsewhere", "west");
    this.#outcomes = [];
    for (const [at, old] of this.#requesters.entries()) {
      this.#requesters[at] = await this.#requester();
      await old.drain();
    }
    await this.calm("clients that have asked again which servers are nearest", "east");
    this.#context.report(
      `home ${((performance.now() - startedAt) / 1000).toFixed(1)} s after the first server of east was started`,
    );
  }

  async end(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
    for (const nc of [...this.#requesters, ...this.#workers]) await nc.close();
  }
}

const endOf = ({ atMs, tookMs }: Outcome): number => atMs + tookMs;

function tallyOf(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { servedIn = "nowhere" } of outcomes) counts.set(servedIn, (counts.get(servedIn) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
}
