// How a segment is found again: by its index file where that is good, else by its records. Whatever cannot be read is set aside,
// the rest is served.
import { viewOf } from "../../protocol/words.js";
import { Codec } from "./codec.js";
import { StoreError } from "./errors.js";
import { fileNameOf, readHeader } from "./file-header.js";
import type { JournalRecord } from "./file-log.js";
import { nextRecord } from "./frame.js";
import { isRecord, RecordKind, RecordView } from "./record.js";
import { areRemoved, type Gone, knownUpTo, type Removed } from "./removals.js";
import { Segment, type SegmentHeader, segmentNumber } from "./segment.js";
import { decodeIndex, type KnownSubjects } from "./segment-index.js";
import { SlotBlock, SlotFlag } from "./slot-block.js";
import type { StreamFiles } from "./stream-files.js";
import { flagsOf } from "./stream-index.js";

const HEADER_BYTES = 8 * 1024;

export interface Recovery {
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
  /** Why not all is known of what the files hold: then they stay as they are. */
  failure: StoreError | undefined;
}

/** Finds the segments of a stream, as far as they can be read. Throws StoreError STORE_VERSION, STORE_KEY. */
export async function loadSegments(recovery: Recovery): Promise<void> {
  const { files } = recovery;
  const { patient } = files.context;
  const found: { number: number; path: string }[] = [];
  try {
    if ((await patient.stat(files.directory)) === undefined) return;
    files.noteNumber(0);
    const away = await files.wiper.recover(patient);
    if (away.size > 0) fail(recovery, new StoreError("STORE_IO", `${[...away.values()][0]} cannot be put back`));
    for (const [name, path] of away) found.push({ number: segmentNumber(name), path });
    if (recovery.messages.length > 0) files.context.syncLater(files.directory);
    for (const name of await patient.list(files.directory)) {
      found.push({ number: segmentNumber(name), path: `${files.directory}/${name}` });
    }
  } catch (error) {
    fail(recovery, error);
    return;
  }
  const segments = found.filter(({ number }) => number > 0).sort((a, b) => a.number - b.number);
  let through = 0;
  for (const { number, path } of segments) {
    files.noteNumber(number);
    if (number <= through) {
      // It was merged into the one before, and not removed any more; if it cannot be, it is at the next start.
      if (recovery.failure === undefined) await removeMerged(recovery, path).catch(() => {});
      continue;
    }
    try {
      const segment = await openSegment(recovery, path, number);
      if (segment === undefined) continue;
      through = Math.max(through, segment.header.through);
      files.noteNumber(through);
      await loadSegment(recovery, segment, number === segments[segments.length - 1].number);
    } catch (error) {
      fail(recovery, error);
    }
  }
}

/** The disk does not give all that the files hold. Throws what is no failure of a disk. */
function fail(recovery: Recovery, error: unknown): void {
  const failure = StoreError.of(error);
  if (failure.code !== "STORE_IO" && failure.code !== "STORE_FULL") throw failure;
  recovery.failure ??= failure;
}

/** Removes a segment's file once the one that has its messages will be found after a power cut. */
async function removeMerged(recovery: Recovery, path: string): Promise<void> {
  const { context, directory } = recovery.files;
  await context.disk.syncDirectory(directory);
  await removeFile(recovery, path);
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
  const size = (await context.patient.stat(path))?.sizeBytes ?? 0;
  const head = await read(recovery, path, 0, HEADER_BYTES);
  const found = readHeader<SegmentHeader>(head, path);
  if (found !== undefined) {
    const { header } = found;
    const codec = Codec.of(header, context.keys, context.compression, path);
    const segment = new Segment(context, files.directory, header, codec, found.bytes);
    segment.path = path;
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
  const whole = await read(recovery, path);
  const begin = nextRecord(whole, 0);
  // A truncation may have cut what was never in a segment.
  const cut = recovery.steps.reduce((last, step) => (step.kind === "above" ? Math.max(last, step.index) : last), 0);
  const isEmpty = begin === whole.length;
  const known = Math.max(files.lastIndex, cut);
  if (whole.length === 0 || journalHasAllAfter(recovery, known) || (recovery.isNew && isEmpty)) {
    if (recovery.failure === undefined) await removeFile(recovery, path);
    return undefined;
  }
  const { key, id } = files;
  const after = { after: 0, afterIndex: 0, afterSeconds: 0, afterNanoseconds: 0 };
  const parts = { key, id, number, through: number, lastIndex: 0, generation: 0, ...after };
  const codec = context.codec(true);
  const isPlain = begin < whole.length && new RecordView(whole, begin).kind !== RecordKind.block;
  const plain = new Codec(undefined, undefined);
  const segment = new Segment(context, files.directory, Segment.headerOf(parts, plain), isPlain ? plain : codec, begin);
  segment.path = path;
  segment.fileBytes = size;
  segment.sealed = true;
  await setAside(recovery, segment, whole.subarray(0, begin), 0, "the header");
  return segment;
}

/** What can be read of a file. Rejects with StoreError when it is nothing. */
async function read(recovery: Recovery, path: string, from?: number, upTo?: number): Promise<Buffer> {
  const { bytes, failure } = await recovery.files.context.patient.read(path, from, upTo);
  if (failure !== undefined) fail(recovery, failure);
  return bytes;
}

/** A message's record in the journal, by its number. */
function inJournal({ messages }: Recovery, index: number): JournalRecord | undefined {
  return messages.find(({ record }) => record.index === index);
}

/** Whether all messages after that number, which no file has to have, are in the journal. */
function journalHasAllAfter({ journalFrom, gone }: Recovery, index: number): boolean {
  return journalFrom <= knownUpTo(index, gone) + 1;
}

async function loadSegment(recovery: Recovery, segment: Segment, isLast: boolean): Promise<void> {
  const { files, expiries } = recovery;
  const { index } = files;
  const size = segment.fileBytes;
  let block: SlotBlock<Segment> | undefined;
  let known = segment.begin;
  const found = await readIndex(recovery, segment);
  if (found !== undefined && segment.fileBytes <= size) {
    block = found.block;
    known = segment.fileBytes;
    for (let i = 0; i < found.expiries.length; i += 2) expiries.set(found.expiries[i], found.expiries[i + 1]);
  }
  if (block === undefined) {
    block = new SlotBlock(segment, index.lastSequence + 1, segment.begin);
    segment.flushedEnd = segment.begin;
    segment.firstIndex = 0;
    segment.lastIndex = segment.header.lastIndex;
    segment.hasIndexFile = false;
  }
  segment.fileBytes = known;
  index.blocks.push(block);
  if (size > known) {
    segment.hasIndexFile = false;
    await scan(recovery, block, await read(recovery, segment.path, known), known, isLast);
    // What a killed process has written is read, but may not be on the medium yet; the journal has it as long as that is so.
    if (recovery.messages.length > 0) await files.context.pool.use(segment.path, false, (file) => file.sync());
  }
  if (segment.lastIndex > 0) files.lastIndex = Math.max(files.lastIndex, segment.lastIndex);
  // Only the last segment grows.
  const before = index.blocks[index.blocks.length - 2];
  if (before !== undefined) {
    before.home.sealed = true;
    before.trim();
  }
}

/** Undefined without a good one: then the segment is read. */
async function readIndex(recovery: Recovery, segment: Segment): Promise<ReturnType<typeof decodeIndex>> {
  const { context, index } = recovery.files;
  const { patient, keys, compression } = context;
  try {
    if ((await patient.stat(segment.indexPath)) === undefined) return undefined;
    const { bytes } = await patient.read(segment.indexPath);
    return decodeIndex(bytes, segment, index, recovery.known, (header) =>
      Codec.of(header, keys, compression, segment.indexPath),
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
    if (
      recovery.failure === undefined &&
      copy !== undefined &&
      segment.codec.isPlain &&
      at + copy.record.bytes <= bytes.length
    ) {
      // It was durable here once; the journal has it still.
      copy.record.whole.copy(bytes, at);
      await writeBack(recovery, segment, copy, base + at);
      continue;
    }
    if (isLast && journalHasAllAfter(recovery, Math.max(recovery.files.lastIndex, segment.lastIndex))) {
      // The journal has all that follows: the write was on its way.
      segment.mustCut = true;
      break;
    }
    const next = nextRecord(bytes, at);
    const after = next < bytes.length ? new RecordView(bytes, next).sequence : 0;
    if (
      recovery.failure === undefined &&
      areRemoved(recovery.steps, (block.count > 0 ? block.last : segment.header.after) + 1, after - 1)
    ) {
      await wipePart(segment, base + at, next - at);
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

/** Puts a record where the file has it damaged. If that fails the segment is written anew as soon as the disk takes it. */
async function writeBack({ files }: Recovery, segment: Segment, copy: JournalRecord, position: number): Promise<void> {
  const { record, ticket } = copy;
  try {
    await segment.writeOver(position, record.whole);
  } catch {
    segment.patches.push({ position, bytes: record.whole });
    files.incomplete.set(segment, Math.min(ticket, files.incomplete.get(segment) ?? ticket));
  }
}

/** Writes over what was to be erased when the power went, and is not missed. */
async function wipePart(segment: Segment, position: number, bytes: number): Promise<void> {
  try {
    await segment.writeOver(position, Buffer.alloc(bytes));
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

async function setAside(
  recovery: Recovery,
  segment: Segment,
  bytes: Buffer,
  position: number,
  what: string,
): Promise<void> {
  // What the disk does not give now may be whole.
  if (recovery.failure !== undefined) return;
  const { key, id, context } = recovery.files;
  const message = `${what} of segment ${segment.number} of ${key} cannot be read`;
  await context.setAside(key, message, bytes, `${fileNameOf(key, id)}-${segment.number}-${position}`);
}
