// Drill: a cluster of five server processes under load, whose servers are killed and frozen and whose links are cut, with and
// without a word, at random. After each fault it is whole again in time; nothing comes twice or to another account; memory
// stays flat. With the neighbour at hand, it is done once more with a cluster of both.
import { neighbourPath } from "../../test/support/neighbour.js";
import { ClusterLoad } from "./cluster-load.js";
import { type Drill, type DrillContext, megabytes, must, mustBeFlat } from "./drill.js";
import {
  drawProcessFault,
  mustBeWell,
  PING_INTERVAL_MS,
  PING_MAX,
  type Program,
  ProxiedCluster,
  SERVERS,
} from "./proxied-cluster.js";

const CLOSING_LIMIT_MS = 4_000;
const SILENT_LIMIT_MS = (PING_MAX + 1) * PING_INTERVAL_MS + 4_000;
const FORM_LIMIT_MS = 15_000;
const LOOK_AGAIN_MS = 50;
/** What a process must have lived through before its memory is compared. */
const WARM_MS = 60_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const clusterFaults: Drill = {
  name: "cluster faults",
  async run(context) {
    const { short } = context.settings;
    await runCluster(context, Array<Program>(SERVERS).fill("natsnode"), short ? 25_000 : 600_000);
    if (neighbourPath() === undefined) {
      context.report("mixed with nats-server: SKIPPED, there is no neighbour");
      return;
    }
    const mixed = Array.from({ length: SERVERS }, (_, i): Program => (i % 2 === 0 ? "natsnode" : "neighbour"));
    await runCluster(context, mixed, short ? 15_000 : 120_000);
  },
};

async function runCluster(context: DrillContext, programs: readonly Program[], lengthMs: number): Promise<void> {
  const cluster = await ProxiedCluster.start(context, programs);
  const load = new ClusterLoad(context);
  for (const server of cluster.servers) await load.join(server);
  load.start();
  try {
    await whole(cluster, load, FORM_LIMIT_MS, "forming");
    const memory = new Memory(cluster);
    const worstMs = { closing: 0, silent: 0 };
    let faults = 0;
    const endsAt = performance.now() + lengthMs;
    while (performance.now() < endsAt) {
      const fault = drawProcessFault(cluster, (server) => load.leave(server));
      faults++;
      await fault.begin();
      await pause(fault.lastsMs);
      await fault.end();
      const limitMs = fault.isSilent ? SILENT_LIMIT_MS : CLOSING_LIMIT_MS;
      const healedAt = performance.now();
      for (const server of cluster.servers) if (!load.serves(server)) await load.join(server);
      const tookMs = (await whole(cluster, load, limitMs, fault.text, healedAt)) - healedAt;
      const kind = fault.isSilent ? "silent" : "closing";
      worstMs[kind] = Math.max(worstMs[kind], tookMs);
      for (const server of cluster.servers) mustBeWell(server);
      memory.look();
      await pause(500);
    }
    const { sent, received } = load;
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    context.report(
      `${new Set(programs).size === 1 ? "natsnode alone" : "natsnode and nats-server"}: ${faults} faults, ${sent} messages, ` +
        `${received} deliveries; whole again after at most ${seconds(worstMs.closing)} s (told) and ` +
        `${seconds(worstMs.silent)} s (silent); memory ${memory.text}`,
    );
  } finally {
    load.stop();
    for (const server of cluster.servers) {
      load.leave(server);
      await server.process.kill();
    }
  }
}

/** Resolves with the time at which probes that then arrived everywhere were sent, once all connections are there too. */
async function whole(
  cluster: ProxiedCluster,
  load: ClusterLoad,
  limitMs: number,
  after: string,
  since = performance.now(),
): Promise<number> {
  let arrived = (): boolean => false;
  let sentAt = since;
  for (;;) {
    load.check();
    if (arrived()) break;
    must(performance.now() - since < limitMs, `${after}: messages do not reach everybody within ${limitMs} ms`);
    sentAt = performance.now();
    arrived = load.probe();
    await pause(LOOK_AGAIN_MS);
  }
  for (let missing = await cluster.missing(); missing !== undefined; missing = await cluster.missing()) {
    must(performance.now() - since < limitMs, `${after}: after ${limitMs} ms ${missing}`);
    await pause(LOOK_AGAIN_MS);
  }
  return sentAt;
}

/** Resident memory of the natsnode processes that live long enough. */
class Memory {
  readonly #cluster: ProxiedCluster;
  readonly #known = new Map<number, { readonly since: number; warmBytes: number; latestBytes: number }>();

  constructor(cluster: ProxiedCluster) {
    this.#cluster = cluster;
    this.look();
  }

  look(): void {
    for (const { program, process } of this.#cluster.servers) {
      if (program !== "natsnode") continue;
      const nowBytes = process.residentBytes();
      const before = this.#known.get(process.pid);
      if (before === undefined) {
        this.#known.set(process.pid, { since: performance.now(), warmBytes: 0, latestBytes: nowBytes });
        continue;
      }
      before.latestBytes = nowBytes;
      if (performance.now() - before.since < WARM_MS) continue;
      if (before.warmBytes === 0) before.warmBytes = nowBytes;
      mustBeFlat(before.warmBytes, nowBytes);
    }
  }

  /** The most that a process has had, and the most that one has grown since it was warm. */
  get text(): string {
    const all = [...this.#known.values()];
    const most = Math.max(...all.map(({ latestBytes }) => latestBytes));
    const grown = all.map(({ warmBytes, latestBytes }) => (warmBytes === 0 ? 0 : latestBytes - warmBytes));
    return `at most ${megabytes(most)}, grown by at most ${megabytes(Math.max(...grown))}`;
  }
}
