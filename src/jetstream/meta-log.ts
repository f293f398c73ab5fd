// The log of which streams and consumers there are, kept twice: one bad byte must not cost a whole stream.
import { decodeMeta, encodeMeta, type MetaEntry, MetaState } from "./meta.js";
import type { EntryLog, Storage, Ticket } from "./store/store.js";

/** The keys of both logs. */
export const META_KEYS = ["meta", "meta-copy"] as const;

export class MetaLog {
  readonly state: MetaState;
  readonly #logs: readonly EntryLog[];

  constructor(storage: Storage) {
    this.#logs = META_KEYS.map((key) => storage.log(key));
    const found = this.#logs.map(stateOf);
    const isDamaged = (key: string): boolean => storage.problems.some((problem) => problem.key === key);
    const [first, copy] = found;
    const takesCopy = isDamaged(META_KEYS[0]) && !isDamaged(META_KEYS[1]) && copy.accounts.size > 0;
    this.state = takesCopy ? copy : first;
    // Of the journal it is not known whose record was lost.
    if (isDamaged("") || META_KEYS.every(isDamaged)) for (const entry of missingIn(first, copy)) first.apply(entry);
    for (const [at, log] of this.#logs.entries()) {
      log.snapshotter = () => this.state.snapshot();
      if (found[at] !== this.state)
        for (const entry of difference(found[at], this.state)) log.append(encodeMeta(entry));
    }
  }

  /** Writes an entry down and applies it. */
  propose(entry: MetaEntry): Ticket {
    const bytes = encodeMeta(entry);
    const makesRoom = entry.op === "stream-gone" || entry.op === "consumer-gone";
    const tickets = this.#logs.map((log) => log.append(bytes, makesRoom));
    this.state.apply(entry);
    return Math.max(...tickets);
  }
}

function stateOf(log: EntryLog): MetaState {
  const state = new MetaState();
  const { snapshot, entries } = log.recover();
  if (snapshot !== undefined) state.restore(snapshot);
  for (const entry of entries) state.apply(decodeMeta(entry));
  return state;
}

/** What only the other state has. */
function missingIn(state: MetaState, other: MetaState): MetaEntry[] {
  return [...other.entries()].filter((entry) => !has(state, entry));
}

/** Entries that make one state of another. */
function difference(from: MetaState, to: MetaState): MetaEntry[] {
  const known = new Set([...from.entries()].map((entry) => String(encodeMeta(entry))));
  const gone: MetaEntry[] = missingIn(to, from).map((entry) => {
    const { account, stream } = entry;
    return entry.op === "consumer"
      ? { op: "consumer-gone", account, stream, consumer: entry.consumer }
      : { op: "stream-gone", account, stream };
  });
  return [...gone, ...[...to.entries()].filter((entry) => !known.has(String(encodeMeta(entry))))];
}

function has(state: MetaState, entry: MetaEntry): boolean {
  const stream = state.accounts.get(entry.account)?.get(entry.stream);
  return entry.op === "consumer" ? stream?.consumers.has(entry.consumer) === true : stream !== undefined;
}
