// The simulations by their names, and seeds of one of them one after the other, until one fails.
import { runCluster } from "./cluster-run.js";
import { LEAF_BUGS } from "./leaf-bugs.js";
import { runLeafs } from "./leaf-run.js";
import { PLANTED_BUGS } from "./planted-bugs.js";
import type { RunReport } from "./report.js";
import { runSuperCluster } from "./super-cluster-run.js";

interface Simulation {
  /** Runs one seed; rejects with what was wrong. */
  run(seed: number): Promise<RunReport>;
  /** Bugs that it must find. */
  readonly bugs: Readonly<Record<string, () => () => void>>;
}

const SIMULATIONS = {
  cluster: { run: runCluster, bugs: PLANTED_BUGS },
  "super-cluster": { run: runSuperCluster, bugs: {} },
  "leaf nodes": { run: runLeafs, bugs: LEAF_BUGS },
} satisfies Record<string, Simulation>;

export type SimulationName = keyof typeof SIMULATIONS;

export interface SearchOptions {
  readonly simulation: SimulationName;
  readonly first: number;
  readonly count: number;
  /** Every how manyth seed is run; default 1. */
  readonly step?: number;
  /** A planted bug by its name; default: none. */
  readonly bug?: string | undefined;
  /** Hears of every seed that has passed. */
  readonly passed?: (report: RunReport) => void;
}

/** Runs seeds until one fails, and returns the failure; undefined when none does. */
export async function findFailure({
  simulation,
  first,
  count,
  step = 1,
  bug,
  passed,
}: SearchOptions): Promise<Error | undefined> {
  const { run, bugs }: Simulation = SIMULATIONS[simulation];
  const plant = bug === undefined ? undefined : bugs[bug];
  if (bug !== undefined && plant === undefined) {
    throw new Error(`no bug named ${bug}; there are: ${Object.keys(bugs).join("; ")}`);
  }
  const takeOut = plant?.();
  try {
    for (let seed = first; seed < first + count; seed += step) {
      const report = await run(seed);
      passed?.(report);
    }
    return undefined;
  } catch (failure) {
    return failure as Error;
  } finally {
    takeOut?.();
  }
}
