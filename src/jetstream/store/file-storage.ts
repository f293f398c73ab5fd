// The storage of a server: the journal, the streams and the logs, and who takes over from the journal when.
import type { Clock, Timer } from "../../runtime/clock.js";
import { Burials } from "./burials.js";
import { Keys } from "./cipher.js";
import { s2 } from "./compression.js";
import { type Flushable, StoreContext } from "./context.js";
import type { JournalCleaner } from "./eraser.js";
import { StoreError } from "./errors.js";
import { FileLog, type JournalRecord } from "./file-log.js";
import { FilePool } from "./file-pool.js";
import { FileStore } from "./file-store.js";
import { findHeld, forgetHeld, type Held } from "./held-records.js";
import { Journal } from "./journal.js";
import { type FoundJournal, recoverJournal } from "./journal-recovery.js";
import { MemoryLog, MemoryStore } from "./memory-store.js";
import { PatientDisk } from "./patient-disk.js";
import { ReadCache } from "./read-cache.js";
import { RecordKind } from "./record.js";
import { checkRoot } from "./root.js";
import { DEFAULT_LIMITS, type StorageOptions, type StorageRuntime } from "./storage-options.js";
import { findLogs, type Left } from "./storage-recovery.js";
import {
  type Commits,
  durable,
  type EntryLog,
  type Storage,
  type StoreProblem,
  type StreamStore,
  type StreamStoreOptions,
  type Ticket,
} from "./store.js";

/** Streams with so much that their files do not have are taken over whenever a file of the journal is full. */
const LARGE_PENDING_BYTES = 1024 * 1024;
const RETRY_MS = 500;
const CLOSING_ROUNDS = 10;
const EPOCH_BYTES = 8;

/**
 * Opens, or begins, the storage in a folder. Rejects with StoreError STORE_FOREIGN, STORE_VERSION and STORE_KEY, and with
 * those of the disk.
 */
export async function openStorage(
  runtime: StorageRuntime,
  root: string,
  options: StorageOptions = {},
): Promise<FileStorage> {
  const { disk, random } = runtime;
  const patient = new PatientDisk(disk, runtime.clock);
  const failure = await checkRoot(disk, patient, root);
  const keys = new Keys(random, options);
  const synced = (options.syncIntervalMs ?? 0) === 0;
  const found = await recoverJournal(disk, patient, `${root}/journal`, keys, synced);
  const storage = new FileStorage(
    runtime,
    root,
    options,
    keys,
    { ...found, failure: failure ?? found.failure },
    patient,
  );
  await storage.recover();
  return storage;
}

export class FileStorage implements Storage, JournalCleaner {
  readonly streams = new Map<string, FileStore>();
  readonly logs = new Map<string, EntryLog>();
  readonly problems: StoreProblem[] = [];
  onProblem: ((problem: StoreProblem) => void) | undefined;
  onFailure: ((failure: StoreError | undefined) => void) | undefined;
  private readonly clock: Clock;
  private readonly root: string;
  private readonly journal: Journal;
  private readonly context: StoreContext;
  private readonly burials: Burials;
  private found: FoundJournal | undefined;
  private wanted = new Set<Flushable>();
  private working: Promise<void> | undefined;
  private again = false;
  private retry: Timer | undefined;
  private closed = false;
  private ended = false;

  /** Use `openStorage`. */
  constructor(
    runtime: StorageRuntime,
    root: string,
    options: StorageOptions,
    keys: Keys,
    found: FoundJournal,
    patient: PatientDisk,
  ) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.clock = runtime.clock;
    this.root = root;
    this.found = found;
    const { syncIntervalMs = 0 } = options;
    this.journal = new Journal(
      runtime,
      `${root}/journal`,
      {
        fileBytes: limits.journalBytes,
        maxWaiting: limits.journalFiles,
        chunkBytes: limits.chunkBytes,
        syncIntervalMs,
        cipher: keys.current,
      },
      found,
    );
    this.journal.onRotate = () => this.work();
    this.journal.onFailure = (failure) => this.onFailure?.(failure);
    this.context = new StoreContext({
      disk: runtime.disk,
      patient,
      clock: runtime.clock,
      root,
      keys,
      compression: s2,
      limits,
      pool: new FilePool(runtime.disk, limits.openFiles),
      cache: new ReadCache(limits.cacheBytes),
      journal: this.journal,
      epoch: Buffer.from(runtime.random.bytes(EPOCH_BYTES)).toString("hex"),
      onProblem: (problem) => {
        this.problems.push(problem);
        this.onProblem?.(problem);
      },
      onWork: (of) => this.workFor(of),
    });
    this.burials = new Burials(this.context, () => this.wipeJournal());
  }

  get commits(): Commits {
    return this.journal;
  }

  get failure(): StoreError | undefined {
    return this.journal.failure;
  }

  stream(key: string, options: StreamStoreOptions = {}): StreamStore {
    const known = this.streams.get(key);
    if (known !== undefined) {
      known.configure(options);
      return known;
    }
    const id = this.journal.nextLog;
    this.journal.nextLog += 2;
    const store = this.newStream(key, id, options);
    if (!this.journal.refuses) store.begin();
    else store.keepAsItIs(this.journal.failure!);
    this.streams.set(key, store);
    return store;
  }

  memoryStream(key: string): StreamStore {
    return new MemoryStore(key);
  }

  log(key: string): EntryLog {
    const known = this.logs.get(key);
    if (known !== undefined) return known;
    const id = this.journal.nextLog++;
    const { refuses } = this.journal;
    const log = this.newLog(key, id, refuses ? 0 : this.context.note(RecordKind.create, id, { kind: "log", key }));
    if (refuses) log.keepAsItIs(this.journal.failure!);
    this.logs.set(key, log);
    return log;
  }

  memoryLog(key: string): EntryLog {
    return new MemoryLog(key);
  }

  /** Reads everything; before anything else. */
  async recover(): Promise<void> {
    const { found, context } = this;
    if (found === undefined) return;
    this.found = undefined;
    if (found.failure !== undefined) this.refuse(found.failure);
    for (const bytes of found.damaged) {
      await context.setAside("", `${bytes.length} bytes of the journal cannot be read`, bytes, "journal");
    }
    let left: readonly Left[] = [];
    for (const name of ["streams", "logs"]) context.syncLater(`${this.root}/${name}`);
    try {
      left = await this.recoverLogs(found);
    } catch (error) {
      const failure = StoreError.of(error);
      if (failure.code !== "STORE_IO") throw failure;
      this.refuse(failure);
    }
    if (this.journal.refuses) return;
    await this.burials.recover(left, found.records, found.released + 1);
    if (found.torn !== undefined) await this.cutTorn(found.torn);
    this.work();
  }

  /** Nothing is known for sure, so that nothing is written: what was found is served. */
  private refuse(failure: StoreError): void {
    const error = new StoreError("STORE_IO", `the journal or the folders cannot be read: ${failure.message}`, failure);
    this.journal.refuse(error);
    this.context.report({ key: "", message: error.message, path: undefined });
  }

  private async recoverLogs(found: FoundJournal): Promise<readonly Left[]> {
    const { context, journal } = this;
    const held = await findHeld(context);
    const { streams, logs, left } = await findLogs(context, this.root, found.notes, held);
    for (const id of [...streams.keys(), ...logs.keys()]) journal.nextLog = Math.max(journal.nextLog, id + 2);
    const records = (id: number): JournalRecord[] => [
      ...(held.get(id)?.records ?? []),
      ...(found.records.get(id) ?? []),
    ];
    for (const [id, { key, ticket }] of streams) {
      const store = this.newStream(key, id, {});
      await store.recover(records(id), records(id + 1), ticket, journal.failure);
      this.streams.set(key, store);
      this.forgetHeld([id, id + 1], held, store);
    }
    for (const [id, { key, ticket }] of logs) {
      const log = this.newLog(key, id, ticket);
      await log.load();
      await log.adopt(records(id));
      if (journal.failure !== undefined) log.keepAsItIs(journal.failure);
      if (log.unread !== undefined) context.report({ key, message: log.unread.message, path: undefined });
      this.logs.set(key, log);
      this.forgetHeld([id], held, log);
    }
    return left;
  }

  /** What was held is taken over, and then gone. */
  private forgetHeld(ids: readonly number[], held: ReadonlyMap<number, Held>, of: FileStore | FileLog): void {
    const { context, journal } = this;
    if (of.unread !== undefined || !ids.some((id) => held.has(id))) return;
    context.chore(of.key, Number.POSITIVE_INFINITY, async () => {
      await of.flush(journal.durable);
      if (of instanceof FileStore) await of.removals.flush(journal.durable);
      await context.syncDirectories();
      for (const id of ids) await forgetHeld(context, id);
    });
  }

  /** Takes what is left of a torn write over and cuts it off: after the next writes it would look like damage. */
  private async cutTorn({ file, position }: NonNullable<FoundJournal["torn"]>): Promise<void> {
    try {
      await this.takeOver([...this.context.dirty]);
      await file.truncate(position);
      await file.sync();
    } catch {
      // The disk takes nothing at the moment: it stays.
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    let isWhole = false;
    try {
      for (let round = 0; round === 0 || (this.context.dirty.size > 0 && round < CLOSING_ROUNDS); round++) {
        await this.journal.drained();
        await this.takeOver([...this.context.dirty]);
      }
      for (const store of this.streams.values()) await store.writeIndexes();
      isWhole = true;
    } catch {
      // The journal keeps what could not be taken over.
    }
    this.ended = true;
    this.retry?.cancel();
    await this.working?.catch(() => {});
    for (const store of this.streams.values()) store.end();
    this.burials.end();
    // Also of what came meanwhile. What is to be erased is erased at the next start, also from the journal.
    const isTakenOver = isWhole && this.context.dirty.size === 0 && this.context.namesAreDurable;
    await this.journal.close(isTakenOver && this.journal.wipers === 0);
    await this.context.pool.closeAll();
  }

  bury(id: number, directory: string): void {
    this.burials.add(id, directory);
  }

  async wipeJournal(): Promise<void> {
    const { journal } = this;
    await journal.drained();
    journal.wipers++;
    try {
      // What is to be wiped is in the file before the one that begins then.
      await durable(journal, journal.leaveFile());
      while (journal.areFilesNeeded) {
        await this.takeOver([...this.context.dirty]);
        this.release();
      }
      // A file that is half wiped must not count after a crash.
      await durable(journal, journal.mark());
      await journal.wipe();
    } finally {
      journal.wipers--;
    }
  }

  private newStream(key: string, id: number, options: StreamStoreOptions): FileStore {
    const store = new FileStore(this.context, { key, id, parent: `${this.root}/streams` }, options, this);
    store.onDelete = () => this.streams.delete(key);
    return store;
  }

  private newLog(key: string, id: number, ticket: Ticket): FileLog {
    const place = { key, id, directory: `${this.root}/logs`, snapshotCopies: 2 };
    const log = new FileLog(this.context, place, ticket);
    log.onDelete = () => this.logs.delete(key);
    return log;
  }

  private workFor(of: Flushable): void {
    this.wanted.add(of);
    // Without room nothing becomes durable before something was removed.
    if (this.failure?.code === "STORE_FULL") this.clock.endOfTurn(() => this.work());
    const { gatheringTicket } = this.journal;
    this.journal.whenDurable(gatheringTicket, { committed: () => this.work() });
  }

  /** Lets streams and logs take over from the journal what it is time for. One such round runs at a time. */
  private work(): void {
    if (this.working !== undefined) {
      this.again = true;
      return;
    }
    if (this.ended || this.journal.refuses) return;
    this.working = this.round().then(
      () => {
        this.working = undefined;
        if (this.again) this.workAgain();
      },
      (error) => {
        this.working = undefined;
        this.journal.blocked(StoreError.of(error));
        this.retry?.cancel();
        this.retry = this.clock.after(RETRY_MS, () => this.work());
      },
    );
  }

  private workAgain(): void {
    this.again = false;
    this.work();
  }

  private async round(): Promise<void> {
    const { dirty } = this.context;
    const { wanted } = this;
    this.wanted = new Set();
    const files = this.journal.waitingFiles;
    // Most streams have little in a file that is full: they wait until the oldest has to go.
    const isUrgent = files.length >= Math.max(1, this.journal.maxWaiting - 2);
    const oldest = isUrgent ? files[0].lastTicket : 0;
    const due = [...dirty].filter(
      (one) => wanted.has(one) || one.pendingBytes >= LARGE_PENDING_BYTES || one.oldestTicket <= oldest,
    );
    try {
      await this.takeOver([...new Set([...due, ...wanted])]);
    } catch (error) {
      for (const one of wanted) if (dirty.has(one)) this.wanted.add(one);
      throw error;
    } finally {
      // A log that was written anew meanwhile has a name that is not durable yet: nothing may be released before it is.
      if (!this.context.namesAreDurable) this.again = true;
      this.release();
      if (wanted.size > 0 && this.failure?.code === "STORE_FULL") this.journal.tryAgain();
    }
  }

  /** One after the other: the journal's own syncs must find a free thread. */
  private async takeOver(some: readonly Flushable[]): Promise<void> {
    let failure: unknown;
    for (const one of some) {
      try {
        await one.flush(this.journal.durable);
      } catch (error) {
        failure ??= error;
      }
    }
    await this.context.syncDirectories();
    if (failure !== undefined) throw failure;
  }

  private release(): void {
    if (!this.context.namesAreDurable) return;
    let oldest = this.journal.durable + 1;
    for (const one of this.context.dirty) oldest = Math.min(oldest, one.oldestTicket);
    this.journal.release(oldest - 1);
  }
}
