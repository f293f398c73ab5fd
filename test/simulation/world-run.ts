// One seed's run in a simulated world: calm times and faults take turns under traffic, and in the end everything is as it was
// in the beginning.
import { drawFault, type FAULT_KINDS, type FaultyNode, type FaultyWorld } from "./cluster-faults.js";
import type { ClusterTraffic } from "./cluster-traffic.js";
import type { Draw } from "./draw.js";
import { RunFailure, type RunReport } from "./report.js";
import type { WorldNode } from "./simulated-world.js";

const EXACT_MESSAGES = 40;
const REST_LIMIT_MS = 15_000;

/** What a run needs of its world. */
export interface RunWorld<Counters> extends FaultyWorld {
  readonly nowMs: number;
  readonly running: readonly (FaultyNode & WorldNode)[];
  advance(ms: number): Promise<void>;
  /** Lets time pass until all servers know each other; throws when that takes too long. */
  settled(limitMs: number, meanwhile?: () => void): Promise<void>;
  /** What must be the same again in the end, by the name of a server or a group of them. */
  counters(): Record<string, Counters>;
}

export class WorldRun<Node extends WorldNode, Counters> {
  readonly #seed: number;
  readonly #world: RunWorld<Counters>;
  readonly #draw: Draw;
  readonly #traffic: ClusterTraffic<Node>;
  readonly #history: string[] = [];
  #faults = 0;

  constructor(seed: number, world: RunWorld<Counters>, draw: Draw, traffic: ClusterTraffic<Node>) {
    this.#seed = seed;
    this.#world = world;
    this.#draw = draw;
    this.#traffic = traffic;
  }

  /** The report of a run that `steps` leads to its end; rejects with a RunFailure. */
  async report(steps: () => Promise<void>): Promise<RunReport> {
    try {
      await steps();
    } catch (error) {
      throw new RunFailure(this.#seed, [...this.#history, ...this.#errors()], error);
    }
    return {
      seed: this.#seed,
      virtualMs: this.#world.nowMs,
      messages: this.#traffic.model.messages.size,
      deliveries: this.#traffic.model.deliveries,
      faults: this.#faults,
    };
  }

  note(text: string): void {
    this.#history.push(`${(this.#world.nowMs / 1000).toFixed(3)} s  ${text}`);
  }

  /** Traffic without faults, of which every message must come. */
  async calm(): Promise<void> {
    await this.#traffic.populate();
    await this.#traffic.quiet();
    this.note("calm");
    await this.#traffic.exact(EXACT_MESSAGES);
  }

  /** Traffic of which messages may be lost. */
  async busy(ms: number): Promise<void> {
    const untilMs = this.#world.nowMs + ms;
    while (this.#world.nowMs < untilMs) {
      this.#traffic.step();
      await this.#world.advance(this.#draw.between(5, 60));
      this.#traffic.check();
    }
  }

  /** A fault under traffic, until it is mended and the world has settled. */
  async fault(kind: (typeof FAULT_KINDS)[number]): Promise<void> {
    const fault = drawFault(kind, this.#world, this.#draw, ({ name }) => this.#traffic.serverLost(name));
    this.#faults++;
    this.note(`${fault.text} for ${fault.lastsMs} ms`);
    await fault.begin();
    await this.busy(fault.lastsMs);
    await fault.end();
    this.note(`mended: ${fault.text}`);
    await this.#world.settled(fault.limitMs, () => {
      for (const client of this.#draw.some([...this.#traffic.clients], 1)) this.#traffic.publish(client);
    });
    this.#traffic.check();
    await this.calm();
  }

  /** All clients leave; throws unless everything becomes as it was. */
  async rest(
    before: Record<string, Counters>,
    isAtRest: (now: Counters, before: Counters) => boolean,
    trouble: RegExp,
  ): Promise<void> {
    for (const client of [...this.#traffic.clients]) this.#traffic.leave(client);
    this.note("all clients have left");
    const restless = (): [string, Counters] | undefined => {
      const now = this.#world.counters();
      return Object.entries(before).find(([name, wanted]) => !isAtRest(now[name], wanted));
    };
    const untilMs = this.#world.nowMs + REST_LIMIT_MS;
    while (this.#world.nowMs < untilMs && restless() !== undefined) await this.#world.advance(500);
    const found = restless();
    if (found !== undefined) {
      const [name, wanted] = found;
      const now = JSON.stringify(this.#world.counters()[name]);
      throw new Error(`${name} is not at rest: ${now} instead of ${JSON.stringify(wanted)}`);
    }
    for (const { name, log } of this.#world.running) {
      const [line] = log.matching(trouble);
      if (line !== undefined) throw new Error(`${name} has logged: ${line}`);
    }
  }

  // What the servers have logged as errors.
  #errors(): string[] {
    return this.#world.running.flatMap(({ name, log }) => log.matching(/^error/).map((line) => `${name}: ${line}`));
  }
}
