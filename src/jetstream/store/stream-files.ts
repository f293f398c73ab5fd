// The files of a stream: its segments with their index, and the part of it that is still only in the journal's memory.
import type { Chunk } from "./chunk-pool.js";
import type { StoreContext } from "./context.js";
import { fileNameOf } from "./file-header.js";
import type { FileLog } from "./file-log.js";
import { FileWiper } from "./file-wiper.js";
import { forgetHeld } from "./held-records.js";
import { RecordView } from "./record.js";
import type { Range, Removed } from "./removals.js";
import { RunList } from "./run-list.js";
import { Segment } from "./segment.js";
import { encodeIndex } from "./segment-index.js";
import { MAX_OFFSET, SlotBlock } from "./slot-block.js";
import { ALREADY_DURABLE, type Sequence, type StreamStoreOptions, type Ticket } from "./store.js";
import type { StreamIndex } from "./stream-index.js";

/** The smallest segment of a small stream; four make its limit. */
const SMALLEST_SEGMENT_BYTES = 256 * 1024;
const SEGMENTS_PER_LIMIT = 4;

export interface StreamPlace {
  readonly key: string;
  readonly id: number;
  /** `streams` of the storage. */
  readonly parent: string;
}

export class StreamFiles {
  // What every message needs stands together: with many streams it comes from slower memory each time.
  readonly context: StoreContext;
  readonly index: StreamIndex<Segment>;
  /** Numbers all messages that the stream was given. */
  lastIndex = 0;
  private readonly runs = new RunList();
  /** A segment is not made larger by another message. */
  private segmentBytes = 0;
  readonly key: string;
  readonly id: number;
  readonly directory: string;
  /** Of its creation, until there is a segment. */
  createdTicket: Ticket = ALREADY_DURABLE;
  /** Of the last removal. */
  removalTicket: Ticket = ALREADY_DURABLE;
  /** Is told of messages, by their numbers, that no file will have. */
  onGone: ((firstIndex: number, lastIndex: number) => void) | undefined;
  /**
   * Segments that nobody needs, with their sequences, all removed (undefined: in another segment); their files go when the
   * removals are durable.
   */
  readonly doomed = new Map<Segment, Range | undefined>();
  /** A segment was replaced by another file, whose name is not durable yet: the files that it stands for must stay. */
  renamed = false;
  /** Segments with records that only the journal has undamaged, and the oldest of their tickets. */
  readonly incomplete = new Map<Segment, Ticket>();
  /** Writes over files before they go. */
  readonly wiper: FileWiper;
  /** Removed with their segments; the journal has them still, until it has released that ticket. */
  private forgotten: { range: Range; index: number; until: Ticket }[] = [];
  private readonly parent: string;
  /** The oldest ticket of what is being written into segments, also when the stream has been cut meanwhile. */
  private beingWritten: Ticket = Number.POSITIVE_INFINITY;
  private storeOptions: StreamStoreOptions = {};
  private nextNumber = 1;
  private hasDirectory = false;

  constructor(context: StoreContext, place: StreamPlace, index: StreamIndex<Segment>, options: StreamStoreOptions) {
    this.context = context;
    this.key = place.key;
    this.id = place.id;
    this.parent = place.parent;
    this.directory = `${place.parent}/${fileNameOf(place.key, place.id)}`;
    this.wiper = new FileWiper(context.disk, this.directory);
    this.index = index;
    this.options = options;
  }

  get options(): StreamStoreOptions {
    return this.storeOptions;
  }

  set options(options: StreamStoreOptions) {
    const { segmentBytes } = this.context.limits;
    const { maxBytes = 0 } = options;
    const share = Math.max(SMALLEST_SEGMENT_BYTES, maxBytes / SEGMENTS_PER_LIMIT);
    this.storeOptions = options;
    this.segmentBytes = Math.min(MAX_OFFSET, maxBytes > 0 ? Math.min(segmentBytes, share) : segmentBytes);
  }

  get oldestTicket(): Ticket {
    const oldest = this.createdTicket || (this.runs.length > 0 ? this.runs.firstTicket : Number.POSITIVE_INFINITY);
    return Math.min(oldest, this.beingWritten, ...this.incomplete.values());
  }

  get pendingBytes(): number {
    return this.runs.pendingBytes;
  }

  get hasPending(): boolean {
    return this.createdTicket > 0 || this.runs.length > 0 || this.incomplete.size > 0;
  }

  /** The block for the next message; a new one with a new segment when the last one is full. */
  blockFor(sequence: Sequence, bytes: number): SlotBlock<Segment> {
    const { blocks } = this.index;
    const last = blocks[blocks.length - 1];
    if (last !== undefined && !last.home.sealed && !this.index.needsBlock(sequence)) {
      const end = last.end + bytes;
      const isFull = end > this.segmentBytes || last.count >= this.context.limits.segmentMessages;
      if (last.count === 0 || !isFull) return last;
    }
    return this.newBlock(sequence);
  }

  /** A new segment, which messages from `sequence` on go to. */
  newBlock(sequence: Sequence): SlotBlock<Segment> {
    const { blocks } = this.index;
    const last = blocks[blocks.length - 1];
    if (last !== undefined) {
      last.home.sealed = true;
      last.trim();
    }
    const segment = this.newSegment();
    const block = new SlotBlock(segment, sequence, segment.begin);
    blocks.push(block);
    return block;
  }

  private newSegment(): Segment {
    const codec = this.context.codec(this.options.compression === "s2");
    const { lastSequence: after, lastTime } = this.index;
    const number = this.nextNumber++;
    const header = Segment.headerOf(
      {
        key: this.key,
        id: this.id,
        number,
        through: number,
        lastIndex: 0,
        generation: 1,
        after,
        afterIndex: this.lastIndex,
        afterSeconds: lastTime.seconds,
        afterNanoseconds: lastTime.nanoseconds,
      },
      codec,
    );
    return new Segment(this.context, this.directory, header, codec);
  }

  /** A segment of that number was found. */
  noteNumber(number: number): void {
    this.nextNumber = Math.max(this.nextNumber, number + 1);
    this.hasDirectory = true;
  }

  /** A record, of `bytes`, was written to memory for the end of a block. */
  addRun(block: SlotBlock<Segment>, chunk: Chunk, at: number, bytes: number, ticket: Ticket): void {
    const segment = block.home;
    segment.lastIndex = this.lastIndex;
    if (segment.firstIndex === 0) segment.firstIndex = this.lastIndex;
    this.runs.add(segment, block.end, chunk, at, bytes, ticket);
  }

  /** A record in memory that is not yet in its segment; a view, which may be kept. */
  inMemory(segment: Segment, position: number): RecordView {
    const { chunk, at } = this.runs.find(segment, position);
    chunk.isShared = true;
    return new RecordView(chunk.buffer, at);
  }

  /** Blocks were cut or taken away by a truncation. */
  afterCut(known: readonly SlotBlock<Segment>[]): void {
    const { blocks } = this.index;
    const left = new Set(blocks);
    for (const block of known) {
      if (left.has(block)) continue;
      this.onGone?.(block.home.firstIndex, block.home.lastIndex);
      this.doom(block);
    }
    const last = blocks[blocks.length - 1];
    if (last !== undefined) last.home.sealed = true;
    this.runs.cut((segment) => {
      if (this.doomed.has(segment)) return undefined;
      return segment === last?.home ? last.end : Number.POSITIVE_INFINITY;
    });
  }

  /** Writes what is durable in the journal up to a ticket into the segments. Nobody else flushes meanwhile. */
  async flush(upTo: Ticket): Promise<void> {
    this.beingWritten = this.oldestTicket;
    try {
      await this.writeRuns(upTo);
    } finally {
      this.beingWritten = Number.POSITIVE_INFINITY;
    }
  }

  private async writeRuns(upTo: Ticket): Promise<void> {
    const groups = this.runs.upTo(upTo);
    if (groups.size === 0 && (this.createdTicket === 0 || this.createdTicket > upTo)) return;
    await this.makeDirectory();
    let isNew = false;
    if (groups.size === 0) {
      const { blocks, lastSequence } = this.index;
      groups.set((blocks[blocks.length - 1] ?? this.newBlock(lastSequence + 1)).home, []);
    }
    for (const [segment, parts] of groups) {
      if (this.isDead(segment)) {
        this.onGone?.(segment.firstIndex, segment.lastIndex);
        this.runs.drop(segment, upTo);
      } else {
        isNew ||= !segment.exists;
        await segment.append(parts);
        this.runs.drop(segment, ALREADY_DURABLE);
      }
    }
    if (isNew) this.context.syncLater(this.directory);
    this.createdTicket = ALREADY_DURABLE;
  }

  async makeDirectory(): Promise<void> {
    if (this.hasDirectory) return;
    await this.context.disk.makeDirectory(this.directory);
    this.context.syncLater(this.parent);
    this.hasDirectory = true;
  }

  /** Whether nothing of a segment will be read again. */
  private isDead(segment: Segment): boolean {
    if (!segment.sealed || segment.exists || !this.context.mayDrop(this.removalTicket)) return false;
    const block = this.index.blocks.find((one) => one.home === segment);
    return block === undefined || (block.live === 0 && block !== this.index.blocks[this.index.blocks.length - 1]);
  }

  /** Whether all of a block is in its file. */
  isFlushed(block: SlotBlock<Segment>): boolean {
    return block.home.exists && block.home.flushedEnd >= block.end;
  }

  /** Removes the files of segments without messages. The last segment stays: it knows where the stream goes on. */
  async dropDead(): Promise<void> {
    const { blocks } = this.index;
    if (!this.context.mayDrop(this.removalTicket)) return;
    for (let at = blocks.length - 2; at >= 0; at--) {
      if (blocks[at].live > 0 || !blocks[at].home.sealed) continue;
      const { firstIndex, lastIndex } = blocks[at].home;
      if (firstIndex > 0) this.onGone?.(firstIndex, lastIndex);
      this.doom(blocks[at]);
      blocks.splice(at, 1);
    }
    if (this.doomed.size === 0) return;
    await this.syncNames();
    this.runs.cut((segment) => (this.doomed.has(segment) ? undefined : Number.POSITIVE_INFINITY));
    const gone = [...this.doomed.keys()];
    for (const segment of gone) await this.removeFiles(segment);
    if (this.hasDirectory) await this.context.disk.syncDirectory(this.directory);
    for (const segment of gone) {
      const range = this.doomed.get(segment);
      const until = this.context.journal.gatheringTicket;
      if (range !== undefined) this.forgotten.push({ range, index: segment.lastIndex, until });
      this.doomed.delete(segment);
    }
  }

  /** Makes the name of a file durable that has replaced another one. */
  async syncNames(): Promise<void> {
    if (!this.renamed) return;
    await this.context.disk.syncDirectory(this.directory);
    this.renamed = false;
  }

  /** What was written anew has all its records. */
  noteComplete(): void {
    if (this.renamed) return;
    for (const segment of this.incomplete.keys()) {
      if (!this.index.blocks.some(({ home }) => home === segment)) this.incomplete.delete(segment);
    }
  }

  /** Removals of segments that are gone, or may be: what their messages are in the journal, or would be after a crash. */
  removalsOfGone(): Removed[] {
    const { releasedOnDisk } = this.context.journal;
    this.forgotten = this.forgotten.filter(({ until }) => until > releasedOnDisk);
    const gone: { index: number; range: Range }[] = [...this.forgotten];
    for (const [{ lastIndex: index }, range] of this.doomed) if (range !== undefined) gone.push({ index, range });
    return gone.map(({ index, range }) => ({ kind: "ranges", index, ranges: [range] }));
  }

  /** Nobody needs the segment of a block any more. */
  doom(block: SlotBlock<Segment>): void {
    this.doomed.set(block.home, [block.first, block.last]);
  }

  async removeFiles(segment: Segment): Promise<void> {
    const { disk, pool, cache } = this.context;
    cache.forget(segment);
    await pool.close(segment.path);
    if (segment.mustWipe) await this.wiper.remove(segment.path);
    for (const path of [segment.path, segment.indexPath]) {
      if ((await disk.stat(path)) !== undefined) await disk.remove(path);
    }
  }

  /** Writes the index files of full segments; with `all` also of the one that is not. */
  async writeIndexes(all: boolean): Promise<void> {
    for (const block of [...this.index.blocks]) {
      const { home: segment } = block;
      if (segment.hasIndexFile || this.incomplete.has(segment) || !this.isFlushed(block) || (!segment.sealed && !all))
        continue;
      if (this.removalTicket > this.context.journal.durable) return;
      const expiries = this.index.expiriesIn(block.first, block.last);
      const epoch = `${this.context.epoch}.${this.index.subjectIndex.generation}`;
      const parts = encodeIndex(block, this.index, expiries, segment.codec, epoch);
      segment.hasIndexFile = segment.sealed;
      const file = await this.context.disk.open(segment.indexPath, "create");
      try {
        await file.truncate(0);
        await file.write(parts, 0);
      } finally {
        await file.close();
      }
    }
  }

  /** Files with bytes of messages that are to be erased. */
  get pathsToWipe(): Set<string> {
    const segments = [...this.index.blocks.map(({ home }) => home), ...this.doomed.keys()];
    return new Set(segments.filter(({ mustWipe }) => mustWipe).map(({ path }) => path));
  }

  /** Removes everything; with `erasing` all but the log of removals, which says that something is to be erased, and those files are written over. */
  async remove(removals: FileLog, erasing?: ReadonlySet<string>): Promise<void> {
    const { disk, pool, cache } = this.context;
    removals.discard();
    for (const id of [this.id, this.id + 1]) await forgetHeld(this.context, id);
    this.runs.cut(() => undefined);
    for (const { home } of this.index.blocks) cache.forget(home);
    if ((await disk.stat(this.directory)) === undefined) return;
    if (erasing !== undefined) await this.wiper.wipe();
    for (const name of await disk.list(this.directory)) {
      const path = `${this.directory}/${name}`;
      await pool.close(path);
      if (erasing === undefined) await disk.remove(path);
      else if (erasing.has(path) || name.endsWith(".replaced")) await this.wiper.remove(path);
      else if (path !== removals.path) await disk.remove(path);
    }
    if (erasing !== undefined) return;
    await disk.remove(this.directory);
    await disk.syncDirectory(this.parent);
  }
}
