// The journal: all writes of all streams and logs, one after the other, so that one sync makes all of a turn durable. What
// the files of the streams have taken over is written over. docs/storage.md tells the whole way of a write.
import type { Clock, Timer } from "../../runtime/clock.js";
import { type Disk, nextBlock, type WrittenFile } from "../../runtime/disk.js";
import { chained } from "./checksum.js";
import { Chunk, ChunkPool } from "./chunk-pool.js";
import type { Cipher } from "./cipher.js";
import { StoreError } from "./errors.js";
import { FRAME_HEADER_BYTES, FrameFlag, writeFrameHeader } from "./frame.js";
import { type Batch, type BatchEnd, frameOf } from "./journal-batch.js";
import type { JournalFile } from "./journal-file.js";
import { JournalFiles } from "./journal-files.js";
import type { FoundJournal } from "./journal-recovery.js";
import { type Commits, type CommitWaiter, durable, type Ticket } from "./store.js";

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;
/** Small frames leave most of their blocks free: a file may be so many times as large. */
const LARGEST_FILES = 4;
/** What a file grows by. */
const PADDING = Buffer.alloc(256 * 1024);

export interface JournalOptions {
  /** A new file begins beyond it. */
  readonly fileBytes: number;
  /** So many files may wait for the streams to take over; then writes wait. */
  readonly maxWaiting: number;
  /** Of the pieces of memory that batches gather in. */
  readonly chunkBytes: number;
  /** 0: a write is durable when it was synced. Else when it was written, and syncs come so often. */
  readonly syncIntervalMs: number;
  readonly cipher: Cipher | undefined;
}

export class Journal implements Commits {
  durable: Ticket;
  failure: StoreError | undefined;
  /** After a crash nothing up to this ticket is found in the journal. */
  releasedOnDisk: Ticket;
  /** The buffer, and the place in it, that `reserve` has found. */
  chunk = new Chunk(Buffer.alloc(0));
  at = 0;
  /** Above every id of a log that was given. */
  nextLog: number;
  /** A file was left behind: its writes should be taken over. */
  onRotate: (() => void) | undefined;
  onFailure: ((failure: StoreError | undefined) => void) | undefined;
  private readonly clock: Clock;
  private readonly blockBytes: number;
  private readonly options: JournalOptions;
  private readonly chunks: ChunkPool;
  private readonly files: JournalFiles;
  private used = 0;
  private gathering: Batch | undefined;
  private unwritten: Batch[] = [];
  private ends: BatchEnd[] = [];
  private lastEnds: BatchEnd[] = [];
  private nextTicket: Ticket;
  private current: JournalFile | undefined;
  private position = 0;
  /** Bytes of the frames in the current file, without what is left free behind them. */
  private filled = 0;
  private pumping = false;
  private scheduled = false;
  private closing = false;
  private retryMs = FIRST_RETRY_MS;
  private retry: Timer | undefined;
  private syncTimer: Timer | undefined;
  private durablePosition = 0;
  private isDirty = false;
  private mustLeave = false;
  /** Those who want files wiped that nobody needs: none is removed before, with its content left on the disk. */
  wipers = 0;
  private released: Ticket = 0;
  /** Nothing is written before the next start. */
  refuses = false;

  /** `files` were found, oldest first, with `lastTicket` the last of their writes. */
  constructor(
    runtime: { disk: Disk; clock: Clock },
    directory: string,
    options: JournalOptions,
    found: Pick<FoundJournal, "files" | "unopened" | "fileNumber" | "lastTicket" | "released" | "nextLog">,
  ) {
    this.clock = runtime.clock;
    this.blockBytes = runtime.disk.blockBytes;
    this.options = options;
    const synced = options.syncIntervalMs === 0;
    // With lazy syncs nobody tells what a crash would still look for.
    this.chunks = new ChunkPool(options.chunkBytes, synced);
    this.files = new JournalFiles(runtime.disk, directory, { synced, maxWaiting: options.maxWaiting }, found);
    this.released = found.released;
    this.releasedOnDisk = found.released;
    this.nextLog = found.nextLog;
    this.durable = found.lastTicket;
    this.nextTicket = found.lastTicket + 1;
    if (options.syncIntervalMs > 0) {
      this.syncTimer = this.clock.every(options.syncIntervalMs, () => void this.current?.file.sync().catch(() => {}));
    }
  }

  /** So many files may wait for the streams. */
  get maxWaiting(): number {
    return this.options.maxWaiting;
  }

  /** Files that wait for the streams, oldest first. */
  get waitingFiles(): readonly JournalFile[] {
    return this.files.waiting;
  }

  /** Whether the streams still need what files have that are not written to any more. */
  get areFilesNeeded(): boolean {
    return this.files.areNeeded(this.released);
  }

  /**
   * Makes room for a record in the batch of this turn, at `chunk` and `at`. Throws the failure while the disk takes nothing,
   * but for what is urgent, as it makes room.
   */
  reserve(bytes: number, urgent = false): void {
    if (this.failure !== undefined && (!urgent || this.refuses)) throw this.failure;
    if (this.closing) throw new StoreError("STORE_CLOSED", "the storage is closed");
    const batch = this.gathering ?? this.begin();
    if (this.used + bytes > this.chunk.buffer.length) {
      this.chunk = this.chunks.take(bytes);
      this.chunk.lastTicket = batch.ticket;
      this.used = 0;
      batch.slices.push({ chunk: this.chunk, start: 0, end: 0 });
    }
    this.at = this.used;
    this.used += bytes;
    batch.slices[batch.slices.length - 1].end = this.used;
  }

  /** The reserved room was filled with a record of this checksum. */
  accept(checksum: number): Ticket {
    const batch = this.gathering!;
    batch.chain = chained(batch.chain, checksum);
    return batch.ticket;
  }

  get isClosed(): boolean {
    return this.closing;
  }

  /** Of what is written in this turn. */
  get gatheringTicket(): Ticket {
    return this.gathering?.ticket ?? this.nextTicket;
  }

  /**
   * Calls back before the batch of this turn ends; gives its ticket. What is urgent comes last: of a torn batch there is no
   * removal without the acknowledgement that it follows from. Throws as `reserve`.
   */
  beforeEnd(end: BatchEnd, urgent: boolean): Ticket {
    this.reserve(0, urgent);
    (urgent ? this.lastEnds : this.ends).push(end);
    return this.gathering!.ticket;
  }

  whenDurable(ticket: Ticket, waiter: CommitWaiter): void {
    const batch =
      this.gathering?.ticket === ticket ? this.gathering : this.unwritten.find((one) => one.ticket >= ticket);
    if (batch !== undefined && ticket > this.durable) batch.waiters.push(waiter);
    else this.clock.endOfTurn(() => waiter.committed(ticket, undefined));
  }

  /** The streams have taken over all writes up to this ticket. */
  release(upTo: Ticket): void {
    this.released = Math.max(this.released, upTo);
    this.files.release(upTo, this.wipers > 0);
  }

  /** Takes nothing before the next start. */
  refuse(failure: StoreError): void {
    this.refuses = true;
    this.failure = failure;
  }

  /** There may be room again. */
  tryAgain(): void {
    this.retry?.cancel();
    if (!this.pumping && !this.closing && !this.refuses) void this.pump();
  }

  /** The streams cannot take over at the moment. */
  blocked(by: StoreError): void {
    this.files.blocked(by);
  }

  /** Begins another file with the batch of this turn; gives its ticket. */
  leaveFile(): Ticket {
    this.mustLeave = true;
    return this.mark();
  }

  /** A write of nothing: what was released is on the disk with it. */
  mark(): Ticket {
    this.reserve(0, true);
    return this.gatheringTicket;
  }

  /** Writes over all that nobody needs any more, in files and in memory. Rejects with errors of the disk. */
  wipe(): Promise<void> {
    return this.files.wipe(this.chunks);
  }

  /**
   * Ends writing and closes the files. `isTakenOver` tells that the streams' files have everything; then little is left of
   * the journal.
   */
  async close(isTakenOver: boolean): Promise<void> {
    this.closing = true;
    this.syncTimer?.cancel();
    this.retry?.cancel();
    await this.files.wiped;
    if (isTakenOver) await this.files.leaveEnd(this.current, this.end());
    else await this.files.close(this.current);
  }

  /** Resolves when everything that was written before is durable; rejects when it cannot be. */
  async drained(): Promise<void> {
    const last = this.gathering ?? this.unwritten.at(-1);
    if (last !== undefined && this.failure === undefined) await durable(this, last.ticket);
    if (this.failure !== undefined) throw this.failure;
    if (this.options.syncIntervalMs > 0) await this.current?.file.sync();
  }

  private begin(): Batch {
    if (this.used + FRAME_HEADER_BYTES > this.chunk.buffer.length) {
      this.chunk = this.chunks.take(FRAME_HEADER_BYTES);
      this.used = 0;
    }
    const start = this.used;
    this.used += FRAME_HEADER_BYTES;
    const batch: Batch = {
      ticket: this.nextTicket++,
      slices: [{ chunk: this.chunk, start, end: this.used }],
      chain: 0,
      waiters: [],
    };
    this.chunk.lastTicket = batch.ticket;
    this.gathering = batch;
    if (!this.scheduled) {
      this.scheduled = true;
      this.clock.endOfTurn(this.turnEnded);
    }
    return batch;
  }

  private readonly turnEnded = (): void => {
    this.scheduled = false;
    if (!this.pumping && this.failure === undefined) void this.pump();
  };

  /** Writes batch after batch: what comes while one is on its way to the disk is the next one. */
  private async pump(): Promise<void> {
    this.pumping = true;
    while (this.seal()) {
      try {
        await this.write(this.unwritten);
      } catch (error) {
        this.failed(StoreError.of(error));
        break;
      }
      const done = this.unwritten;
      this.unwritten = [];
      this.durable = done[done.length - 1].ticket;
      this.recovered();
      for (const batch of done) for (const waiter of batch.waiters) waiter.committed(batch.ticket, undefined);
    }
    this.pumping = false;
  }

  /** Ends the batch that gathers; true when there is something to write. */
  private seal(): boolean {
    // What comes while the storage closes is not written any more.
    if (this.closing) return false;
    const batch = this.gathering;
    if (batch !== undefined) {
      const { ends, lastEnds } = this;
      this.ends = [];
      this.lastEnds = [];
      for (const end of ends) end.endOfBatch();
      for (const end of lastEnds) end.endOfBatch();
      this.gathering = undefined;
      this.unwritten.push(batch);
    }
    return this.unwritten.length > 0;
  }

  private async write(batches: readonly Batch[]): Promise<void> {
    let { released } = this;
    for (const batch of batches) {
      ({ released } = this);
      const parts = frameOf(batch, this.nextLog, released, this.blockBytes, this.options.cipher);
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      const { fileBytes } = this.options;
      const end = this.position + bytes;
      const isFull = this.position > 0 && (this.filled + bytes > fileBytes || end > LARGEST_FILES * fileBytes);
      if (this.current === undefined || isFull || this.mustLeave) await this.rotate();
      const current = this.current!;
      this.isDirty = true;
      current.isBlank = false;
      // With the sync, if there is to be one.
      await current.file.write(this.padded(parts, bytes, current.file), this.position);
      this.position = nextBlock(this.position + bytes, this.blockBytes);
      this.filled += bytes;
      current.lastTicket = batch.ticket;
    }
    if (this.options.syncIntervalMs > 0) return;
    this.isDirty = false;
    this.releasedOnDisk = released;
    // After a crash nothing of it would be looked for in the journal, so that nobody writes it any more.
    this.chunks.release(released);
  }

  // A small write that makes the file grow makes it grow by more: syncs of what has its place on the disk are cheaper.
  private padded(parts: Uint8Array[], bytes: number, { sizeBytes }: WrittenFile): Uint8Array[] {
    const end = this.position + bytes;
    if (end <= sizeBytes || bytes > PADDING.length / 4 || this.failure !== undefined) return parts;
    const { fileBytes } = this.options;
    // Beyond its usual size a file grows by little.
    const padding = Math.min(PADDING.length, Math.max(fileBytes - end, fileBytes >> 4));
    return padding > 0 ? [...parts, PADDING.subarray(0, padding)] : parts;
  }

  private async rotate(): Promise<void> {
    if (this.current !== undefined) {
      if (this.isDirty) await this.current.file.sync();
      this.files.leave(this.current);
      this.current = undefined;
      this.onRotate?.();
    }
    this.mustLeave = false;
    while (!this.files.hasRoom) {
      this.onRotate?.();
      await this.files.room();
    }
    this.current = await this.files.next(this.releasedOnDisk, this.wipers > 0);
    this.position = 0;
    this.filled = 0;
    this.durablePosition = 0;
  }

  private failed(error: StoreError): void {
    const isNew = this.failure === undefined;
    this.seal();
    this.failure = error;
    for (const batch of this.unwritten) {
      // Who asks again meanwhile waits for the next try.
      for (const waiter of batch.waiters.splice(0)) waiter.committed(batch.ticket, error);
    }
    // A file that could not be synced is not trusted with the same writes again.
    if (this.current !== undefined && error.code === "STORE_IO" && this.files.hasRoom) {
      this.current.lastTicket = Math.max(this.current.lastTicket, this.durable);
      this.files.leave(this.current);
      this.current = undefined;
    } else if (this.current !== undefined) {
      this.position = this.durablePosition;
    }
    if (isNew) this.onFailure?.(error);
    this.retry = this.clock.after(this.retryMs, () => this.tryAgain());
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
  }

  private recovered(): void {
    this.durablePosition = this.position;
    if (this.failure === undefined) return;
    this.failure = undefined;
    this.retryMs = FIRST_RETRY_MS;
    this.onFailure?.(undefined);
  }

  /** A frame that says that all before was taken over. */
  private end(): Uint8Array {
    const end = Buffer.alloc(FRAME_HEADER_BYTES);
    const { nextLog, nextTicket: ticket } = this;
    const nothing = { payloadBytes: 0, payloadChecksum: 0, flags: FrameFlag.end, blockBytes: 1 };
    writeFrameHeader(end, 0, { ...nothing, ticket, nextLog, released: ticket });
    return end;
  }
}
