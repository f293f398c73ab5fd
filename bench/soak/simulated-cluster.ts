// Drill: whole clusters in simulated time, a thousand seeds of them on all cores. A seed that fails is printed;
// `--seed N --seeds 1` runs it again, `--bug NAME` runs seeds with a planted bug until it is found.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { RunReport } from "../../test/simulation/cluster-run.js";
import { findFailure } from "../../test/simulation/cluster-search.js";
import { type Drill, type DrillContext, must } from "./drill.js";

const SEEDS = 1000;
const SEEDS_IN_SHORT = 50;
const SEEDS_FOR_A_BUG = 200;

/** What a thread is to do, and what it says. */
export interface SeedsOfThread {
  readonly first: number;
  readonly count: number;
  readonly step: number;
}
export type ThreadMessage = { readonly passed: RunReport } | { readonly failed: string };

export const simulatedCluster: Drill = {
  name: "simulated cluster",
  async run(context) {
    const { short, seed = 1, seeds, bug } = context.settings;
    if (bug !== undefined) return findBug(context, bug, seed, seeds ?? SEEDS_FOR_A_BUG);
    const count = seeds ?? (short ? SEEDS_IN_SHORT : SEEDS);
    const threads = Math.min(count, Math.max(2, availableParallelism()));
    const totals = { seeds: 0, virtualMs: 0, messages: 0, deliveries: 0, faults: 0 };
    const passed = ({ virtualMs, messages, deliveries, faults }: RunReport): void => {
      totals.seeds++;
      totals.virtualMs += virtualMs;
      totals.messages += messages;
      totals.deliveries += deliveries;
      totals.faults += faults;
    };
    const failures = await Promise.all(
      Array.from({ length: threads }, (_, thread) =>
        runThread({ first: seed + thread, count: count - thread, step: threads }, passed),
      ),
    );
    for (const failure of failures) if (failure !== undefined) context.report(failure);
    must(
      failures.every((failure) => failure === undefined),
      "run a seed again with: npm run soak -- 'simulated cluster' --seeds 1 --seed N",
    );
    const { virtualMs, messages, deliveries, faults } = totals;
    context.report(
      `${totals.seeds} seeds from ${seed} on: ${(virtualMs / 60_000).toFixed(0)} virtual minutes, ` +
        `${messages} messages, ${deliveries} deliveries, ${faults} faults`,
    );
  },
};

/** Runs seeds on a thread of their own; resolves with what failed. */
function runThread(workerData: SeedsOfThread, passed: (report: RunReport) => void): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let failure: string | undefined;
    const worker = new Worker(new URL("./simulated-cluster-thread.js", import.meta.url), { workerData });
    worker.on("message", (message: ThreadMessage) => {
      if ("passed" in message) passed(message.passed);
      else failure = message.failed;
    });
    worker.once("error", reject);
    worker.once("exit", () => resolve(failure));
  });
}

async function findBug(context: DrillContext, bug: string, first: number, count: number): Promise<void> {
  const failure = await findFailure({ first, count, bug });
  must(failure !== undefined, `${bug}: not found within ${count} seeds`);
  context.report(`found: ${failure.message}`);
}
