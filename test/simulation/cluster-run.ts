// One seed's run of a simulated cluster: it forms, calm times and faults take turns under traffic, and in the end everything
// is as it was in the beginning.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { SimulatedRandom } from "../../src/runtime/simulated/random.js";
import { drawFault, FAULT_KINDS } from "./cluster-faults.js";
import { ClusterModel } from "./cluster-model.js";
import { planCluster } from "./cluster-plan.js";
import { CLUSTER_TOPICS, ClusterTraffic } from "./cluster-traffic.js";
import { type ClusterNode, ClusterWorld, type Counters } from "./cluster-world.js";
import { Draw } from "./draw.js";
import { RunFailure, type RunReport } from "./report.js";

const LEAST_MS = 30_000;
const LEAST_MESSAGES = 500;
const EXACT_MESSAGES = 40;
const FORM_LIMIT_MS = 8_000;
const REST_LIMIT_MS = 15_000;

export interface ClusterReport extends RunReport {
  /** Over all packets, when they were asked for; two runs of one seed have the same. */
  readonly digest: string;
}

/** Runs one seed to its end; rejects with a RunFailure. `trace` makes the digest of all packets, which takes time. */
export async function runCluster(seed: number, { trace = false } = {}): Promise<ClusterReport> {
  const run = new ClusterRun(seed, trace);
  try {
    return await run.toItsEnd();
  } catch (error) {
    throw new RunFailure(seed, run.history, error);
  }
}

class ClusterRun {
  readonly history: string[] = [];
  readonly #seed: number;
  readonly #draw: Draw;
  readonly #world: ClusterWorld;
  readonly #traffic: ClusterTraffic<ClusterNode>;
  readonly #digest = createHash("sha256");
  #faults = 0;

  constructor(seed: number, trace: boolean) {
    this.#seed = seed;
    this.#draw = new Draw(new SimulatedRandom(`cluster ${seed}`));
    this.#world = new ClusterWorld(`cluster ${seed}`, planCluster(this.#draw));
    const model = new ClusterModel(() => this.#world.nowMs);
    this.#traffic = new ClusterTraffic(this.#world, this.#draw, model, CLUSTER_TOPICS);
    if (trace) this.#world.runtime.wires.trace = (line) => void this.#digest.update(line);
  }

  async toItsEnd(): Promise<ClusterReport> {
    const { servers, routes, poolSizes, pinned, compression } = this.#world.plan;
    for (const name of servers) {
      this.#note(
        `${name}: pool ${poolSizes.get(name)}, compression ${compression.get(name)}, routes to ${routes.get(name)?.join(" ") || "nobody"}`,
      );
    }
    if (pinned) this.#note("an account has routes of its own");
    for (const name of servers) await this.#world.start(name);
    await this.#world.settled(FORM_LIMIT_MS);
    // First pings, first statistics.
    await this.#world.advance(2_000);
    const atRest = this.#counters();
    await this.#calm();
    const more = this.#draw.between(0, 2);
    const kinds = [...FAULT_KINDS, ...Array.from({ length: more }, () => this.#draw.pick(FAULT_KINDS))];
    for (const kind of this.#draw.some(kinds, kinds.length)) await this.#fault(kind);
    while (this.#world.nowMs < LEAST_MS || this.#traffic.model.messages.size < LEAST_MESSAGES) {
      await this.#busy(1_000);
      await this.#calm();
    }
    await this.#rest(atRest);
    return {
      seed: this.#seed,
      virtualMs: this.#world.nowMs,
      messages: this.#traffic.model.messages.size,
      deliveries: this.#traffic.model.deliveries,
      faults: this.#faults,
      digest: this.#digest.digest("hex"),
    };
  }

  async #calm(): Promise<void> {
    await this.#traffic.populate();
    await this.#traffic.quiet();
    this.#note("calm");
    await this.#traffic.exact(EXACT_MESSAGES);
  }

  async #busy(ms: number): Promise<void> {
    const untilMs = this.#world.nowMs + ms;
    while (this.#world.nowMs < untilMs) {
      this.#traffic.step();
      await this.#world.advance(this.#draw.between(5, 60));
      this.#traffic.check();
    }
  }

  async #fault(kind: (typeof FAULT_KINDS)[number]): Promise<void> {
    const fault = drawFault(kind, this.#world, this.#draw, ({ name }) => this.#traffic.serverLost(name));
    this.#faults++;
    this.#note(`${fault.text} for ${fault.lastsMs} ms`);
    await fault.begin();
    await this.#busy(fault.lastsMs);
    await fault.end();
    this.#note(`mended: ${fault.text}`);
    await this.#world.settled(fault.limitMs, () => {
      for (const client of this.#draw.some([...this.#traffic.clients], 1)) this.#traffic.publish(client);
    });
    this.#traffic.check();
    await this.#calm();
  }

  async #rest(atRest: Record<string, Counters>): Promise<void> {
    for (const client of [...this.#traffic.clients]) this.#traffic.leave(client);
    this.#note("all clients have left");
    const untilMs = this.#world.nowMs + REST_LIMIT_MS;
    while (this.#world.nowMs < untilMs && !isDeepStrictEqual(this.#counters(), atRest)) await this.#world.advance(500);
    const counters = this.#counters();
    for (const [name, wanted] of Object.entries(atRest)) {
      if (isDeepStrictEqual(counters[name], wanted)) continue;
      throw new Error(`${name} is not at rest: ${JSON.stringify(counters[name])} instead of ${JSON.stringify(wanted)}`);
    }
    for (const { name, log } of this.#world.running) {
      const [trouble] = log.matching(/internal error/);
      if (trouble !== undefined) throw new Error(`${name} has logged: ${trouble}`);
    }
  }

  #counters(): Record<string, Counters> {
    return this.#world.counters();
  }

  #note(text: string): void {
    this.history.push(`${(this.#world.nowMs / 1000).toFixed(3)} s  ${text}`);
  }
}
