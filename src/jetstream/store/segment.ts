// A segment: a file with consecutive messages of a stream, appended to until it is full. Positions are those of the plain
// records; in an encoded file a table tells which block holds them.
import { type Codec, isOneRecord } from "./codec.js";
import type { StoreContext } from "./context.js";
import { StoreError } from "./errors.js";
import { type FileHeader, FORMAT_VERSION, headerRecord } from "./file-header.js";
import type { Part, Readable } from "./read-cache.js";
import { eraseRecord, RecordKind, RecordView } from "./record.js";
import type { Sequence } from "./store.js";

/** Buffers of one call. */
const PARTS_PER_WRITE = 512;
/** Records on average below this size are put together before they are written. */
const SMALL_PART_BYTES = 4096;

export interface SegmentHeader extends FileHeader {
  readonly number: number;
  /** Segments up to this number were merged into it. */
  readonly through: number;
  /** All messages up to this number were in the segments before, though they may be removed; 0 in a new segment. */
  readonly lastIndex: number;
  /** Tells it from an earlier file of this name. */
  readonly generation: number;
  /** The stream's last message before it. */
  readonly after: Sequence;
  /** How many messages the stream had been given then. */
  readonly afterIndex: number;
  readonly afterSeconds: number;
  readonly afterNanoseconds: number;
}

/** Bytes of a file, and the positions of the plain records that they hold. */
export interface DamagedPart {
  readonly from: number;
  readonly to: number;
  readonly bytes: Buffer;
}

export class Segment implements Readable {
  /** Numbers of its messages among all that the stream was given. */
  firstIndex = 0;
  lastIndex: number;
  /** No more messages are added. */
  sealed = false;
  readonly header: SegmentHeader;
  readonly codec: Codec;
  /** Of its file; another one than its number says where that could not be put back. */
  path: string;
  /** Where the first record begins. */
  readonly begin: number;
  /** Up to where the file has the records, and they are durable. */
  flushedEnd: number;
  /** Bytes of the file that count. */
  fileBytes = 0;
  hasIndexFile = false;
  /** It has the bytes of a message that is to be erased: its file is written over before it goes. */
  mustWipe = false;
  /** What lies beyond `fileBytes` must be cut off before the next write. */
  mustCut = false;
  /** Records that the file has damaged: where, and what they are. Only in a plain file. */
  readonly patches: { readonly position: number; readonly bytes: Buffer }[] = [];
  private readonly context: StoreContext;
  private readonly headerBytes: Buffer;
  /** Of each block: where its records begin, plain, and where it stands in the file. */
  private readonly blockStarts: number[] = [];
  private readonly blockPositions: number[] = [];

  /** `begin`: where the first record begins, in a file whose header is damaged. */
  constructor(context: StoreContext, directory: string, header: SegmentHeader, codec: Codec, begin?: number) {
    this.context = context;
    this.header = header;
    this.codec = codec;
    this.path = `${directory}/${segmentName(header.number)}`;
    this.headerBytes = headerRecord(header);
    this.lastIndex = header.lastIndex;
    this.begin = begin ?? this.headerBytes.length;
    this.flushedEnd = this.begin;
  }

  /** The header for a new segment. */
  static headerOf(
    parts: Omit<SegmentHeader, "natsnode" | "version" | "compression" | "keyId">,
    codec: Codec,
  ): SegmentHeader {
    return { natsnode: "segment", version: FORMAT_VERSION, ...parts, ...codec.names };
  }

  get number(): number {
    return this.header.number;
  }

  get indexPath(): string {
    return this.path.replace(/seg(\.replaced)?$/, "idx");
  }

  get exists(): boolean {
    return this.fileBytes > 0;
  }

  get readableEnd(): number {
    return this.flushedEnd;
  }

  get inBlocks(): boolean {
    return !this.codec.isPlain;
  }

  /** The blocks so far, for the index file: pairs of plain start and position. */
  get blockTable(): Float64Array {
    return Float64Array.from(this.blockStarts.flatMap((start, i) => [start, this.blockPositions[i]]));
  }

  /** A block was found in the file. */
  addBlock(start: number, position: number): void {
    this.blockStarts.push(start);
    this.blockPositions.push(position);
  }

  /** Writes all records into a new file elsewhere, which is to be renamed. */
  async writeTo(path: string, records: readonly Uint8Array[]): Promise<void> {
    this.mustCut = true;
    await this.append(records, path);
    await this.context.pool.close(path);
  }

  /** Writes records, which begin at `flushedEnd`, and syncs. Nobody else writes meanwhile. */
  async append(records: readonly Uint8Array[], path = this.path): Promise<void> {
    const bytes = records.reduce((sum, { length }) => sum + length, 0);
    const parts = this.exists ? [] : [this.headerBytes as Uint8Array];
    let position = this.fileBytes;
    const blocks: [number, number][] = [];
    if (this.codec.isPlain) {
      if (records.length > 1 && bytes < records.length * SMALL_PART_BYTES) parts.push(Buffer.concat(records));
      else parts.push(...records);
      position += bytes;
    } else {
      let start = this.flushedEnd;
      let at = this.fileBytes + (this.exists ? 0 : this.begin);
      for (const one of this.codec.blocks(Buffer.concat(records), { log: this.header.id, index: 0 }, start)) {
        blocks.push([start, at]);
        parts.push(one.block);
        start += one.bytes;
        at += one.block.length;
      }
      position = at;
    }
    await this.context.pool.use(path, !this.exists, async (file) => {
      if (this.mustCut) await file.truncate(this.fileBytes);
      let at = this.fileBytes;
      for (let i = 0; i < parts.length; i += PARTS_PER_WRITE) {
        const some = parts.slice(i, i + PARTS_PER_WRITE);
        await file.write(some, at);
        at += some.reduce((sum, { length }) => sum + length, 0);
      }
      await file.sync();
      position = at;
    });
    this.mustCut = false;
    for (const [start, at] of blocks) this.addBlock(start, at);
    this.fileBytes = position;
    this.flushedEnd += bytes;
  }

  async readPart(from: number, to: number): Promise<Part> {
    const end = Math.min(to, this.flushedEnd);
    if (this.codec.isPlain) {
      const bytes = Buffer.allocUnsafe(end - from);
      const read = await this.readFile(bytes, from);
      for (const { position, bytes: patch } of this.patches) {
        const skipped = Math.max(0, from - position);
        if (position < end && skipped < patch.length) patch.copy(bytes, position + skipped - from, skipped);
      }
      return { start: from, bytes: bytes.subarray(0, read) };
    }
    const first = this.blockOf(from);
    const parts: Buffer[] = [];
    let at = first;
    do parts.push(await this.readBlock(at++));
    while (at < this.blockStarts.length && this.blockStarts[at] < end);
    return { start: this.blockStarts[first], bytes: parts.length === 1 ? parts[0] : Buffer.concat(parts) };
  }

  /** Writes over the record at `position`, so that nothing of its content is left; only in a plain file. */
  async erase(position: number, bytes: number): Promise<void> {
    const { bytes: record } = await this.readPart(position, position + bytes);
    eraseRecord(record);
    await this.writeOver(position, record);
    this.context.cache.forget(this);
  }

  /** Replaces bytes of the file, and syncs. */
  async writeOver(position: number, bytes: Uint8Array): Promise<void> {
    await this.context.pool.use(this.path, false, async (file) => {
      await file.write([bytes], position);
      await file.sync();
    });
  }

  /** The plain range of the block that holds `position`, and its bytes in the file. */
  async rawBlock(position: number): Promise<DamagedPart> {
    const number = this.blockOf(position);
    const at = this.blockPositions[number];
    const next = this.blockPositions[number + 1] ?? this.fileBytes;
    const bytes = Buffer.allocUnsafeSlow(next - at);
    const read = await this.readFile(bytes, at);
    return {
      from: this.blockStarts[number],
      to: this.blockStarts[number + 1] ?? this.flushedEnd,
      bytes: bytes.subarray(0, read),
    };
  }

  private async readBlock(number: number): Promise<Buffer> {
    const position = this.blockPositions[number];
    const next = number + 1 < this.blockPositions.length ? this.blockPositions[number + 1] : this.fileBytes;
    const bytes = Buffer.allocUnsafeSlow(next - position);
    const read = await this.readFile(bytes, position);
    if (read < bytes.length || !isOneRecord(bytes)) {
      throw new StoreError("STORE_DAMAGED", `a block of ${this.path} cannot be read`);
    }
    const block = new RecordView(bytes, 0);
    if (block.kind !== RecordKind.block || block.sequence !== this.blockStarts[number]) {
      throw new StoreError("STORE_DAMAGED", `a block of ${this.path} stands in the wrong place`);
    }
    return this.codec.decode(block);
  }

  private async readFile(into: Buffer, position: number): Promise<number> {
    try {
      return await this.context.pool.use(this.path, false, (file) => file.read(into, position));
    } catch (error) {
      throw StoreError.of(error);
    }
  }

  private blockOf(position: number): number {
    let low = 0;
    let high = this.blockStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.blockStarts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

export function segmentName(number: number): string {
  return `${String(number).padStart(8, "0")}.seg`;
}

/** The number in a segment's file name; 0 when it is none. */
export function segmentNumber(name: string): number {
  return Number(/^(\d{8,})\.seg$/.exec(name)?.[1] ?? 0);
}
