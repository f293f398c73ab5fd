// One seed's run of simulated leaf nodes: chains and trees of them form, calm times and faults take turns under traffic, and
// in the end everything is as it was in the beginning.
import { isDeepStrictEqual } from "node:util";
import { SimulatedRandom } from "../../src/runtime/simulated/random.js";
import { drawFault, FAULT_KINDS } from "./cluster-faults.js";
import { ClusterModel } from "./cluster-model.js";
import { ClusterTraffic } from "./cluster-traffic.js";
import { Draw } from "./draw.js";
import { LEAF_TOPICS, planLeafs } from "./leaf-plan.js";
import { type LeafCounters, type LeafNode, LeafWorld } from "./leaf-world.js";
import { RunFailure, type RunReport } from "./report.js";

const EXACT_MESSAGES = 40;
const FORM_LIMIT_MS = 8_000;
const REST_LIMIT_MS = 15_000;
/** Those of pauses between dials, of the first pings: in a group they come and go. */
const SPARE_TIMERS = 2;

/** Runs one seed to its end; rejects with a RunFailure. */
export async function runLeafs(seed: number): Promise<RunReport> {
  const run = new LeafRun(seed);
  try {
    return await run.toItsEnd();
  } catch (error) {
    throw new RunFailure(seed, [...run.history, ...run.errors()], error);
  }
}

class LeafRun {
  readonly history: string[] = [];
  readonly #seed: number;
  readonly #draw: Draw;
  readonly #world: LeafWorld;
  readonly #traffic: ClusterTraffic<LeafNode>;
  #faults = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#draw = new Draw(new SimulatedRandom(`leafs ${seed}`));
    const world = new LeafWorld(`leafs ${seed}`, planLeafs(this.#draw));
    this.#world = world;
    const model = new ClusterModel(
      () => world.nowMs,
      (account, subject, from, to) => world.mayReach(account, subject, from, to),
    );
    this.#traffic = new ClusterTraffic(world, this.#draw, model, LEAF_TOPICS);
  }

  async toItsEnd(): Promise<RunReport> {
    for (const { servers, above, accounts, severalUrls, compression } of this.#world.plan.groups) {
      const up =
        above === undefined ? "the hub" : `${accounts.join("+")} to ${severalUrls ? "any" : "one"} of ${above.name}`;
      this.#note(`${servers.join(" ")}: ${up}, compression ${compression}`);
      for (const name of servers) await this.#world.start(name);
    }
    await this.#world.settled(FORM_LIMIT_MS);
    // First pings.
    await this.#world.advance(2_000);
    const atRest = this.#world.counters();
    await this.#calm();
    for (const kind of this.#draw.some(FAULT_KINDS, FAULT_KINDS.length)) await this.#fault(kind);
    await this.#busy(1_000);
    await this.#calm();
    await this.#rest(atRest);
    return {
      seed: this.#seed,
      virtualMs: this.#world.nowMs,
      messages: this.#traffic.model.messages.size,
      deliveries: this.#traffic.model.deliveries,
      faults: this.#faults,
    };
  }

  /** What the servers have logged as errors. */
  errors(): string[] {
    return this.#world.running.flatMap(({ name, log }) => log.matching(/^error/).map((line) => `${name}: ${line}`));
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

  async #rest(atRest: Record<string, LeafCounters>): Promise<void> {
    for (const client of [...this.#traffic.clients]) this.#traffic.leave(client);
    this.#note("all clients have left");
    const untilMs = this.#world.nowMs + REST_LIMIT_MS;
    while (this.#world.nowMs < untilMs && !this.#isAtRest(atRest)) {
      await this.#world.advance(500);
    }
    const counters = this.#world.counters();
    for (const [name, wanted] of Object.entries(atRest)) {
      if (isAtRest(counters[name], wanted)) continue;
      throw new Error(`${name} is not at rest: ${JSON.stringify(counters[name])} instead of ${JSON.stringify(wanted)}`);
    }
    for (const { name, log } of this.#world.running) {
      const [trouble] = log.matching(/internal error|Loop detected/);
      if (trouble !== undefined) throw new Error(`${name} has logged: ${trouble}`);
    }
  }

  #isAtRest(before: Record<string, LeafCounters>): boolean {
    const now = this.#world.counters();
    return Object.entries(before).every(([name, wanted]) => isAtRest(now[name], wanted));
  }

  #note(text: string): void {
    this.history.push(`${(this.#world.nowMs / 1000).toFixed(3)} s  ${text}`);
  }
}

function isAtRest({ timers, ...now }: LeafCounters, { timers: timersBefore, ...before }: LeafCounters): boolean {
  return timers <= timersBefore + SPARE_TIMERS && isDeepStrictEqual(now, before);
}
