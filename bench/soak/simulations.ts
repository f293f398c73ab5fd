// Drills: clusters, super-clusters and leaf nodes in simulated time, a thousand seeds of each on all cores. A seed that fails is
// printed; `--seed N --seeds 1` runs it again, `--bug NAME` runs seeds with a planted bug until it is found.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { RunReport } from "../../test/simulation/report.js";
import { findFailure, type SimulationName } from "../../test/simulation/search.js";
import { type Drill, type DrillContext, must } from "./drill.js";

const SEEDS = 1000;
const SEEDS_IN_SHORT = 50;
const SUPER_CLUSTERS_IN_SHORT = 10;
const SEEDS_FOR_A_BUG = 200;

/** What a thread is to do, and what it says. */
export interface SeedsOfThread {
  readonly simulation: SimulationName;
  readonly first: number;
  readonly count: number;
  readonly step: number;
}
export type ThreadMessage = { readonly passed: RunReport } | { readonly failed: string };

export const simulatedCluster: Drill = drill("simulated cluster", "cluster", SEEDS_IN_SHORT);
export const simulatedSuperCluster: Drill = drill("simulated super-cluster", "super-cluster", SUPER_CLUSTERS_IN_SHORT);
export const simulatedLeafs: Drill = drill("simulated leaf nodes", "leaf nodes", SEEDS_IN_SHORT);

function drill(name: string, simulation: SimulationName, inShort: number): Drill {
  return {
    name,
    async run(context) {
      const { short, seed = 1, seeds, bug } = context.settings;
      if (bug !== undefined) return findBug(context, simulation, bug, seed, seeds ?? SEEDS_FOR_A_BUG);
      const totals = { seeds: 0, virtualMs: 0, messages: 0, deliveries: 0, faults: 0 };
      const failures = await runSeeds(simulation, seed, seeds ?? (short ? inShort : SEEDS), (report) => {
        totals.seeds++;
        totals.virtualMs += report.virtualMs;
        totals.messages += report.messages;
        totals.deliveries += report.deliveries;
        totals.faults += report.faults;
      });
      for (const failure of failures) context.report(failure);
      must(failures.length === 0, `run a seed again with: npm run soak -- '${name}' --seeds 1 --seed N`);
      const { virtualMs, messages, deliveries, faults } = totals;
      context.report(
        `${totals.seeds} seeds from ${seed} on: ${(virtualMs / 60_000).toFixed(0)} virtual minutes, ` +
          `${messages} messages, ${deliveries} deliveries, ${faults} faults`,
      );
    },
  };
}

/** Runs seeds on all cores; resolves with what failed. */
async function runSeeds(
  simulation: SimulationName,
  first: number,
  count: number,
  passed: (report: RunReport) => void,
): Promise<string[]> {
  const threads = Math.min(count, Math.max(2, availableParallelism()));
  const ended = Array.from({ length: threads }, (_, thread) =>
    runThread({ simulation, first: first + thread, count: count - thread, step: threads }, passed),
  );
  return (await Promise.all(ended)).filter((failure) => failure !== undefined);
}

/** Runs seeds on a thread of their own; resolves with what failed. */
function runThread(workerData: SeedsOfThread, passed: (report: RunReport) => void): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let failure: string | undefined;
    const worker = new Worker(new URL("./simulation-thread.js", import.meta.url), { workerData });
    worker.on("message", (message: ThreadMessage) => {
      if ("passed" in message) passed(message.passed);
      else failure = message.failed;
    });
    worker.once("error", reject);
    worker.once("exit", () => resolve(failure));
  });
}

async function findBug(
  context: DrillContext,
  simulation: SimulationName,
  bug: string,
  first: number,
  count: number,
): Promise<void> {
  const failure = await findFailure({ simulation, first, count, bug });
  must(failure !== undefined, `${bug}: not found within ${count} seeds`);
  context.report(`found: ${failure.message}`);
}
