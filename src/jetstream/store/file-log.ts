// A log of entries on disk: appended to while it is short, written anew from a snapshot when its entries have grown much
// larger than that.
import { viewOf } from "../../protocol/words.js";
import type { Chunk } from "./chunk-pool.js";
import { Codec } from "./codec.js";
import type { Flushable, StoreContext } from "./context.js";
import { StoreError } from "./errors.js";
import { type FileHeader, FORMAT_VERSION, fileNameOf, headerRecord, readHeader } from "./file-header.js";
import { nextRecord } from "./frame.js";
import { forgetHeld, holdRecords } from "./held-records.js";
import {
  isRecord,
  MAX_RECORD_BYTES,
  RecordKind,
  type RecordPlace,
  RecordView,
  recordBytes,
  recordOf,
  writeRecord,
} from "./record.js";
import { Recovered } from "./recovered.js";
import { ALREADY_DURABLE, durable, type EntryLog, type RecoveredLog, type Ticket } from "./store.js";

/** A record in the journal's memory that the file does not have yet. */
interface Pending {
  readonly chunk: Chunk;
  readonly at: number;
  readonly bytes: number;
  readonly index: number;
  readonly ticket: Ticket;
}

/** A part of the file that is no record, and what had been found before it. */
interface Bad {
  readonly bytes: Buffer;
  readonly at: number;
  readonly index: number;
  readonly entries: number;
}

/** A record that was found in the journal. */
export interface JournalRecord {
  readonly record: RecordView;
  readonly chunk: Chunk;
  readonly ticket: Ticket;
}

export interface LogPlace {
  readonly key: string;
  readonly id: number;
  readonly directory: string;
  /** Of the file; undefined for one of its own. */
  readonly name?: string;
  /** Makes the directory, before the file. */
  readonly prepare?: () => Promise<void>;
  /** How often a snapshot stands in the file: with two no bad byte costs all that it says. Default 1. */
  readonly snapshotCopies?: number;
}

export class FileLog implements EntryLog, Flushable {
  readonly key: string;
  readonly id: number;
  snapshotter: (() => Uint8Array) | undefined;
  onDelete: (() => void) | undefined;
  unread: StoreError | undefined;
  private readonly context: StoreContext;
  private readonly directory: string;
  readonly path: string;
  private codec: Codec;
  private pending: Pending[] = [];
  /** Of its creation, until there is a file. */
  private readonly prepare: (() => Promise<void>) | undefined;
  private readonly snapshotCopies: number;
  private createdTicket: Ticket;
  private lastIndex = 0;
  private fileBytes = 0;
  private snapshotBytes = 0;
  /** What the journal has beyond a file that cannot be read. */
  private held: readonly JournalRecord[] = [];
  private recovered = new Recovered(undefined);
  private bad: Bad[] = [];
  /** The file ends with a write that was on its way. */
  private mustCut = false;
  /** A part of the file is damaged. */
  private mustRewrite = false;
  private closed = false;
  /** What was flushed since a snapshot that is on its way. */
  private sinceSnapshot: Pending[] | undefined;
  private busy: Promise<void> = Promise.resolve();

  /** `createdTicket`: of the journal's note that it exists; 0 when its file does. */
  constructor(context: StoreContext, place: LogPlace, createdTicket: Ticket) {
    this.context = context;
    this.key = place.key;
    this.id = place.id;
    this.directory = place.directory;
    this.path = `${place.directory}/${place.name ?? `${fileNameOf(place.key, place.id)}.log`}`;
    this.createdTicket = createdTicket;
    this.prepare = place.prepare;
    this.snapshotCopies = place.snapshotCopies ?? 1;
    this.codec = context.codec(false);
    if (createdTicket > 0) context.dirty.add(this);
  }

  get pendingBytes(): number {
    return this.pending.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get oldestTicket(): Ticket {
    return this.createdTicket || ((this.held[0] ?? this.pending[0])?.ticket ?? Number.POSITIVE_INFINITY);
  }

  /** Of the last entry; 0 when everything is in the file. */
  get lastTicket(): Ticket {
    return this.pending[this.pending.length - 1]?.ticket ?? ALREADY_DURABLE;
  }

  recover(): RecoveredLog {
    const { recovered } = this;
    this.recovered = new Recovered(undefined);
    return recovered;
  }

  beforeEnd(flush: () => void): Ticket {
    if (this.closed) throw new StoreError("STORE_CLOSED", `the log ${this.key} is closed`);
    if (this.unread !== undefined) throw this.unread;
    const end = {
      endOfBatch: (): void => {
        if (!this.closed) flush();
      },
    };
    return this.context.journal.beforeEnd(end, false);
  }

  append(entry: Uint8Array, urgent = false): Ticket {
    if (this.closed) throw new StoreError("STORE_CLOSED", `the log ${this.key} is closed`);
    if (this.unread !== undefined) throw this.unread;
    const bytes = recordBytes(entry.length);
    if (bytes > MAX_RECORD_BYTES) throw new StoreError("STORE_TOO_LARGE", `an entry of ${bytes} bytes is too large`);
    const { journal } = this.context;
    journal.reserve(bytes, urgent);
    const { chunk, at } = journal;
    const index = ++this.lastIndex;
    const ticket = journal.accept(writeRecord(chunk.buffer, at, RecordKind.entry, 0, { log: this.id, index }, entry));
    this.pending.push({ chunk, at, bytes, index, ticket });
    this.context.dirty.add(this);
    return ticket;
  }

  delete(): Ticket {
    if (this.closed) return ALREADY_DURABLE;
    const ticket = this.context.forget(this, [this.id], () => this.removeFile());
    this.closed = true;
    this.pending = [];
    this.onDelete?.();
    return ticket;
  }

  /** Ends it without a trace in the journal, as part of something that is deleted. */
  discard(): void {
    this.closed = true;
    this.pending = [];
    this.createdTicket = 0;
    this.context.dirty.delete(this);
  }

  /** Reads the file, as far as there is one; what the disk does not give as a whole stays as it is. Throws StoreError STORE_VERSION, STORE_KEY. */
  async load(): Promise<void> {
    const { patient } = this.context;
    let file: Buffer;
    try {
      if ((await patient.stat(this.path)) === undefined) return;
      const { bytes, failure } = await patient.read(this.path);
      if (failure !== undefined) throw failure;
      file = bytes;
    } catch (error) {
      this.keepAsItIs(StoreError.of(error));
      return;
    }
    const found = readHeader<FileHeader>(file, this.path);
    let at = found?.bytes ?? nextRecord(file, 0);
    if (found === undefined) this.bad.push({ bytes: file.subarray(0, at), at: 0, index: 0, entries: 0 });
    else this.codec = Codec.of(found.header, this.context.keys, this.context.compression, this.path);
    // Under another key than the one to write with.
    this.mustRewrite = this.codec.names.keyId !== this.context.keys.current?.keyId;
    const view = viewOf(file);
    while (at < file.length) {
      if (isRecord(view, at, file.length)) {
        const record = new RecordView(file, at);
        this.take(record);
        at += record.bytes;
        continue;
      }
      const next = nextRecord(file, at);
      this.setBad(file.subarray(at, next), at);
      at = next;
    }
    this.fileBytes = file.length;
    this.createdTicket = 0;
  }

  /** Nothing is written to the file, or taken, before the next start. */
  keepAsItIs(failure: StoreError): void {
    this.unread = new StoreError("STORE_IO", `the log ${this.key} cannot be read: ${failure.message}`, failure);
  }

  /** Adds what the journal has beyond the file; ends the recovery. */
  async adopt(records: readonly JournalRecord[]): Promise<void> {
    if (records.length > 0 && this.fileBytes > 0 && this.unread === undefined) await this.syncFound();
    if (this.unread !== undefined) {
      this.held = records;
      if (records.length > 0) this.context.dirty.add(this);
      return;
    }
    const from = records[0]?.record.index ?? Number.POSITIVE_INFINITY;
    for (const { bytes, at, index, entries: count } of this.bad) {
      if (from <= index + 1) {
        // The journal has it all: the write was on its way.
        this.fileBytes = at;
        this.lastIndex = index;
        this.recovered.cut(count);
        this.mustCut = true;
        break;
      }
      this.mustRewrite = true;
      const message = `${bytes.length} bytes of the log ${this.key} cannot be read`;
      await this.context.setAside(this.key, message, bytes, fileNameOf(this.key, this.id));
    }
    this.bad = [];
    for (const { record, chunk, ticket } of records) {
      if (record.index <= this.lastIndex) continue;
      this.pending.push({ chunk, at: record.at, bytes: record.bytes, index: record.index, ticket });
      this.takeEntry(record);
    }
    if (this.recovered.gaps.length > 0) this.mustRewrite = true;
    if (this.pending.length > 0) this.context.dirty.add(this);
  }

  /** A killed process may have written what is not on the medium yet; the journal has it as long as that is so. */
  private async syncFound(): Promise<void> {
    try {
      await this.context.pool.use(this.path, false, (file) => file.sync());
      this.context.syncLater(this.directory);
    } catch (error) {
      this.keepAsItIs(StoreError.of(error));
    }
  }

  private setBad(bytes: Buffer, at: number): void {
    this.bad.push({ bytes, at, index: this.lastIndex, entries: this.recovered.entries.length });
  }

  private take(record: RecordView): void {
    if (record.kind === RecordKind.block) {
      try {
        const plain = this.codec.decode(record);
        for (let at = 0; at < plain.length; ) {
          const inner = new RecordView(plain, at);
          at += inner.bytes;
          this.take(inner);
        }
      } catch {
        this.setBad(record.whole, record.at);
      }
    } else if (record.kind === RecordKind.snapshot) {
      this.recovered = new Recovered(record.body);
      this.snapshotBytes = record.bytes;
      this.lastIndex = record.index;
    } else if (record.kind === RecordKind.entry && record.index > this.lastIndex) this.takeEntry(record);
  }

  private takeEntry({ index, body }: RecordView): void {
    const { entries, gaps } = this.recovered;
    if (index > this.lastIndex + 1) gaps.push(entries.length);
    entries.push(body);
    this.lastIndex = index;
  }

  flush(upTo: Ticket): Promise<void> {
    return this.alone(() => this.flushNow(upTo));
  }

  private async flushNow(upTo: Ticket): Promise<void> {
    if (this.closed) return;
    if (this.unread !== undefined) {
      await holdRecords(this.context, { key: this.key, id: this.id, isStream: false }, this.held);
      this.held = [];
      this.createdTicket = ALREADY_DURABLE;
      this.context.dirty.delete(this);
      return;
    }
    let count = 0;
    while (count < this.pending.length && this.pending[count].ticket <= upTo) count++;
    if (count === 0 && (this.createdTicket === 0 || this.createdTicket > upTo)) return;
    const taken = this.pending.slice(0, count);
    const parts = this.encoded(taken, this.codec);
    const isNew = this.fileBytes === 0;
    if (isNew) parts.unshift(this.header(this.codec));
    const position = this.fileBytes;
    if (isNew) await this.prepare?.();
    await this.context.pool.use(this.path, true, async (file) => {
      if (this.mustCut) await file.truncate(position);
      await file.write(parts, position);
      await file.sync();
    });
    this.mustCut = false;
    if (isNew) this.context.syncLater(this.directory);
    this.fileBytes += parts.reduce((sum, part) => sum + part.length, 0);
    this.createdTicket = 0;
    this.pending = this.pending.slice(count);
    for (const one of taken) this.sinceSnapshot?.push(one);
    if (this.pending.length === 0) this.context.dirty.delete(this);
    const entryBytes = this.fileBytes - this.snapshotCopies * this.snapshotBytes;
    const isLong = entryBytes > Math.max(this.context.limits.logBytes, 4 * this.snapshotBytes);
    if ((isLong || this.mustRewrite) && this.snapshotter !== undefined && this.sinceSnapshot === undefined) {
      void this.rewrite(this.snapshotter).catch(() => {
        this.sinceSnapshot = undefined;
      });
    }
  }

  /** Replaces the file by a snapshot, once the snapshot's last entry is durable. */
  async rewrite(snapshotter: () => Uint8Array): Promise<void> {
    const state = snapshotter();
    const index = this.lastIndex;
    const ticket = this.lastTicket;
    const snapshot = recordOf(RecordKind.snapshot, 0, { log: this.id, index }, state);
    this.sinceSnapshot = [];
    await durable(this.context.journal, ticket);
    await this.alone(async () => {
      if (this.closed) return;
      const later = (this.sinceSnapshot ?? []).filter((one) => one.index > index);
      this.sinceSnapshot = undefined;
      const codec = this.context.codec(false);
      const parts: Uint8Array[] = [];
      for (let copies = this.snapshotCopies; copies > 0; copies--) {
        parts.push(...encodedBytes(codec, snapshot, { log: this.id, index }));
      }
      await this.replaceBy(codec, [...parts, ...this.encoded(later, codec)]);
      this.snapshotBytes = snapshot.length;
      this.pending = this.pending.filter((one) => one.index > index);
      this.mustRewrite = false;
      if (this.pending.length === 0 && this.createdTicket === 0) this.context.dirty.delete(this);
    });
  }

  private async replaceBy(codec: Codec, records: readonly Uint8Array[]): Promise<void> {
    const parts = [this.header(codec), ...records];
    const { disk, pool } = this.context;
    const temporary = `${this.path}.new`;
    const file = await disk.open(temporary, "create");
    await file.truncate(0);
    await file.write(parts, 0);
    await file.sync();
    await file.close();
    await pool.close(this.path);
    await disk.rename(temporary, this.path);
    // From here on writes go to the new file. What they hold stays in the journal until its name is durable.
    this.codec = codec;
    this.fileBytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.createdTicket = 0;
    this.mustCut = false;
    await this.context.syncNow(this.directory);
  }

  private header(codec: Codec): Buffer {
    const { key, id } = this;
    return headerRecord({ natsnode: "log", version: FORMAT_VERSION, key, id, ...codec.names });
  }

  private encoded(records: readonly Pending[], codec: Codec): Uint8Array[] {
    if (records.length === 0) return [];
    const plain = Buffer.concat(records.map(({ chunk, at, bytes }) => chunk.buffer.subarray(at, at + bytes)));
    return encodedBytes(codec, plain, { log: this.id, index: records[records.length - 1].index });
  }

  private async removeFile(): Promise<void> {
    const { pool, disk } = this.context;
    await this.alone(async () => {
      await pool.close(this.path);
      await forgetHeld(this.context, this.id);
      if ((await disk.stat(this.path)) === undefined) return;
      await disk.remove(this.path);
      await disk.syncDirectory(this.directory);
    });
  }

  /** Runs one thing with the file after the other. */
  private alone(run: () => Promise<void>): Promise<void> {
    const result = this.busy.then(run);
    this.busy = result.catch(() => {});
    return result;
  }
}

function encodedBytes(codec: Codec, plain: Buffer, place: RecordPlace): Uint8Array[] {
  if (codec.isPlain) return [plain];
  return Array.from(codec.blocks(plain, place, 0), ({ block }) => block);
}
