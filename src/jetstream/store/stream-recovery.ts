// How a stream is found again: its segments (by their index files where those are good), the removals, and what the journal
// has beyond both. Whatever cannot be read is set aside, the rest is served.
import { viewOf } from "../../protocol/words.js";
import { Codec } from "./codec.js";
import { fileNameOf, readHeader } from "./file-header.js";
import type { FileLog, JournalRecord } from "./file-log.js";
import { nextRecord } from "./frame.js";
import { isRecord, RecordFlag, RecordKind, RecordView } from "./record.js";
import {
  addGone,
  areRemoved,
  decodeRemoved,
  decodeState,
  type Gone,
  knownUpTo,
  type RemovalState,
  type Removed,
  toErase,
} from "./removals.js";
import { Segment, type SegmentHeader, segmentNumber } from "./segment.js";
import { decodeIndex, type KnownSubjects } from "./segment-index.js";
import { SlotBlock, SlotFlag } from "./slot-block.js";
import type { StreamFiles } from "./stream-files.js";
import { flagsOf } from "./stream-index.js";

const HEADER_BYTES = 8 * 1024;

interface Recovery {
  readonly files: StreamFiles;
  /** Of the first message in the journal. */
  readonly journalFrom: number;
  readonly messages: readonly JournalRecord[];
  readonly gone: readonly Gone[];
  readonly steps: readonly Removed[];
  /** Removed, with bytes that may still be somewhere. */
  readonly toErase: ReadonlySet<number>;
  /** The journal still says that the stream began. */
  readonly isNew: boolean;
  readonly expiries: Map<number, number>;
  readonly known: KnownSubjects;
  /** Where the stream stood, as files tell: the last message, at which number of it. */
  readonly lasts: { sequence: number; index: number; seconds: number; nanoseconds: number }[];
}

/** Fills the stream's index; gives the truncations that its segments may not have seen, and what is to be erased. Throws StoreError STORE_VERSION, STORE_KEY. */
export async function recoverStream(
  files: StreamFiles,
  log: FileLog,
  messages: readonly JournalRecord[],
  removals: readonly JournalRecord[],
  isNew: boolean,
): Promise<{ cuts: Removed[]; gone: Gone[]; toErase: ReadonlySet<number> }> {
  const journalFrom = messages[0]?.record.index ?? Number.POSITIVE_INFINITY;
  await log.load();
  await log.adopt(removals);
  const { snapshot, entries } = log.recover();
  const state: RemovalState | undefined = snapshot === undefined ? undefined : decodeState(snapshot);
  const steps = [...(state?.steps ?? [])];
  for (const entry of entries) {
    const step = decodeRemoved(entry);
    if (step !== undefined) steps.push(step);
  }
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
  return { cuts, gone, toErase: recovery.toErase };
}

async function loadSegments(recovery: Recovery): Promise<void> {
  const { files } = recovery;
  const { disk } = files.context;
  if ((await disk.stat(files.directory)) === undefined) return;
  files.noteNumber(0);
  await files.wiper.recover();
  const numbers = (await disk.list(files.directory)).map(segmentNumber).filter((number) => number > 0);
  let through = 0;
  for (const number of numbers.sort((a, b) => a - b)) {
    files.noteNumber(number);
    const path = `${files.directory}/${String(number).padStart(8, "0")}.seg`;
    if (number <= through) {
      // It was merged into the one before, and not removed any more; if it cannot be, it is at the next start.
      await removeFile(recovery, path).catch(() => {});
      continue;
    }
    const segment = await openSegment(recovery, path, number);
    if (segment === undefined) continue;
    through = Math.max(through, segment.header.through);
    files.noteNumber(through);
    await loadSegment(recovery, segment, number === numbers[numbers.length - 1]);
  }
}

/** Removes a segment's file that does not count; it may have what is to be erased. */
async function removeFile({ files, toErase: erasures }: Recovery, path: string): Promise<void> {
  if (erasures.size > 0) await files.wiper.remove(path);
  else await files.context.disk.remove(path);
}

/** Undefined when the file was only on its way, and is in the journal; then it is gone. */
async function openSegment(recovery: Recovery, path: string, number: number): Promise<Segment | undefined> {
  const { files } = recovery;
  const { context } = files;
  const size = (await context.disk.stat(path))?.sizeBytes ?? 0;
  const head = Buffer.alloc(Math.min(size, HEADER_BYTES));
  await context.pool.use(path, false, (file) => file.read(head, 0));
  const found = readHeader<SegmentHeader>(head, path);
  if (found !== undefined) {
    const { header } = found;
    const codec = Codec.of(header, context.keys, context.compression, path);
    const segment = new Segment(context, files.directory, header, codec, found.bytes);
    segment.fileBytes = size;
    recovery.lasts.push({
      sequence: header.after,
      index: header.afterIndex,
      seconds: header.afterSeconds,
      nanoseconds: header.afterNanoseconds,
    });
    return segment;
  }
  // Without its header: the records tell whose they are, and blocks are tried with every key.
  const whole = await context.disk.read(path);
  const begin = nextRecord(whole, 0);
  // A truncation may have cut what was never in a segment.
  const cut = recovery.steps.reduce((last, step) => (step.kind === "above" ? Math.max(last, step.index) : last), 0);
  const isEmpty = begin === whole.length;
  const known = Math.max(files.lastIndex, cut);
  if (whole.length === 0 || journalHasAllAfter(recovery, known) || (recovery.isNew && isEmpty)) {
    await context.pool.close(path);
    await removeFile(recovery, path);
    return undefined;
  }
  const { key, id } = files;
  const after = { after: 0, afterIndex: 0, afterSeconds: 0, afterNanoseconds: 0 };
  const parts = { key, id, number, through: number, lastIndex: 0, generation: 0, ...after };
  const codec = context.codec(true);
  const isPlain = begin < whole.length && new RecordView(whole, begin).kind !== RecordKind.block;
  const plain = new Codec(undefined, undefined);
  const segment = new Segment(context, files.directory, Segment.headerOf(parts, plain), isPlain ? plain : codec, begin);
  segment.fileBytes = size;
  segment.sealed = true;
  await setAside(recovery, segment, whole.subarray(0, begin), 0, "the header");
  return segment;
}

/** A message's record in the journal, by its number. */
function inJournal({ messages }: Recovery, index: number): RecordView | undefined {
  return messages.find(({ record }) => record.index === index)?.record;
}

/** Whether all messages after that number, which no file has to have, are in the journal. */
function journalHasAllAfter({ journalFrom, gone }: Recovery, index: number): boolean {
  return journalFrom <= knownUpTo(index, gone) + 1;
}

async function loadSegment(recovery: Recovery, segment: Segment, isLast: boolean): Promise<void> {
  const { files, expiries } = recovery;
  const { context, index } = files;
  const size = segment.fileBytes;
  let block: SlotBlock<Segment> | undefined;
  let read = segment.begin;
  if ((await context.disk.stat(segment.indexPath)) !== undefined) {
    const file = await context.disk.read(segment.indexPath);
    const found = tryIndex(recovery, file, segment);
    if (found !== undefined && segment.fileBytes <= size) {
      block = found.block;
      read = segment.fileBytes;
      for (let i = 0; i < found.expiries.length; i += 2) expiries.set(found.expiries[i], found.expiries[i + 1]);
    }
  }
  if (block === undefined) {
    block = new SlotBlock(segment, index.lastSequence + 1, segment.begin);
    segment.flushedEnd = segment.begin;
    segment.firstIndex = 0;
    segment.lastIndex = segment.header.lastIndex;
    segment.hasIndexFile = false;
  }
  segment.fileBytes = read;
  index.blocks.push(block);
  if (size > read) {
    segment.hasIndexFile = false;
    const rest = Buffer.allocUnsafeSlow(size - read);
    const bytes = await context.pool.use(segment.path, false, (file) => file.read(rest, read));
    await scan(recovery, block, rest.subarray(0, bytes), read, isLast);
  }
  if (segment.lastIndex > 0) files.lastIndex = Math.max(files.lastIndex, segment.lastIndex);
  // Only the last segment grows.
  const before = index.blocks[index.blocks.length - 2];
  if (before !== undefined) {
    before.home.sealed = true;
    before.trim();
  }
}

function tryIndex(recovery: Recovery, file: Buffer, segment: Segment): ReturnType<typeof decodeIndex> {
  const { context, index } = recovery.files;
  try {
    return decodeIndex(file, segment, index, recovery.known, (header) =>
      Codec.of(header, context.keys, context.compression, segment.indexPath),
    );
  } catch {
    return undefined;
  }
}

/** Adds the messages of a part of a segment's file, which begins at `base`, to its block. */
async function scan(
  recovery: Recovery,
  block: SlotBlock<Segment>,
  bytes: Buffer,
  base: number,
  isLast: boolean,
): Promise<void> {
  const { home: segment } = block;
  const { context } = recovery.files;
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; ) {
    if (isRecord(view, at, bytes.length)) {
      const record = new RecordView(bytes, at);
      if (record.kind === RecordKind.block) await takeBlock(recovery, block, record, base + at);
      else takeRecord(recovery, block, record, base + at);
      at += record.bytes;
      segment.fileBytes = base + at;
      if (segment.codec.isPlain) segment.flushedEnd = segment.fileBytes;
      continue;
    }
    const copy = isLast ? undefined : inJournal(recovery, block.home.lastIndex + 1);
    if (copy !== undefined && segment.codec.isPlain && at + copy.bytes <= bytes.length) {
      // It was durable here once; the journal has it still.
      copy.whole.copy(bytes, at);
      await context.pool.use(segment.path, false, async (file) => {
        await file.write([copy.whole], base + at);
        await file.sync();
      });
      continue;
    }
    if (isLast && journalHasAllAfter(recovery, Math.max(recovery.files.lastIndex, segment.lastIndex))) {
      // The journal has all that follows: the write was on its way.
      segment.mustCut = true;
      break;
    }
    const next = nextRecord(bytes, at);
    const after = next < bytes.length ? new RecordView(bytes, next).sequence : 0;
    if (areRemoved(recovery.steps, (block.count > 0 ? block.last : segment.header.after) + 1, after - 1)) {
      await wipePart(recovery, segment, base + at, next - at);
    } else {
      await setAside(recovery, segment, bytes.subarray(at, next), base + at, `${next - at} bytes`);
      segment.sealed = true;
    }
    at = next;
    segment.fileBytes = base + at;
    if (segment.codec.isPlain) segment.flushedEnd = segment.fileBytes;
  }
  // Nothing is added behind something that cannot be read.
  if (block.count === 0) block.end = segment.flushedEnd;
  else if (block.end !== segment.flushedEnd) segment.sealed = true;
}

/** Writes over what was to be erased when the power went, and is not missed. */
async function wipePart({ files }: Recovery, segment: Segment, position: number, bytes: number): Promise<void> {
  try {
    await files.context.pool.use(segment.path, false, async (file) => {
      await file.write([Buffer.alloc(bytes)], position);
      await file.sync();
    });
  } catch {
    segment.mustWipe = true;
    // Without an index file it is read at the next start, and this tried again.
    segment.hasIndexFile = true;
  }
}

async function takeBlock(
  recovery: Recovery,
  block: SlotBlock<Segment>,
  record: RecordView,
  position: number,
): Promise<void> {
  const { home: segment } = block;
  const start = record.sequence;
  let plain: Buffer | undefined;
  try {
    plain = segment.codec.decode(record);
  } catch {
    await setAside(recovery, segment, record.whole, position, "a block");
    segment.sealed = true;
  }
  segment.addBlock(start, position);
  segment.flushedEnd = start + record.seconds;
  for (let at = 0; plain !== undefined && at < plain.length; ) {
    const inner = new RecordView(plain, at);
    takeRecord(recovery, block, inner, start + at);
    at += inner.bytes;
  }
}

function takeRecord(recovery: Recovery, block: SlotBlock<Segment>, record: RecordView, position: number): void {
  const { index } = recovery.files;
  const { home: segment } = block;
  const isMessage = record.kind === RecordKind.message;
  if ((!isMessage && record.kind !== RecordKind.erased) || record.sequence <= block.last) return;
  const hasHeader = record.headerBytes > 0;
  const { sequence, expiresMs } = record;
  block.fillTo(sequence);
  block.end = position;
  const id = isMessage ? index.subjectIndex.add(record.subject) : block.subject;
  const flags = isMessage ? flagsOf(hasHeader, expiresMs) : SlotFlag.removed;
  block.add(sequence, record.seconds, record.nanoseconds, id, flags, record.bytes);
  if (segment.firstIndex === 0) segment.firstIndex = record.index;
  segment.lastIndex = Math.max(segment.lastIndex, record.index);
  if (!isMessage) return;
  if (expiresMs > 0) recovery.expiries.set(sequence, expiresMs);
  else recovery.expiries.delete(sequence);
}

function setAside(recovery: Recovery, segment: Segment, bytes: Buffer, position: number, what: string): Promise<void> {
  const { key, id, context } = recovery.files;
  const message = `${what} of segment ${segment.number} of ${key} cannot be read`;
  return context.setAside(key, message, bytes, `${fileNameOf(key, id)}-${segment.number}-${position}`);
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
        block.offsets[slot] |= SlotFlag.removed;
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
