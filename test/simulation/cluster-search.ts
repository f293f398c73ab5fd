// Seeds one after the other, until one fails.
import { type RunFailure, type RunReport, runCluster } from "./cluster-run.js";
import { PLANTED_BUGS } from "./planted-bugs.js";

export interface SearchOptions {
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
  first,
  count,
  step = 1,
  bug,
  passed,
}: SearchOptions): Promise<RunFailure | undefined> {
  const plant = bug === undefined ? undefined : PLANTED_BUGS[bug];
  if (bug !== undefined && plant === undefined) {
    throw new Error(`no bug named ${bug}; there are: ${Object.keys(PLANTED_BUGS).join("; ")}`);
  }
  const takeOut = plant?.();
  try {
    for (let seed = first; seed < first + count; seed += step) {
      const report = await runCluster(seed);
      passed?.(report);
    }
    return undefined;
  } catch (failure) {
    return failure as RunFailure;
  } finally {
    takeOut?.();
  }
}
