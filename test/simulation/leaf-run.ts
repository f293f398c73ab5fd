// One seed's run of simulated leaf nodes: chains and trees of them.
import { isDeepStrictEqual } from "node:util";
import { SimulatedRandom } from "../../src/runtime/simulated/random.js";
import { FAULT_KINDS } from "./cluster-faults.js";
import { ClusterModel } from "./cluster-model.js";
import { ClusterTraffic } from "./cluster-traffic.js";
import { Draw } from "./draw.js";
import { LEAF_TOPICS, planLeafs } from "./leaf-plan.js";
import { type LeafCounters, LeafWorld } from "./leaf-world.js";
import type { RunReport } from "./report.js";
import { WorldRun } from "./world-run.js";

const FORM_LIMIT_MS = 8_000;
/** Those of pauses between dials, of the first pings: in a group they come and go. */
const SPARE_TIMERS = 2;

/** Runs one seed to its end; rejects with a RunFailure. */
export async function runLeafs(seed: number): Promise<RunReport> {
  const draw = new Draw(new SimulatedRandom(`leafs ${seed}`));
  const world = new LeafWorld(`leafs ${seed}`, planLeafs(draw));
  const model = new ClusterModel(
    () => world.nowMs,
    (account, subject, from, to) => world.mayReach(account, subject, from, to),
  );
  const run = new WorldRun(seed, world, draw, new ClusterTraffic(world, draw, model, LEAF_TOPICS));
  return run.report(async () => {
    await form(world, run);
    const atRest = world.counters();
    await run.calm();
    for (const kind of draw.some(FAULT_KINDS, FAULT_KINDS.length)) await run.fault(kind);
    await run.busy(1_000);
    await run.calm();
    await run.rest(atRest, isAtRest, /internal error|Loop detected/);
  });
}

async function form(world: LeafWorld, run: Pick<WorldRun<never, never>, "note">): Promise<void> {
  for (const { servers, above, accounts, severalUrls, compression } of world.plan.groups) {
    const up =
      above === undefined ? "the hub" : `${accounts.join("+")} to ${severalUrls ? "any" : "one"} of ${above.name}`;
    run.note(`${servers.join(" ")}: ${up}, compression ${compression}`);
    for (const name of servers) await world.start(name);
  }
  await world.settled(FORM_LIMIT_MS);
  // First pings.
  await world.advance(2_000);
}

function isAtRest({ timers, ...now }: LeafCounters, { timers: timersBefore, ...before }: LeafCounters): boolean {
  return timers <= timersBefore + SPARE_TIMERS && isDeepStrictEqual(now, before);
}
