// How a stream is found again: its segments, the removals, and what the journal has beyond both.
import type { StoreError } from "./errors.js";
import type { FileLog, JournalRecord } from "./file-log.js";
import { RecordFlag } from "./record.js";
import { addGone, decodeRemovals, type Gone, type Removed, toErase } from "./removals.js";
import { loadSegments, type Recovery } from "./segment-recovery.js";
import type { StreamFiles } from "./stream-files.js";
import { flagsOf } from "./stream-index.js";

export interface RecoveredStream {
  /** Truncations that the segments may not have seen. */
  readonly cuts: Removed[];
  readonly gone: Gone[];
  readonly toErase: ReadonlySet<number>;
  /** Why the index does not have all that there is: then no file may be changed. */
  readonly failure: StoreError | undefined;
}

/** Fills the stream's index with what can be read; `failure`: why that cannot be all. Throws StoreError STORE_VERSION, STORE_KEY. */
export async function recoverStream(
  files: StreamFiles,
  log: FileLog,
  messages: readonly JournalRecord[],
  removals: readonly JournalRecord[],
  isNew: boolean,
  failure?: StoreError,
): Promise<RecoveredStream> {
  const journalFrom = messages[0]?.record.index ?? Number.POSITIVE_INFINITY;
  await log.load();
  await log.adopt(removals);
  // Nobody knows what was removed.
  if (log.unread !== undefined) return { cuts: [], gone: [], toErase: new Set(), failure: log.unread };
  const { state, steps } = decodeRemovals(log.recover());
  const cuts = steps.filter((step) => step.kind === "above");
  const gone = steps.reduce<Gone[]>((ranges, step) => (step.kind === "gone" ? addGone(ranges, step) : ranges), []);
  const recovery: Recovery = {
    files,
    journalFrom,
    messages,
    gone,
    steps,
    toErase: toErase(steps),
    isNew,
    expiries: new Map(),
    known: new Map(),
    lasts: [],
    failure,
  };
  await loadSegments(recovery);
  if (state !== undefined) {
    const index = state.steps.reduce((last, step) => Math.max(last, step.index), 0);
    recovery.lasts.push({
      sequence: state.lastSequence,
      index,
      seconds: state.lastSeconds,
      nanoseconds: state.lastNanoseconds,
    });
  }
  // Messages that a truncation has cut before they were in a segment have had their numbers, too.
  adoptMessages(recovery, messages, cuts);
  for (const { index } of steps) files.lastIndex = Math.max(files.lastIndex, index);
  for (const step of steps) apply(files, step);
  finish(recovery, steps);
  return { cuts, gone, toErase: recovery.toErase, failure: recovery.failure };
}

/** Adds what the segments do not have. */
function adoptMessages(recovery: Recovery, records: readonly JournalRecord[], cuts: readonly Removed[]): void {
  const { files, expiries } = recovery;
  const { index } = files;
  let end = records.length;
  // The rest of this batch has not come to the disk: it was not acknowledged.
  while (end > 0 && (records[end - 1].record.flags & RecordFlag.more) !== 0) end--;
  for (const { record, chunk, ticket } of records.slice(0, end)) {
    if (record.index <= files.lastIndex) continue;
    const { sequence, expiresMs } = record;
    const last = index.blocks[index.blocks.length - 1];
    const isCut =
      last !== undefined && cuts.some((cut) => last.home.firstIndex <= cut.index && record.index > cut.index);
    if (isCut || (last !== undefined && sequence <= last.last)) files.newBlock(sequence);
    const block = files.blockFor(sequence, record.bytes);
    files.lastIndex = record.index;
    files.addRun(block, chunk, record.at, record.bytes, ticket);
    const id = index.subjectIndex.add(record.subject);
    const flags = flagsOf(record.headerBytes > 0, expiresMs);
    block.add(sequence, record.seconds, record.nanoseconds, id, flags, record.bytes);
    if (expiresMs > 0) expiries.set(sequence, expiresMs);
    else expiries.delete(sequence);
  }
}

function apply(files: StreamFiles, step: Removed): void {
  if (step.kind === "gone" || step.kind === "erase" || step.kind === "erased") return;
  const { blocks } = files.index;
  const meant = blocks.filter((block) => block.home.firstIndex <= step.index);
  if (step.kind === "above") {
    for (const block of meant) {
      if (block.first <= step.sequence) {
        block.cutAfter(step.sequence);
        continue;
      }
      files.doom(block);
      blocks.splice(blocks.indexOf(block), 1);
    }
    return;
  }
  const ranges = step.kind === "ranges" ? step.ranges : [[0, step.sequence - 1] as const];
  for (const [first, last] of ranges) {
    for (const block of meant) {
      if (block.count === 0 || block.first > last || block.last < first) continue;
      for (let slot = block.lowerBound(first); slot < block.count && block.sequenceAt(slot) <= last; slot++) {
        block.mark(slot);
      }
    }
  }
}

function finish(recovery: Recovery, steps: readonly Removed[]): void {
  const { files, expiries } = recovery;
  const { index } = files;
  const lasts = [...recovery.lasts];
  for (const step of steps) {
    if (step.kind === "below")
      lasts.push({ sequence: step.sequence - 1, index: step.index, seconds: 0, nanoseconds: 0 });
    if (step.kind !== "above") continue;
    for (const last of lasts) if (last.index <= step.index) last.sequence = Math.min(last.sequence, step.sequence);
    lasts.push({ sequence: step.sequence, index: step.index, seconds: 0, nanoseconds: 0 });
    for (const last of lasts) if (last.index <= step.index) last.sequence = Math.min(last.sequence, step.sequence);
  }
  index.rebuild();
  let known = { sequence: index.lastSequence, ...index.lastTime };
  for (const last of lasts) {
    if (last.sequence < known.sequence || (last.sequence === known.sequence && known.seconds > 0)) continue;
    known = last.seconds > 0 ? last : { ...last, seconds: known.seconds, nanoseconds: known.nanoseconds };
  }
  index.skipTo(known.sequence);
  index.setLastTime(known.seconds, known.nanoseconds);
  for (const block of index.blocks.slice(0, -1)) if (block.count === 0) files.doom(block);
  index.blocks.splice(
    0,
    Math.max(0, index.blocks.length - 1),
    ...index.blocks.slice(0, -1).filter((one) => one.count > 0),
  );
  const end = index.blocks[index.blocks.length - 1];
  if (end?.count === 0) end.first = index.lastSequence + 1;
  // What comes now must not be taken for what was cut.
  if (end !== undefined && steps.some((step) => step.kind === "above" && end.home.firstIndex <= step.index)) {
    end.home.sealed = true;
  }
  for (const [sequence, expiresMs] of expiries) index.addExpiry(sequence, expiresMs);
}
