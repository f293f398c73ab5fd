// What the parts of a storage share.
import type { Clock } from "../../runtime/clock.js";
import type { Disk } from "../../runtime/disk.js";
import type { Keys } from "./cipher.js";
import { Codec, type Compression } from "./codec.js";
import { StoreError } from "./errors.js";
import type { FilePool } from "./file-pool.js";
import type { Journal } from "./journal.js";
import type { PatientDisk } from "./patient-disk.js";
import type { ReadCache } from "./read-cache.js";
import { RecordKind, recordBytes, writeRecord } from "./record.js";
import { ALREADY_DURABLE, type StoreProblem, type Ticket } from "./store.js";

/** So often a chore fails until it is told. */
const REPORTED_FAILURES = 20;

/** A stream or a log with writes that its files do not have yet. */
export interface Flushable {
  readonly key: string;
  readonly pendingBytes: number;
  /** Of the oldest write that its files do not have. */
  readonly oldestTicket: Ticket;
  /** Takes over the writes up to a ticket, which is durable. */
  flush(upTo: Ticket): Promise<void>;
}

export interface StoreLimits {
  /** A segment's size; a new one begins beyond it, or beyond so many messages. */
  readonly segmentBytes: number;
  readonly segmentMessages: number;
  /** Entries beyond this many bytes make a log ask for a snapshot. */
  readonly logBytes: number;
}

export class StoreContext {
  readonly disk: Disk;
  /** For recoveries. */
  readonly patient: PatientDisk;
  readonly clock: Clock;
  readonly root: string;
  readonly keys: Keys;
  readonly compression: Compression | undefined;
  readonly limits: StoreLimits;
  readonly pool: FilePool;
  readonly cache: ReadCache;
  readonly journal: Journal;
  /** Tells this run of the storage from all others. */
  readonly epoch: string;
  /** Those with writes to take over. */
  readonly dirty = new Set<Flushable>();
  /** Directories with names that are not durable yet, and how often one was added. */
  private readonly unsynced = new Map<string, number>();
  private readonly onProblem: (problem: StoreProblem) => void;
  private readonly onWork: (of: Flushable) => void;
  private quarantined = 0;

  constructor(parts: {
    disk: Disk;
    patient: PatientDisk;
    clock: Clock;
    root: string;
    keys: Keys;
    compression: Compression | undefined;
    limits: StoreLimits;
    pool: FilePool;
    cache: ReadCache;
    journal: Journal;
    epoch: string;
    onProblem: (problem: StoreProblem) => void;
    onWork: (of: Flushable) => void;
  }) {
    this.disk = parts.disk;
    this.patient = parts.patient;
    this.clock = parts.clock;
    this.root = parts.root;
    this.keys = parts.keys;
    this.compression = parts.compression;
    this.limits = parts.limits;
    this.pool = parts.pool;
    this.cache = parts.cache;
    this.journal = parts.journal;
    this.epoch = parts.epoch;
    this.onProblem = parts.onProblem;
    this.onWork = parts.onWork;
  }

  /** How new files are encoded. */
  codec(compressed: boolean): Codec {
    return new Codec(compressed ? this.compression : undefined, this.keys.current);
  }

  /** Asks for a flush soon, though there is no need to make room in the journal. */
  workFor(of: Flushable): void {
    this.onWork(of);
  }

  /** A file was made in a directory: the journal keeps what is in it until the name is durable. */
  syncLater(directory: string): void {
    this.unsynced.set(directory, (this.unsynced.get(directory) ?? 0) + 1);
  }

  /** Makes the name of a file that was made in a directory durable; when that fails it counts as one for later. */
  async syncNow(directory: string): Promise<void> {
    this.syncLater(directory);
    await this.syncDirectories();
  }

  /** Whether all files that were made will be found after a crash. */
  get namesAreDurable(): boolean {
    return this.unsynced.size === 0;
  }

  /** Makes the names of all files durable; one sync a directory, however many were made. */
  async syncDirectories(): Promise<void> {
    for (const [directory, count] of [...this.unsynced]) {
      // One that was removed with its stream has nothing to be found.
      if ((await this.disk.stat(directory)) !== undefined) await this.disk.syncDirectory(directory);
      if (this.unsynced.get(directory) === count) this.unsynced.delete(directory);
    }
  }

  /** Whether what a write has made superfluous may be removed: when it is durable, or when there is no room to make it so. */
  mayDrop(ticket: Ticket): boolean {
    return ticket <= this.journal.durable || this.journal.failure?.code === "STORE_FULL";
  }

  /** Notes in the journal that logs begin or end; gives the ticket. */
  note(kind: number, id: number, body: object): Ticket {
    const bytes = Buffer.from(JSON.stringify(body));
    const { journal } = this;
    let ticket = ALREADY_DURABLE;
    // That something begins stands there twice: one bad byte must not cost all that was written under the id.
    for (let copies = kind === RecordKind.create ? 2 : 1; copies > 0; copies--) {
      journal.reserve(recordBytes(bytes.length), kind === RecordKind.delete);
      const { chunk, at } = journal;
      ticket = journal.accept(writeRecord(chunk.buffer, at, kind, 0, { log: id, index: 0 }, bytes));
    }
    return ticket;
  }

  /** Something with these ids is deleted: `remove` takes its files away when that is durable. */
  forget(of: Flushable, ids: readonly number[], remove: () => Promise<void>): Ticket {
    let ticket = ALREADY_DURABLE;
    for (const id of ids) ticket = this.note(RecordKind.delete, id, {});
    this.dirty.delete(of);
    this.chore(of.key, ticket, remove);
    return ticket;
  }

  /**
   * Has something done soon; the journal keeps what was written from that ticket on until it has succeeded. One that fails again
   * and again is reported once.
   */
  chore(key: string, oldestTicket: Ticket, run: () => Promise<void>): void {
    const { dirty } = this;
    let failures = 0;
    const chore: Flushable = {
      key,
      pendingBytes: 0,
      oldestTicket,
      flush: async (): Promise<void> => {
        try {
          await run();
        } catch (error) {
          if (++failures === REPORTED_FAILURES) {
            const { message } = StoreError.of(error);
            this.report({
              key: "",
              message: `files of ${key || "what was deleted"} stay: ${message}`,
              path: undefined,
            });
          }
          throw error;
        }
        dirty.delete(chore);
      },
    };
    dirty.add(chore);
    this.workFor(chore);
  }

  /** Tells what cannot be read. */
  report(problem: StoreProblem): void {
    this.onProblem(problem);
  }

  /** Sets unreadable bytes aside and tells about it. */
  async setAside(key: string, message: string, bytes: Uint8Array, name: string): Promise<void> {
    const directory = `${this.root}/quarantine`;
    let path: string | undefined = `${directory}/${name}-${++this.quarantined}`;
    try {
      await this.disk.makeDirectory(directory);
      while ((await this.disk.stat(path)) !== undefined) path = `${directory}/${name}-${++this.quarantined}`;
      const file = await this.disk.open(path, "new");
      await file.write([bytes], 0);
      await file.sync();
      await file.close();
      await this.disk.syncDirectory(directory);
    } catch {
      path = undefined;
    }
    this.onProblem({ key, message, path });
  }
}
