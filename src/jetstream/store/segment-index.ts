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
}

/**
 * The content of the index file of a segment whose records are all in its file, and all of whose removals are durable.
 * `expiries`: pairs of sequence and milliseconds.
 */
export function encodeIndex(
  block: SlotBlock<Segment>,
  index: StreamIndex<Segment>,
  expiries: Float64Array,
  codec: Codec,
): Buffer[] {
  const { home: segment, count } = block;
  const local = new Map<number, number>();
  const names: string[] = [];
  const subjects = new Uint32Array(block.subjects === undefined ? 1 : count);
  for (let slot = 0; slot < subjects.length; slot++) {
    const id = block.subjectAt(slot);
    let number = local.get(id);
    if (number === undefined) {
      number = names.length;
      local.set(id, number);
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
  };
  const arrays = [
    table,
    expiries,
    block.offsets.subarray(0, count),
    block.seconds.subarray(0, count),
    block.nanoseconds.subarray(0, count),
  ];
  if (block.isSparse)
    arrays.push(Uint32Array.from({ length: count }, (_, slot) => block.sequenceAt(slot) - block.first));
  arrays.push(subjects);
  const body = Buffer.concat([
    ...arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
    Buffer.from(names.join("\0"), "latin1"),
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
  const names = body.toString("latin1", at).split("\0");
  const ids = Uint32Array.from(names, (name) => index.subjectIndex.add(name));
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
