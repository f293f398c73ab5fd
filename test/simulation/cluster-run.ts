// One seed's run of a simulated cluster.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { SimulatedRandom } from "../../src/runtime/simulated/random.js";
import { FAULT_KINDS } from "./cluster-faults.js";
import { ClusterModel } from "./cluster-model.js";
import { planCluster } from "./cluster-plan.js";
import { CLUSTER_TOPICS, ClusterTraffic } from "./cluster-traffic.js";
import { ClusterWorld } from "./cluster-world.js";
import { Draw } from "./draw.js";
import type { RunReport } from "./report.js";
import { WorldRun } from "./world-run.js";

const LEAST_MS = 30_000;
const LEAST_MESSAGES = 500;
const FORM_LIMIT_MS = 8_000;

export interface ClusterReport extends RunReport {
  /** Over all packets, when they were asked for; two runs of one seed have the same. */
  readonly digest: string;
}

/** Runs one seed to its end; rejects with a RunFailure. `trace` makes the digest of all packets, which takes time. */
export async function runCluster(seed: number, { trace = false } = {}): Promise<ClusterReport> {
  const digest = createHash("sha256");
  const draw = new Draw(new SimulatedRandom(`cluster ${seed}`));
  const world = new ClusterWorld(`cluster ${seed}`, planCluster(draw));
  const model = new ClusterModel(() => world.nowMs);
  const traffic = new ClusterTraffic(world, draw, model, CLUSTER_TOPICS);
  const run = new WorldRun(seed, world, draw, traffic);
  if (trace) world.runtime.wires.trace = (line) => void digest.update(line);
  const report = await run.report(async () => {
    await form(world, run);
    const atRest = world.counters();
    await run.calm();
    const more = draw.between(0, 2);
    const kinds = [...FAULT_KINDS, ...Array.from({ length: more }, () => draw.pick(FAULT_KINDS))];
    for (const kind of draw.some(kinds, kinds.length)) await run.fault(kind);
    while (world.nowMs < LEAST_MS || model.messages.size < LEAST_MESSAGES) {
      await run.busy(1_000);
      await run.calm();
    }
    await run.rest(atRest, isDeepStrictEqual, /internal error/);
  });
  return { ...report, digest: digest.digest("hex") };
}

async function form(world: ClusterWorld, run: Pick<WorldRun<never, never>, "note">): Promise<void> {
  const { servers, routes, poolSizes, pinned, compression } = world.plan;
  for (const name of servers) {
    run.note(
      `${name}: pool ${poolSizes.get(name)}, compression ${compression.get(name)}, routes to ${routes.get(name)?.join(" ") || "nobody"}`,
    );
  }
  if (pinned) run.note("an account has routes of its own");
  for (const name of servers) await world.start(name);
  await world.settled(FORM_LIMIT_MS);
  // First pings, first statistics.
  await world.advance(2_000);
}
