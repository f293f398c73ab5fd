// npm run soak: drills with a real server process, one after the other.
// usage: npm run soak -- [DRILL ...] [--short] [--neighbour] [--seed N] [--seeds COUNT] [--bug NAME]
import { parseArgs } from "node:util";
import { clusterFaults } from "./cluster-faults.js";
import { connections } from "./connections.js";
import { type Drill, DrillContext } from "./drill.js";
import { edge } from "./edge.js";
import { edgeStreams } from "./edge-streams.js";
import { gatewayPruning } from "./gateway-pruning.js";
import { jetStreamAnswers } from "./jetstream-answers.js";
import { jetStreamKills } from "./jetstream-kills.js";
import { jetStreamSyncs } from "./jetstream-syncs.js";
import { mixedLoad } from "./mixed-load.js";
import { simulatedCluster, simulatedLeafs, simulatedSuperCluster } from "./simulations.js";
import { subscriptions } from "./subscriptions.js";
import { superCluster } from "./super-cluster.js";

const drills: readonly Drill[] = [
  connections,
  subscriptions,
  mixedLoad,
  edge,
  simulatedCluster,
  simulatedSuperCluster,
  simulatedLeafs,
  clusterFaults,
  superCluster,
  gatewayPruning,
  jetStreamAnswers,
  jetStreamKills,
  edgeStreams,
  jetStreamSyncs,
];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: "boolean", default: false },
    neighbour: { type: "boolean", default: false },
    seed: { type: "string" },
    seeds: { type: "string" },
    bug: { type: "string" },
  },
});
const chosen = drills.filter((drill) => positionals.length === 0 || positionals.includes(drill.name));
if (chosen.length === 0) {
  console.error(`no drill named ${positionals.join(", ")}; there are: ${drills.map((drill) => drill.name).join(", ")}`);
  process.exit(2);
}

// So that the servers end with it.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

let failed = 0;
for (const drill of chosen) {
  console.log(`soak: ${drill.name}`);
  const context = new DrillContext({
    short: flags.short,
    program: flags.neighbour ? "neighbour" : "natsnode",
    seed: flags.seed === undefined ? undefined : Number(flags.seed),
    seeds: flags.seeds === undefined ? undefined : Number(flags.seeds),
    bug: flags.bug,
  });
  const startedMs = performance.now();
  try {
    await drill.run(context);
    console.log(`soak: ${drill.name}: passed in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  } catch (error) {
    failed++;
    console.error(`soak: ${drill.name}: FAILED: ${error instanceof Error ? error.stack : error}`);
  } finally {
    await context.close();
  }
}
console.log(failed === 0 ? "soak: all passed" : `soak: ${failed} FAILED`);
process.exit(failed === 0 ? 0 : 1);
