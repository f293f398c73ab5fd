// The journal: all writes of all streams and logs, one after the other, so that one sync makes all of a turn durable. What
// the files of the streams have taken over is written over. docs/storage.md tells the whole way of a write.
import type { Clock, Timer } from "../../runtime/clock.js";
import type { Disk, DiskFile } from "../../runtime/disk.js";
import { chained } from "./checksum.js";
import { Chunk, ChunkPool } from "./chunk-pool.js";
import type { Cipher } from "./cipher.js";
import { StoreError } from "./errors.js";
import { FRAME_HEADER_BYTES, FrameFlag, writeFrameHeader } from "./frame.js";
import { type JournalFile, wipeFile } from "./journal-file.js";
import { type Commits, type CommitWaiter, durable, type Ticket } from "./store.js";

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;
const SPARE_FILES = 2;
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

interface Slice {
  readonly chunk: Chunk;
  readonly start: number;
  end: number;
}

interface Batch {
  readonly ticket: Ticket;
  readonly slices: Slice[];
  chain: number;
  waiters: CommitWaiter[];
}

/** Writes something into the batch before it ends. */
export interface BatchEnd {
  endOfBatch(): void;
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
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly directory: string;
  private readonly options: JournalOptions;
  private readonly chunks: ChunkPool;
  private used = 0;
  private gathering: Batch | undefined;
  private unwritten: Batch[] = [];
  private ends: BatchEnd[] = [];
  private lastEnds: BatchEnd[] = [];
  private nextTicket: Ticket;
  private current: JournalFile | undefined;
  private position = 0;
  private waiting: JournalFile[];
  private readonly free: JournalFile[];
  private fileNumber: number;
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
  private wiping: Promise<void> = Promise.resolve();
  private released: Ticket = 0;
  private waitingForRoom: (() => void)[] = [];
  private blockedBy: StoreError | undefined;
  /** Nothing is written before the next start. */
  refuses = false;

  /** `files` were found, oldest first, with `lastTicket` the last of their writes. */
  constructor(
    runtime: { disk: Disk; clock: Clock },
    directory: string,
    options: JournalOptions,
    found: { files: JournalFile[]; fileNumber: number; lastTicket: Ticket; released: Ticket; nextLog: number },
  ) {
    this.disk = runtime.disk;
    this.clock = runtime.clock;
    this.directory = directory;
    this.options = options;
    // With lazy syncs nobody tells what a crash would still look for.
    this.chunks = new ChunkPool(options.chunkBytes, options.syncIntervalMs === 0);
    this.waiting = found.files.filter((file) => file.lastTicket > found.released);
    this.free = found.files.filter((file) => file.lastTicket <= found.released);
    this.released = found.released;
    this.releasedOnDisk = found.released;
    this.fileNumber = found.fileNumber;
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
    return this.waiting;
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
    this.blockedBy = undefined;
    this.released = Math.max(this.released, upTo);
    while (this.waiting.length > 0 && this.waiting[0].lastTicket <= upTo) this.free.push(this.waiting.shift()!);
    // Oldest first: what is left of older writes must not outlive newer ones.
    while (this.free.length > SPARE_FILES && this.wipers === 0) void this.discard(this.free.shift()!);
    if (this.waiting.length < this.options.maxWaiting) this.wake();
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
    this.blockedBy = by;
    this.wake();
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

  /** Writes over all files that nobody needs any more. One after the other: who wipes next waits for what is being wiped. */
  wipe(): Promise<void> {
    const wiped = this.wiping.then(() => this.wipeFree());
    this.wiping = wiped.catch(() => {});
    return wiped;
  }

  private async wipeFree(): Promise<void> {
    // Nobody else gets them meanwhile: what is written to them would be wiped, too.
    const files = this.free.splice(0);
    this.chunks.wipe();
    let failure: unknown;
    for (const one of files) await wipeFile(one).catch((error) => (failure ??= error));
    this.free.unshift(...files);
    if (failure !== undefined) throw failure;
  }

  /**
   * Ends writing and closes the files. `isTakenOver` tells that the streams' files have everything; then little is left of
   * the journal.
   */
  async close(isTakenOver: boolean): Promise<void> {
    this.closing = true;
    this.syncTimer?.cancel();
    this.retry?.cancel();
    await this.wiping;
    if (isTakenOver) await this.leaveEnd();
    else for (const { file } of this.files()) await file.close();
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
      const parts = this.frameOf(batch);
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      const isFull = this.position > 0 && this.position + bytes > this.options.fileBytes;
      if (this.current === undefined || isFull || this.mustLeave) await this.rotate();
      const current = this.current!;
      this.isDirty = true;
      current.isBlank = false;
      // With the sync, if there is to be one.
      await current.file.write(this.padded(parts, bytes, current.file), this.position);
      this.position += bytes;
      current.lastTicket = batch.ticket;
    }
    if (this.options.syncIntervalMs > 0) return;
    this.isDirty = false;
    this.releasedOnDisk = released;
    // After a crash nothing of it would be looked for in the journal, so that nobody writes it any more.
    this.chunks.release(released);
  }

  // A small write that makes the file grow makes it grow by more: syncs of what has its place on the disk are cheaper.
  private padded(parts: Uint8Array[], bytes: number, { sizeBytes }: DiskFile): Uint8Array[] {
    const end = this.position + bytes;
    if (end <= sizeBytes || bytes > PADDING.length / 4 || this.failure !== undefined) return parts;
    const padding = Math.min(PADDING.length, this.options.fileBytes - end);
    return padding > 0 ? [...parts, PADDING.subarray(0, padding)] : parts;
  }

  private frameOf(batch: Batch): Uint8Array[] {
    const { slices, ticket, chain } = batch;
    const { cipher } = this.options;
    const { chunk: first, start: headerAt } = slices[0];
    const header = first.buffer;
    const parts = slices.map(({ chunk, start, end }) => chunk.buffer.subarray(start, end));
    let payloadBytes = parts.reduce((sum, part) => sum + part.length, 0) - FRAME_HEADER_BYTES;
    if (cipher !== undefined) {
      parts[0] = parts[0].subarray(FRAME_HEADER_BYTES);
      const sealed = cipher.seal(Buffer.concat(parts));
      payloadBytes = sealed.length;
      parts.splice(0, parts.length, header.subarray(headerAt, headerAt + FRAME_HEADER_BYTES), sealed);
    }
    const flags = cipher === undefined ? 0 : FrameFlag.encrypted;
    const { nextLog, released } = this;
    writeFrameHeader(header, headerAt, { ticket, payloadBytes, payloadChecksum: chain, nextLog, flags, released });
    return parts;
  }

  private async rotate(): Promise<void> {
    if (this.current !== undefined) {
      if (this.isDirty) await this.current.file.sync();
      this.waiting.push(this.current);
      this.current = undefined;
      this.onRotate?.();
    }
    this.mustLeave = false;
    while (this.waiting.length >= this.options.maxWaiting) {
      this.onRotate?.();
      await new Promise<void>((resolve) => this.waitingForRoom.push(resolve));
      if (this.blockedBy !== undefined && this.waiting.length >= this.options.maxWaiting) throw this.blockedBy;
    }
    this.current = (await this.spareFile()) ?? (await this.newFile());
    this.position = 0;
    this.durablePosition = 0;
  }

  /** A file to write over; undefined when there is none. */
  private async spareFile(): Promise<JournalFile | undefined> {
    const { free } = this;
    // Only when a durable frame says that nobody needs what it holds.
    for (let tries = free.length; tries > 0 && free.length > 0 && free[0].lastTicket <= this.releasedOnDisk; tries--) {
      const one = free.shift()!;
      if (one.isBlank || this.wipers === 0) return one;
      try {
        await wipeFile(one);
        return one;
      } catch {
        // Writes go on elsewhere; who wants it wiped tries again.
        free.push(one);
      }
    }
    return undefined;
  }

  private async newFile(): Promise<JournalFile> {
    const file = await this.disk.open(
      `${this.directory}/${++this.fileNumber}.log`,
      "create",
      this.options.syncIntervalMs === 0,
    );
    await this.disk.syncDirectory(this.directory);
    return { file, lastTicket: 0, isBlank: true };
  }

  private wake(): void {
    const waiting = this.waitingForRoom;
    this.waitingForRoom = [];
    for (const go of waiting) go();
  }

  private async discard({ file }: JournalFile): Promise<void> {
    try {
      await file.close();
      await this.disk.remove(file.path);
    } catch {
      // It is read and found to be old at the next start.
    }
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
    if (this.current !== undefined && error.code === "STORE_IO" && this.waiting.length < this.options.maxWaiting) {
      this.current.lastTicket = Math.max(this.current.lastTicket, this.durable);
      this.waiting.push(this.current);
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

  /** Leaves a frame that says that all before was taken over, and nothing else. */
  private async leaveEnd(): Promise<void> {
    const end = Buffer.alloc(FRAME_HEADER_BYTES);
    const { nextLog, nextTicket: ticket } = this;
    const nothing = { payloadBytes: 0, payloadChecksum: 0, flags: FrameFlag.end };
    writeFrameHeader(end, 0, { ...nothing, ticket, nextLog, released: ticket });
    const files = this.files();
    if (files.length === 0) files.push(await this.newFile());
    await files[0].file.write([end], 0);
    await files[0].file.truncate(FRAME_HEADER_BYTES);
    await files[0].file.sync();
    for (const [at, { file }] of files.entries()) {
      await file.close();
      if (at > 0) await this.disk.remove(file.path);
    }
    await this.disk.syncDirectory(this.directory);
  }

  private files(): JournalFile[] {
    return [...this.waiting, ...this.free, ...(this.current === undefined ? [] : [this.current])];
  }
}
