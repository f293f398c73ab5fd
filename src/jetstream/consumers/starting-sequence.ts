// Where a new consumer begins, by its deliver policy.

import type { StreamStore, SubjectFilter } from "../store/store.js";
import { parseTime } from "../time.js";
import type { ConsumerConfig } from "./consumer-config.js";

/** The stream sequence at which a consumer with this configuration begins to look for messages. */
export function startingSequence(
  config: ConsumerConfig,
  store: StreamStore,
  filter: SubjectFilter | undefined,
): number {
  const { firstSequence, lastSequence } = store.state;
  const end = lastSequence + 1;
  const first = Math.max(1, firstSequence);
  switch (config.deliver_policy) {
    case "new":
      return end;
    case "last": {
      const last = store.previous(lastSequence, filter);
      return last === 0 ? end : last;
    }
    case "by_start_sequence":
      return Math.max(config.opt_start_seq, first);
    case "by_start_time": {
      const since = store.firstSince(parseTime(config.opt_start_time ?? "") ?? 0n);
      return since === 0 ? end : since;
    }
    case "last_per_subject": {
      const all = filter ?? store.filter([]);
      const [oldest] = store.lastPerSubject(all);
      if (all !== filter) all.release();
      return oldest ?? end;
    }
    default:
      return first;
  }
}
