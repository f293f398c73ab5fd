// A stream on disk: what is appended goes to the journal, stays in its memory until the segments have it, and is read from
// either. docs/storage.md tells the whole way.
import { compactOnce } from "./compaction.js";
import type { Flushable, StoreContext } from "./context.js";
import { Eraser, type JournalCleaner } from "./eraser.js";
import { StoreError } from "./errors.js";
import { fileNameOf } from "./file-header.js";
import { FileLog, type JournalRecord } from "./file-log.js";
import { holdAsGone, holdRecords } from "./held-records.js";
import type { BatchEnd } from "./journal-batch.js";
import { messageIn } from "./message-in-part.js";
import { messageRecordBytes, RecordFlag, RecordKind, RecordMessage, writeMessageRecord } from "./record.js";
import {
  addGone,
  encodeRemoved,
  encodeState,
  type Gone,
  type RemovalState,
  type Removed,
  rangesOf,
} from "./removals.js";
import type { DamagedPart, Segment } from "./segment.js";
import { removedIn, type SlotBlock } from "./slot-block.js";
import {
  ALREADY_DURABLE,
  type Eventually,
  type MessageTimes,
  type NewMessage,
  type Sequence,
  type StoredMessage,
  type StreamStoreOptions,
  type Ticket,
} from "./store.js";
import { type RemovalStep, StreamBase } from "./stream-base.js";
import { StreamFiles, type StreamPlace } from "./stream-files.js";
import { recoverStream } from "./stream-recovery.js";

/** So many fit in an entry of 1 MB. */
const RANGES_PER_ENTRY = 64 * 1024;

export class FileStore extends StreamBase<Segment> implements Flushable, BatchEnd {
  private readonly context: StoreContext;
  private readonly files: StreamFiles;
  /** The next message belongs to the batch of the last one. */
  private inBatch = false;
  readonly id: number;
  readonly removals: FileLog;
  onDelete: (() => void) | undefined;
  private readonly eraser: Eraser;
  private readonly cleaner: JournalCleaner;
  /** Removed in this turn. */
  private gone: Sequence[] = [];
  /** Truncations; what they have cut may still stand in segments. */
  private cuts: Removed[] = [];
  /** Numbers of messages that are gone with their segments. */
  private goneIndexes: Gone[] = [];
  /** What the journal has of a stream whose files stay as they are; undefined once that is kept elsewhere. */
  private held: readonly JournalRecord[] | undefined;
  private busy: Promise<void> = Promise.resolve();

  constructor(context: StoreContext, place: StreamPlace, options: StreamStoreOptions, cleaner: JournalCleaner) {
    super("file", place.key);
    this.context = context;
    this.id = place.id;
    this.cleaner = cleaner;
    this.files = new StreamFiles(context, place, this.index, options);
    this.removals = new FileLog(
      context,
      {
        key: place.key,
        id: place.id + 1,
        directory: this.files.directory,
        name: "removed.log",
        prepare: () => this.files.makeDirectory(),
      },
      ALREADY_DURABLE,
    );
    this.eraser = new Eraser(this.files, this.removals, cleaner, this, (run) => this.alone(run));
    this.files.onGone = (firstIndex, index) => {
      const gone: Gone = { kind: "gone", index, firstIndex };
      this.goneIndexes = addGone(this.goneIndexes, gone);
      this.removals.append(encodeRemoved(gone), true);
    };
    this.removals.snapshotter = () => {
      // The state has what was removed in this turn, so the log has to have it before.
      this.endOfBatch();
      return encodeState(this.removalState());
    };
  }

  /** Notes in the journal that the stream exists. */
  begin(): void {
    this.files.createdTicket = this.context.note(RecordKind.create, this.id, { kind: "stream", key: this.key });
    this.context.dirty.add(this);
  }

  get pendingBytes(): number {
    return this.files.pendingBytes;
  }

  get oldestTicket(): Ticket {
    return Math.min(this.files.oldestTicket, this.held?.[0]?.ticket ?? Number.POSITIVE_INFINITY);
  }

  append(message: NewMessage, sequence: Sequence, times: MessageTimes, more = false, follows = false): Ticket {
    this.checkOpen();
    if (this.unread !== undefined) throw this.unread;
    const { index, files, context } = this;
    index.checkNext(sequence, message.subject);
    const bytes = messageRecordBytes(message, times.expiresMs);
    const { journal } = context;
    journal.reserve(bytes);
    const block = files.blockFor(sequence, bytes);
    const { chunk, at } = journal;
    const number = ++files.lastIndex;
    const sum = writeMessageRecord(
      chunk.buffer,
      chunk.view,
      at,
      bytes,
      message,
      sequence,
      times,
      (more ? RecordFlag.more : 0) | (this.inBatch || follows ? RecordFlag.continued : 0),
      this.id,
      number,
    );
    this.inBatch = more;
    const ticket = journal.accept(sum);
    if (files.pendingBytes === 0) context.dirty.add(this);
    files.addRun(block, chunk, at, bytes, ticket);
    index.add(sequence, message.subject, times, message.headerBytes > 0, bytes);
    return ticket;
  }

  load(sequence: Sequence): Eventually<StoredMessage | undefined> {
    const place = this.index.placeOf(sequence);
    if (place === undefined) return undefined;
    const { block, slot } = place;
    const { home: segment } = block;
    const position = block.offsetAt(slot);
    if (position >= segment.flushedEnd) {
      return new RecordMessage(this.files.inMemory(segment, position));
    }
    const bytes = block.bytesAt(slot);
    const part = this.context.cache.read(segment, position, position + bytes);
    if (!(part instanceof Promise)) {
      const message = messageIn(part, position, bytes, sequence);
      if (message !== undefined) return message;
      return this.unreadable(sequence, block, position, bytes);
    }
    return part.then(
      (read) => messageIn(read, position, bytes, sequence) ?? this.unreadable(sequence, block, position, bytes),
      (error) => this.unreadable(sequence, block, position, bytes, StoreError.of(error)),
    );
  }

  /** A record that is not what it should be: moved meanwhile, or damaged. */
  private async unreadable(
    sequence: Sequence,
    block: SlotBlock<Segment>,
    position: number,
    bytes: number,
    error?: StoreError,
  ): Promise<StoredMessage | undefined> {
    const now = this.index.placeOf(sequence);
    if (now === undefined) return undefined;
    if (now.block !== block) return this.load(sequence);
    if (error !== undefined && error.code !== "STORE_DAMAGED") throw error;
    if (this.unread !== undefined) throw this.unread;
    await this.setAside(block, position, bytes);
    return undefined;
  }

  /** Sets the bytes of a damaged record, or block of records, aside and removes its messages. */
  async setAside(block: SlotBlock<Segment>, position: number, bytes: number): Promise<void> {
    const { home: segment } = block;
    let damaged: DamagedPart = { from: position, to: position + bytes, bytes: Buffer.alloc(0) };
    try {
      if (segment.codec.isPlain)
        damaged = { ...damaged, bytes: (await segment.readPart(position, position + bytes)).bytes };
      else damaged = await segment.rawBlock(position);
    } catch {
      // What cannot even be read is reported without its bytes.
    }
    // It was written anew meanwhile.
    if (!this.index.blocks.includes(block)) return;
    const lost: Sequence[] = [];
    for (let slot = 0; slot < block.count; slot++) {
      const at = block.offsetAt(slot);
      if (at >= damaged.from && at < damaged.to && this.has(block.sequenceAt(slot))) lost.push(block.sequenceAt(slot));
    }
    if (lost.length === 0) return;
    const message = `messages ${lost[0]} to ${lost[lost.length - 1]} of ${this.key} cannot be read`;
    this.removeAll(lost);
    this.context.cache.forget(segment);
    const name = `${fileNameOf(this.key, this.id)}-${segment.number}-${damaged.from}`;
    await this.context.setAside(this.key, message, damaged.bytes, name);
  }

  async erase(sequence: Sequence): Promise<boolean> {
    this.checkOpen();
    const place = this.index.placeOf(sequence);
    if (place === undefined) return false;
    this.remove(sequence);
    await this.eraser.erase(sequence, place.block, place.slot);
    return true;
  }

  configure(options: StreamStoreOptions): void {
    const before = this.files.options.compression ?? "none";
    this.files.options = options;
    const last = this.index.blocks[this.index.blocks.length - 1];
    if (last !== undefined && (options.compression ?? "none") !== before) last.home.sealed = true;
  }

  delete(): Ticket {
    if (this.closed) return ALREADY_DURABLE;
    const { context, files, eraser } = this;
    const erasing = eraser.isPending ? files.pathsToWipe : undefined;
    const ticket = context.forget(this, [this.id + 1, this.id], () =>
      this.alone(async () => {
        await files.remove(this.removals, erasing);
        if (erasing === undefined) return;
        // The journal may forget that the stream was deleted.
        await holdAsGone(context, this.id, true);
        this.cleaner.bury(this.id, files.directory);
      }),
    );
    if (erasing !== undefined) context.journal.wipers++;
    this.closed = true;
    eraser.abandon();
    this.removals.discard();
    this.index.clear(0);
    this.onDelete?.();
    return ticket;
  }

  /** Ends it as it is; its files stay. */
  end(): void {
    this.closed = true;
    this.eraser.end();
  }

  flush(upTo: Ticket): Promise<void> {
    return this.alone(async () => {
      if (this.closed) return;
      if (this.unread !== undefined) {
        await this.hold();
        return;
      }
      if (this.context.journal.failure !== undefined) await this.files.dropDead();
      await this.files.flush(upTo);
      if (!this.files.hasPending) this.context.dirty.delete(this);
      await this.files.dropDead();
      await this.files.writeIndexes(false);
      while (!this.closed && (await compactOnce(this.files, this)));
      this.files.noteComplete();
      if (!this.files.hasPending) this.context.dirty.delete(this);
    });
  }

  /** Nothing changes its files before the next start. */
  keepAsItIs(failure: StoreError): void {
    this.unread = new StoreError("STORE_IO", `the stream ${this.key} cannot be read: ${failure.message}`, failure);
    // The index has not all of what a state would have to say.
    this.removals.snapshotter = undefined;
    this.context.report({ key: this.key, message: this.unread.message, path: undefined });
  }

  private async hold(): Promise<void> {
    const { context, files, held } = this;
    if (held !== undefined) await holdRecords(context, { key: this.key, id: this.id, isStream: true }, held);
    this.held = undefined;
    files.createdTicket = ALREADY_DURABLE;
    context.dirty.delete(this);
  }

  /** Writes the indexes that make the next start fast; after everything was flushed. */
  writeIndexes(): Promise<void> {
    return this.alone(async () => {
      if (this.unread === undefined) await this.files.writeIndexes(true);
    });
  }

  /**
   * Reads what is on disk and adds what the journal has beyond it. `created`: of the note that it began, if it is known; `failure`:
   * why that is not all there is.
   */
  async recover(
    messages: readonly JournalRecord[],
    removals: readonly JournalRecord[],
    created: Ticket,
    failure?: StoreError,
  ): Promise<void> {
    const found = await recoverStream(this.files, this.removals, messages, removals, created > 0, failure);
    this.cuts = found.cuts;
    this.goneIndexes = found.gone;
    if (found.failure !== undefined) {
      this.keepAsItIs(found.failure);
      this.files.createdTicket = created;
      if (messages.length === 0 && created === 0) return;
      this.held = messages;
      this.context.dirty.add(this);
      return;
    }
    this.eraser.resume(found.toErase);
    if (!this.index.blocks.some(({ home }) => home.exists)) this.files.createdTicket = Math.max(1, created);
    if (this.files.hasPending) this.context.dirty.add(this);
    if (this.files.incomplete.size > 0) this.context.workFor(this);
  }

  override writeRemovals(): void {
    this.endOfBatch();
  }

  endOfBatch(): void {
    if (this.gone.length === 0 || this.closed) return;
    const ranges = rangesOf(this.gone);
    this.gone = [];
    // A purge may leave millions of gaps.
    for (let at = 0; at < ranges.length; at += RANGES_PER_ENTRY) {
      const some = ranges.slice(at, at + RANGES_PER_ENTRY);
      this.removals.append(encodeRemoved({ kind: "ranges", index: this.files.lastIndex, ranges: some }), true);
    }
  }

  protected override get lastRemoval(): Ticket {
    return this.files.removalTicket;
  }

  protected checkWritable(): void {
    if (this.unread !== undefined) throw this.unread;
    if (this.context.journal.isClosed) throw new StoreError("STORE_CLOSED", "the storage is closed");
  }

  protected removed(step: RemovalStep): Ticket {
    const { journal } = this.context;
    if (step.kind === "sequences") {
      if (this.gone.length === 0) journal.beforeEnd(this, true);
      for (const sequence of step.sequences) this.gone.push(sequence);
      this.files.removalTicket = journal.gatheringTicket;
    } else {
      this.endOfBatch();
      const removed: Removed = { kind: step.kind, index: this.files.lastIndex, sequence: step.sequence };
      this.files.removalTicket = this.removals.append(encodeRemoved(removed), true);
      if (step.kind === "above") this.cuts.push(removed);
      // An emptied segment is left behind, so that its file can go.
      const last = this.index.blocks[this.index.blocks.length - 1];
      if (last !== undefined && last.live === 0 && last.count > 0) last.home.sealed = true;
      this.context.workFor(this);
    }
    return this.files.removalTicket;
  }

  override truncate(sequence: Sequence): { removed: number; ticket: Ticket } {
    const before = [...this.index.blocks];
    const removal = super.truncate(sequence);
    this.files.afterCut(before);
    return removal;
  }

  private removalState(): RemovalState {
    const { index, cuts, files } = this;
    const ranges = index.blocks.flatMap(removedIn);
    const steps: Removed[] = [...cuts, ...this.goneIndexes, { kind: "ranges", index: files.lastIndex, ranges }];
    if (index.messages === 0 && index.lastSequence > 0) {
      steps.push({ kind: "below", index: files.lastIndex, sequence: index.lastSequence + 1 });
    }
    steps.push(...files.removalsOfGone(), ...this.eraser.steps);
    const { seconds, nanoseconds } = index.lastTime;
    return { lastSequence: index.lastSequence, lastSeconds: seconds, lastNanoseconds: nanoseconds, steps };
  }

  /** Runs one thing with the files after the other. */
  private alone(run: () => Promise<void>): Promise<void> {
    const result = this.busy.then(run);
    this.busy = result.catch(() => {});
    return result;
  }
}
