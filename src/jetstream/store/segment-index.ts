// The file beside a full segment that saves reading it at the start: its slots and subjects. It may be missing, old or
// damaged; then the segment itself is read.
import { viewOf } from "../../protocol/words.js";
import type { Codec } from "./codec.js";
import { type FileHeader, FORMAT_VERSION, headerRecord, readHeader } from "./file-header.js";
import { isRecord, RecordKind, RecordView, recordOf } from "./record.js";
import type { Segment } from "./segment.js";
import { SlotBlock } from "./slot-block.js";
import type { StreamIndex } from "./stream-index.js";

interface IndexHeader extends FileHeader {
  readonly generation: number;
  readonly flushedEnd: number;
  readonly fileBytes: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly first: number;
  readonly end: number;
  readonly count: number;
  readonly sparse: boolean;
  readonly severalSubjects: boolean;
  readonly blocks: number;
  readonly expiries: number;
  /** Distinct subjects, and within what their numbers mean the same as in other index files. */
  readonly names: number;
  readonly epoch: string;
}

/** What index files of the same epoch have told: the subjects' numbers now, by their numbers then. */
export type KnownSubjects = Map<string, Uint32Array>;

/**
 * The content of the index file of a segment whose records are all in its file, and all of whose removals are durable.
 * `expiries`: pairs of sequence and milliseconds.
 */
export function encodeIndex(
  block: SlotBlock<Segment>,
  index: StreamIndex<Segment>,
  expiries: Float64Array,
  codec: Codec,
  epoch: string,
): Buffer[] {
  const { home: segment, count } = block;
  const local = new Map<number, number>();
  const numbers: number[] = [];
  const names: string[] = [];
  const subjects = new Uint32Array(block.subjects === undefined ? 1 : count);
  for (let slot = 0; slot < subjects.length; slot++) {
    const id = block.subjectAt(slot);
    let number = local.get(id);
    if (number === undefined) {
      number = names.length;
      local.set(id, number);
      numbers.push(id);
      names.push(index.subjectIndex.nameOf(id) || GONE);
    }
    subjects[slot] = number;
  }
  const table = segment.blockTable;
  const header: IndexHeader = {
    natsnode: "index",
    version: FORMAT_VERSION,
    key: segment.header.key,
    id: segment.header.id,
    ...codec.names,
    generation: segment.header.generation,
    flushedEnd: segment.flushedEnd,
    fileBytes: segment.fileBytes,
    firstIndex: segment.firstIndex,
    lastIndex: segment.lastIndex,
    first: block.first,
    end: block.end,
    count,
    sparse: block.isSparse,
    severalSubjects: block.subjects !== undefined,
    blocks: table.length / 2,
    expiries: expiries.length / 2,
    names: names.length,
    epoch,
  };
  const { offsets, seconds, nanoseconds, sequences } = block.arrays;
  const arrays = [table, expiries, offsets, seconds, nanoseconds];
  if (sequences !== undefined) arrays.push(sequences);
  arrays.push(
    subjects,
    Uint32Array.from(numbers),
    Uint32Array.from(names, ({ length }) => length),
  );
  const body = Buffer.concat([
    ...arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
    Buffer.from(names.join(""), "latin1"),
  ]);
  const place = { log: header.id, index: 0 };
  const record = codec.isPlain ? recordOf(RecordKind.entry, 0, place, body) : codec.encode(body, place, 0);
  return [headerRecord(header), record];
}

/** A subject whose number is not known any more stands for messages that are removed. */
const GONE = "\u0001";

/** What an index file tells; undefined when it is damaged or of another segment. */
export function decodeIndex(
  file: Buffer,
  segment: Segment,
  index: StreamIndex<Segment>,
  known: KnownSubjects,
  codecOf: (header: FileHeader) => Codec,
): { block: SlotBlock<Segment>; expiries: Float64Array } | undefined {
  const found = readHeader<IndexHeader>(file, segment.indexPath);
  if (found === undefined || !isRecord(viewOf(file), found.bytes, file.length)) return undefined;
  const { header } = found;
  if (header.generation !== segment.header.generation || header.id !== segment.header.id) return undefined;
  const record = new RecordView(file, found.bytes);
  const body = record.kind === RecordKind.block ? codecOf(header).decode(record) : record.body;
  let at = 0;
  const doubles = (count: number): Float64Array => {
    const array = new Float64Array(count);
    new Uint8Array(array.buffer).set(body.subarray(at, at + count * 8));
    at += count * 8;
    return array;
  };
  const words = (count: number): Uint32Array => {
    const array = new Uint32Array(count);
    new Uint8Array(array.buffer).set(body.subarray(at, at + count * 4));
    at += count * 4;
    return array;
  };
  const { count } = header;
  const table = doubles(header.blocks * 2);
  for (let i = 0; i < table.length; i += 2) segment.addBlock(table[i], table[i + 1]);
  const expiries = doubles(header.expiries * 2);
  const offsets = words(count);
  const seconds = words(count);
  const nanoseconds = words(count);
  const sequences = header.sparse ? words(count) : undefined;
  const subjects = words(header.severalSubjects ? count : 1);
  const numbers = words(header.names);
  const lengths = words(header.names);
  const ids = subjectsOf(body.subarray(at), numbers, lengths, header.epoch, index, known);
  for (let slot = 0; slot < subjects.length; slot++) subjects[slot] = ids[subjects[slot]];
  const block = SlotBlock.restored(segment, header, {
    offsets,
    seconds,
    nanoseconds,
    sequences,
    subjects: header.severalSubjects ? subjects : undefined,
    subject: subjects[0] ?? 0,
  });
  segment.flushedEnd = header.flushedEnd;
  segment.fileBytes = header.fileBytes;
  segment.firstIndex = header.firstIndex;
  segment.lastIndex = header.lastIndex;
  segment.hasIndexFile = true;
  return { block, expiries };
}

/** The subjects' numbers now. Most are known from the segment before, so that their names need not be read. */
function subjectsOf(
  names: Buffer,
  numbers: Uint32Array,
  lengths: Uint32Array,
  epoch: string,
  index: StreamIndex<Segment>,
  known: KnownSubjects,
): Uint32Array {
  let before = known.get(epoch) ?? new Uint32Array(0);
  const highest = numbers.reduce((most, number) => Math.max(most, number), 0);
  if (highest >= before.length) {
    const larger = new Uint32Array(highest * 2 + 1);
    larger.set(before);
    before = larger;
    known.set(epoch, larger);
  }
  const ids = new Uint32Array(numbers.length);
  let at = 0;
  for (let i = 0; i < ids.length; i++) {
    const number = numbers[i];
    if (before[number] === 0) before[number] = index.subjectIndex.add(names.toString("latin1", at, at + lengths[i]));
    ids[i] = before[number];
    at += lengths[i];
  }
  return ids;
}
