// How the journal is found again: which of its frames still count, and what records they hold for whom.
import type { Disk, WrittenFile } from "../../runtime/disk.js";
import { Chunk } from "./chunk-pool.js";
import type { Keys } from "./cipher.js";
import { StoreError } from "./errors.js";
import type { JournalRecord } from "./file-log.js";
import { type FoundFrame, FrameFlag, framesOf, recordsOf } from "./frame.js";
import { type JournalFile, openJournalFile, type UnopenedFile } from "./journal-file.js";
import type { PatientDisk } from "./patient-disk.js";
import { RecordFlag, RecordKind, type RecordView } from "./record.js";
import type { Ticket } from "./store.js";

export interface FoundJournal {
  readonly files: JournalFile[];
  /** Those that cannot be written to now. */
  readonly unopened: UnopenedFile[];
  readonly fileNumber: number;
  readonly lastTicket: Ticket;
  readonly released: Ticket;
  readonly nextLog: number;
  /** By id of the log, in order. */
  readonly records: Map<number, JournalRecord[]>;
  /** Notes of logs that began and ended, in order. */
  readonly notes: JournalRecord[];
  /** Frames that were durable and cannot be read. */
  readonly damaged: Buffer[];
  /** The last frame, when it has not come to the disk as a whole: where its file is to be cut once its records are safe. */
  torn: { readonly file: WrittenFile; readonly position: number } | undefined;
  /** Why it is not known what all was written: then nothing may be. */
  readonly failure: StoreError | undefined;
}

interface Frame extends FoundFrame {
  /** Undefined for one that cannot be written to. */
  readonly file: WrittenFile | undefined;
}

/** Reads the journal's files. `synced`: whether writes to them are to be durable when they are done. */
export async function recoverJournal(
  disk: Disk,
  patient: PatientDisk,
  directory: string,
  keys: Keys,
  synced: boolean,
): Promise<FoundJournal> {
  const frames: Frame[] = [];
  const files: JournalFile[] = [];
  const unopened: UnopenedFile[] = [];
  let names: string[] = [];
  let failure: StoreError | undefined;
  try {
    names = (await patient.list(directory)).filter((name) => /^\d+\.log$/.test(name));
  } catch (error) {
    failure = StoreError.of(error);
  }
  for (const name of names) {
    const path = `${directory}/${name}`;
    try {
      const { bytes, failure: unread } = await patient.read(path);
      failure ??= unread;
      const file = await patient.call(() => openJournalFile(disk, path, "update", synced)).catch(() => undefined);
      let lastTicket = 0;
      for (const frame of framesOf(bytes)) {
        frames.push({ ...frame, file });
        lastTicket = Math.max(lastTicket, frame.ticket);
      }
      // One that cannot be written to stays as it is, unless something is to be erased; the next start finds that it is old.
      if (file === undefined) unopened.push({ path, lastTicket });
      else files.push({ file, lastTicket, isBlank: false });
    } catch (error) {
      failure ??= StoreError.of(error);
    }
  }
  frames.sort((a, b) => a.ticket - b.ticket);
  let released = 0;
  let nextLog = 1;
  let lastTicket = 0;
  for (const { header, ticket } of frames) {
    lastTicket = Math.max(lastTicket, ticket);
    released = Math.max(released, header?.released ?? 0);
    nextLog = Math.max(nextLog, header?.nextLog ?? 0);
  }
  const found: FoundJournal = {
    files: files.sort((a, b) => a.lastTicket - b.lastTicket),
    unopened,
    fileNumber: Math.max(0, ...names.map((name) => Number.parseInt(name, 10))),
    lastTicket,
    released: Math.min(released, lastTicket),
    nextLog,
    records: new Map(),
    notes: [],
    damaged: [],
    torn: undefined,
    failure: undefined,
  };
  takeFrames(found, frames, keys);
  // What a killed process has written is read, but not on the medium yet.
  const live = new Set(frames.filter(({ ticket }) => ticket > found.released).map(({ file }) => file));
  for (const file of live) {
    try {
      await file?.sync();
    } catch (error) {
      failure ??= StoreError.of(error);
    }
  }
  // Pieces that are not read now look like damage, and are there again once the disk is well.
  return failure === undefined ? found : { ...found, damaged: [], torn: undefined, failure };
}

function takeFrames(found: FoundJournal, frames: readonly Frame[], keys: Keys): void {
  const live = frames.filter((frame) => frame.ticket > found.released);
  const opened = live.map((frame) => ({ frame, ...open(frame, keys) }));
  const whole = new Set(opened.filter((one) => one.whole).map(({ frame }) => frame.ticket));
  const last = Math.max(0, ...whole);
  const taken = new Set<Ticket>();
  // Above every id that was given before a frame that is torn.
  let given = 0;
  for (const { header, ticket } of frames) if (ticket <= found.released) given = Math.max(given, header?.nextLog ?? 0);
  for (const { frame, records, sound, whole: isWhole, payload } of opened) {
    const { ticket } = frame;
    // A write that was repeated elsewhere.
    if (taken.has(ticket) || (!isWhole && whole.has(ticket))) continue;
    if (isWhole) taken.add(ticket);
    const isTail = !isWhole && ticket > last;
    if (isWhole) given = Math.max(given, frame.header?.nextLog ?? 0);
    if (isTail) {
      if (frame.file !== undefined) found.torn ??= { file: frame.file, position: frame.position };
    } else if (!isWhole) found.damaged.push(frame.payload);
    const chunk = new Chunk(payload);
    const cutBatches = isTail ? openBatches(records.slice(0, sound)) : undefined;
    for (const [number, record] of records.entries()) {
      if (cutBatches !== undefined && number >= sound && !standsAlone(record, cutBatches, given)) continue;
      const one = { record, chunk, ticket };
      if (record.kind === RecordKind.create || record.kind === RecordKind.delete) {
        found.notes.push(one);
        continue;
      }
      const known = found.records.get(record.log);
      if (known === undefined) found.records.set(record.log, [one]);
      else known.push(one);
    }
  }
}

/** Streams whose last record here is not the last one of its atomic batch. */
function openBatches(records: readonly RecordView[]): Set<number> {
  const open = new Set<number>();
  for (const { kind, flags, log } of records) {
    if (kind === RecordKind.message && (flags & RecordFlag.more) !== 0) open.add(log);
    else open.delete(log);
  }
  return open;
}

/**
 * The last frame may not have been durable as a whole. What comes after a gap in it may stand for what is missing, belong to
 * a batch that is not there as a whole, or be the copy of a message behind others that are missing; any other message stands
 * for itself. What began before the frame, of ids below `given`, is from an older write that has stood in the file there.
 */
function standsAlone({ kind, flags, log }: RecordView, cutBatches: ReadonlySet<number>, given: number): boolean {
  if (kind === RecordKind.create) return log >= given;
  return (
    kind === RecordKind.message && (flags & (RecordFlag.more | RecordFlag.continued)) === 0 && !cutBatches.has(log)
  );
}

function open(frame: Frame, keys: Keys): ReturnType<typeof recordsOf> & { payload: Buffer } {
  const { header, payload } = frame;
  if (header !== undefined && (header.flags & FrameFlag.encrypted) !== 0) {
    const plain = keys.tryAll(payload);
    if (plain === undefined) return { records: [], whole: false, sound: 0, payload };
    return { ...recordsOf(plain, { ...header, payloadBytes: plain.length }), payload: plain };
  }
  return { ...recordsOf(payload, header), payload };
}
