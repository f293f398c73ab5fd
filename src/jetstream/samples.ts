// What natsnode's own metrics tell of JetStream: mirrors and sources, and the budget of memory (docs/guides/monitoring.md).
import type { JetStreamSample } from "../server/jetstream-source.js";
import type { Inflow } from "./inflow.js";
import type { JetStream } from "./jetstream.js";
import type { MemoryBudget } from "./memory-budget.js";

const INFLOW: readonly (readonly [name: string, help: string, value: (inflow: Inflow) => number])[] = [
  ["inflow_lag_messages", "Messages of the origin that are still to come", ({ lag }) => lag],
  [
    "inflow_active_seconds",
    "Time since the origin was last heard of; -1 if never",
    ({ activeSeconds }) => activeSeconds,
  ],
  ["inflow_stalled", "Whether nothing comes because of an error", ({ fault }) => (fault === undefined ? 0 : 1)],
];

const gauge = "gauge";

/** The present values. */
export function* samplesOf({ accounts, memoryBudget }: JetStream): Iterable<JetStreamSample> {
  if (memoryBudget.isLimited) yield* ofBudget(memoryBudget);
  for (const { account, fed } of accounts.values()) {
    for (const { name: stream, inflows } of fed) {
      for (const inflow of inflows?.all() ?? []) {
        const labels = { account: account.name, stream, ...originOf(inflow) };
        for (const [name, help, value] of INFLOW) yield { name, help, type: gauge, labels, value: value(inflow) };
      }
    }
  }
}

function* ofBudget(budget: MemoryBudget): Iterable<JetStreamSample> {
  const labels = {};
  const name = "memory_process_";
  const { limitBytes, isRefusing, refused } = budget;
  yield { name: `${name}bytes`, help: "Memory of the process", type: gauge, labels, value: budget.bytes };
  yield { name: `${name}limit_bytes`, help: "Its budget", type: gauge, labels, value: limitBytes };
  yield {
    name: `${name}refusing`,
    help: "Whether messages are refused",
    type: gauge,
    labels,
    value: isRefusing ? 1 : 0,
  };
  const help = "Messages that were refused for lack of memory";
  yield { name: `${name}refused_messages`, help, type: "counter", labels, value: refused };
}

function originOf({ config, isMirror }: Inflow): Record<string, string> {
  const { name, external, filter_subject: filter, subject_transforms: transforms = [] } = config;
  return {
    kind: isMirror ? "mirror" : "source",
    origin: name,
    api: external?.api ?? "",
    filter: filter || transforms.map(({ src }) => src).join(" "),
  };
}
