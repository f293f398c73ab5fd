// What natsnode's own metrics tell of JetStream: mirrors and sources, and the budget of memory (docs/guides/monitoring.md).
import type { JetStreamSample } from "../server/jetstream-source.js";
import type { Inflow } from "./inflows/inflow.js";
import type { JetStream } from "./jetstream.js";
import type { MemoryBudget } from "./memory-budget.js";

const gauge = "gauge";

const INFLOW: readonly Pick<JetStreamSample, "name" | "help" | "type">[] = [
  { name: "inflow_lag_messages", help: "Messages of the origin that are still to come", type: gauge },
  { name: "inflow_active_seconds", help: "Time since the origin was last heard of; -1 if never", type: gauge },
  { name: "inflow_stalled", help: "Whether nothing comes because of an error", type: gauge },
  { name: "inflow_replaced_origins", help: "How often the origin was another stream than before", type: "counter" },
];

const valuesOf = ({ lag, activeSeconds, isStalled, place }: Inflow): readonly number[] => [
  lag,
  activeSeconds,
  isStalled ? 1 : 0,
  place.replacements,
];

/** The present values. */
export function* samplesOf({ accounts, memoryBudget }: JetStream): Iterable<JetStreamSample> {
  if (memoryBudget.isLimited) yield* ofBudget(memoryBudget);
  for (const { account, fed } of accounts.values()) {
    for (const { name: stream, inflows } of fed) {
      for (const inflow of inflows?.all() ?? []) {
        const labels = { account: account.name, stream, ...originOf(inflow) };
        const values = valuesOf(inflow);
        for (const [at, sample] of INFLOW.entries()) yield { ...sample, labels, value: values[at] };
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
