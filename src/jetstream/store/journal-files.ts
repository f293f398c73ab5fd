// The files of the journal but the one that is written to: those that wait for the streams to take over, and those that nobody
// needs any more, which are written over.
import type { Disk } from "../../runtime/disk.js";
import type { ChunkPool } from "./chunk-pool.js";
import type { StoreError } from "./errors.js";
import { type JournalFile, openJournalFile, type UnopenedFile, wipeFile } from "./journal-file.js";
import type { FoundJournal } from "./journal-recovery.js";
import type { Ticket } from "./store.js";

const SPARE_FILES = 2;

export interface JournalFilesOptions {
  /** Whether a write ends with its sync. */
  readonly synced: boolean;
  /** So many files may wait for the streams. */
  readonly maxWaiting: number;
}

export class JournalFiles {
  readonly maxWaiting: number;
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly synced: boolean;
  private readonly left: JournalFile[];
  private readonly free: JournalFile[];
  /** Those that could not be written to at the start. */
  private unopened: readonly UnopenedFile[];
  private fileNumber: number;
  private wiping: Promise<void> = Promise.resolve();
  private waitingForRoom: (() => void)[] = [];
  private blockedBy: StoreError | undefined;

  /** `found`: oldest first, and the highest number of their names; what was written up to `released` was taken over. */
  constructor(
    disk: Disk,
    directory: string,
    options: JournalFilesOptions,
    found: Pick<FoundJournal, "files" | "unopened" | "fileNumber" | "released">,
  ) {
    this.disk = disk;
    this.directory = directory;
    this.maxWaiting = options.maxWaiting;
    this.synced = options.synced;
    this.left = found.files.filter((file) => file.lastTicket > found.released);
    this.free = found.files.filter((file) => file.lastTicket <= found.released);
    this.unopened = found.unopened;
    this.fileNumber = found.fileNumber;
  }

  /** Those that wait for the streams, oldest first. */
  get waiting(): readonly JournalFile[] {
    return this.left;
  }

  /** Whether the streams, which have taken over what was written up to `released`, still need a file that is not written to any more. */
  areNeeded(released: Ticket): boolean {
    return this.left.length > 0 || this.unopened.some(({ lastTicket }) => lastTicket > released);
  }

  /** Whether another file may wait. */
  get hasRoom(): boolean {
    return this.left.length < this.maxWaiting;
  }

  /** A file that is not written to any more waits for the streams. */
  leave(file: JournalFile): void {
    this.left.push(file);
  }

  /** The streams have taken over all writes up to this ticket. `mustWipe`: no file goes with its content left on the disk. */
  release(upTo: Ticket, mustWipe: boolean): void {
    this.blockedBy = undefined;
    while (this.left.length > 0 && this.left[0].lastTicket <= upTo) this.free.push(this.left.shift()!);
    // Oldest first: what is left of older writes must not outlive newer ones.
    while (this.free.length > SPARE_FILES && !mustWipe) void this.discard(this.free.shift()!);
    if (this.hasRoom) this.wake();
  }

  /** The streams cannot take over at the moment: who waits for room is told. */
  blocked(by: StoreError): void {
    this.blockedBy = by;
    this.wake();
  }

  /** Resolves when there may be room. Rejects with the reason when the streams cannot take over. */
  async room(): Promise<void> {
    await new Promise<void>((resolve) => this.waitingForRoom.push(resolve));
    if (this.blockedBy !== undefined && !this.hasRoom) throw this.blockedBy;
  }

  /**
   * A file to write to, from its begin. `releasedOnDisk`: what a durable frame says that nobody needs; `mustWipe`: with nothing
   * in it. Rejects with errors of the disk.
   */
  async next(releasedOnDisk: Ticket, mustWipe: boolean): Promise<JournalFile> {
    return (await this.spare(releasedOnDisk, mustWipe)) ?? (await this.create());
  }

  /** Writes over all files that nobody needs any more. One after the other: who wipes next waits for what is being wiped. */
  wipe(chunks: ChunkPool): Promise<void> {
    const wiped = this.wiping.then(() => this.wipeFree(chunks));
    this.wiping = wiped.catch(() => {});
    return wiped;
  }

  /** Resolves when nothing is being wiped. */
  get wiped(): Promise<void> {
    return this.wiping;
  }

  /** Closes all, `current` too. */
  async close(current: JournalFile | undefined): Promise<void> {
    for (const { file } of this.all(current)) await file.close();
  }

  /** Leaves one file with the frame `end`, which says that all was taken over, and nothing else. */
  async leaveEnd(current: JournalFile | undefined, end: Uint8Array): Promise<void> {
    const files = this.all(current);
    if (files.length === 0) files.push(await this.create());
    await files[0].file.write([end], 0);
    await files[0].file.truncate(end.length);
    await files[0].file.sync();
    for (const [at, { file }] of files.entries()) {
      await file.close();
      if (at > 0) await this.disk.remove(file.path);
    }
    await this.disk.syncDirectory(this.directory);
  }

  private async wipeFree(chunks: ChunkPool): Promise<void> {
    let failure = await this.openLeft();
    // Nobody else gets them meanwhile: what is written to them would be wiped, too.
    const files = this.free.splice(0);
    chunks.wipe();
    for (const one of files) await wipeFile(this.disk, one).catch((error) => (failure ??= error));
    this.free.unshift(...files);
    if (failure !== undefined) throw failure;
  }

  /** Opens those that could not be written to at the start and that nobody needs any more. Gives why one still cannot be. */
  private async openLeft(): Promise<unknown> {
    let failure: unknown;
    const left: UnopenedFile[] = [];
    for (const one of this.unopened) {
      try {
        const file = await openJournalFile(this.disk, one.path, "update", this.synced);
        this.free.unshift({ file, lastTicket: one.lastTicket, isBlank: false });
      } catch (error) {
        failure ??= error;
        left.push(one);
      }
    }
    this.unopened = left;
    return failure;
  }

  /** A file to write over; undefined when there is none. */
  private async spare(releasedOnDisk: Ticket, mustWipe: boolean): Promise<JournalFile | undefined> {
    const { free } = this;
    // Only when a durable frame says that nobody needs what it holds.
    for (let tries = free.length; tries > 0 && free.length > 0 && free[0].lastTicket <= releasedOnDisk; tries--) {
      const one = free.shift()!;
      if (one.isBlank || !mustWipe) return one;
      try {
        await wipeFile(this.disk, one);
        return one;
      } catch {
        // Writes go on elsewhere; who wants it wiped tries again.
        free.push(one);
      }
    }
    return undefined;
  }

  private async create(): Promise<JournalFile> {
    const path = `${this.directory}/${++this.fileNumber}.log`;
    const file = await openJournalFile(this.disk, path, "create", this.synced);
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

  private all(current: JournalFile | undefined): JournalFile[] {
    return [...this.left, ...this.free, ...(current === undefined ? [] : [current])];
  }
}
