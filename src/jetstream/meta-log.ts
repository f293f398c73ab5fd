// The log of which streams and consumers there are, kept twice: one bad byte must not cost a whole stream.
import { decodeMeta, encodeMeta, type MetaEntry, MetaState } from "./meta.js";
import type { EntryLog, RecoveredLog, Storage, Ticket } from "./store/store.js";

/** The keys of both logs. */
export const META_KEYS = ["meta", "meta-copy"] as const;

export class MetaLog {
  readonly state: MetaState;
  readonly #logs: EntryLog[];

  constructor(storage: Storage) {
    this.#logs = META_KEYS.map((key) => storage.log(key));
    const recovered = this.#logs.map((log) => log.recover());
    const found = recovered.map(stateOf);
    const isUnread = this.#logs.map(({ unread }) => unread !== undefined);
    const isDamaged = (key: string): boolean => storage.problems.some((problem) => problem.key === key);
    const [first, copy] = found;
    const isBehind = (at: number): boolean => isDamaged("") && lacksTheLast(recovered[at], recovered[1 - at]);
    const lacks = META_KEYS.map((key, at) => isDamaged(key) || recovered[at].gaps.length > 0 || isBehind(at));
    this.state = lacks[0] && !lacks[1] && !isEmpty(recovered[1]) ? copy : first;
    // Of the journal it may not be known whose record was lost.
    const isUnknown = lacks[0] === lacks[1] && (lacks[0] || isDamaged(""));
    if (isUnknown) for (const entry of missingIn(first, copy)) first.apply(entry);
    // Without both nothing is written before the next start.
    if (isUnread[0] && isUnread[1]) return;
    for (const [at, key] of META_KEYS.entries()) {
      // The other one has all of it.
      if (isUnread[at]) this.#logs[at].delete();
      const log = storage.log(key);
      this.#logs[at] = log;
      log.snapshotter = () => this.state.snapshot();
      if (found[at] !== this.state || isUnread[at])
        for (const entry of difference(found[at], this.state)) log.append(encodeMeta(entry));
    }
  }

  /** Writes an entry down and applies it. */
  propose(entry: MetaEntry): Ticket {
    const bytes = encodeMeta(entry);
    // As removals are, which make room and need the place of an origin.
    const isUrgent = entry.op !== "stream" && entry.op !== "consumer";
    const tickets = this.#logs.map((log) => log.append(bytes, isUrgent));
    this.state.apply(entry);
    return Math.max(...tickets);
  }

  /** Calls back before what is written in this turn ends, ahead of removals. Throws StoreError as `propose`. */
  beforeEnd(flush: () => void): Ticket {
    return this.#logs[0].beforeEnd(flush);
  }
}

// Of a server whose last stream is deleted the copy has entries, and no stream.
function isEmpty({ snapshot, entries }: RecoveredLog): boolean {
  return snapshot === undefined && entries.length === 0;
}

// Whether the other log goes on after the end of this one.
function lacksTheLast({ entries }: RecoveredLog, { entries: others }: RecoveredLog): boolean {
  const last = entries.at(-1);
  if (last === undefined) return others.length === 1;
  return others.at(-2)?.equals(last) === true && others.at(-1)?.equals(last) === false;
}

function stateOf({ snapshot, entries }: RecoveredLog): MetaState {
  const state = new MetaState();
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
