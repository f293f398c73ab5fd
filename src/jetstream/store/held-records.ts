// Records of the journal for a stream or log whose own files cannot be read or changed now. They are kept in a file of their own
// until the next start, so that the journal need not wait: everything else goes on.
import { viewOf } from "../../protocol/words.js";
import { Chunk } from "./chunk-pool.js";
import { Codec } from "./codec.js";
import type { StoreContext } from "./context.js";
import { type FileHeader, FORMAT_VERSION, headerRecord, readHeader } from "./file-header.js";
import type { JournalRecord } from "./file-log.js";
import { FileWiper } from "./file-wiper.js";
import { nextRecord } from "./frame.js";
import { isRecord, RecordKind, RecordView } from "./record.js";

/** Older than all that the journal has now. */
const HELD_TICKET = 1;

export interface Held {
  /** "" when it is not known. */
  readonly key: string;
  /** It was deleted, and its files could not be removed. */
  readonly isGone: boolean;
  /** Of a stream's messages; else of a log. */
  readonly isStream: boolean;
  readonly path: string;
  readonly records: readonly JournalRecord[];
}

/** Keeps the records of one id durably, instead of those that were kept before. Rejects with errors of the disk. */
export async function holdRecords(
  context: StoreContext,
  of: { readonly key: string; readonly id: number; readonly isStream: boolean },
  records: readonly JournalRecord[],
): Promise<void> {
  const { disk, root } = context;
  const { key, id, isStream } = of;
  const codec = context.codec(false);
  const natsnode = isStream ? "segment" : "log";
  const parts: Uint8Array[] = [headerRecord({ natsnode, version: FORMAT_VERSION, key, id, ...codec.names })];
  const plain = Buffer.concat(records.map(({ record }) => record.whole));
  if (codec.isPlain) parts.push(plain);
  else for (const { block } of codec.blocks(plain, { log: id, index: 0 }, 0)) parts.push(block);
  const directory = directoryOf(root);
  await disk.makeDirectory(directory);
  const path = `${directory}/${id}.log`;
  const wiper = new FileWiper(disk, directory);
  await wiper.restore(path);
  await wiper.remove(`${path}.new`);
  const file = await disk.open(`${path}.new`, "create");
  try {
    await file.write(parts, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  if ((await disk.stat(path)) === undefined) await disk.rename(`${path}.new`, path);
  else await wiper.replace(path);
  await disk.syncDirectory(directory);
  await disk.syncDirectory(root);
  await wiper.wipe();
}

/**
 * Keeps in mind that something was deleted whose files are still there; `isErasing`: a stream, of whose messages the journal may
 * have what is to be erased. Rejects with errors of the disk.
 */
export function holdAsGone(context: StoreContext, id: number, isErasing: boolean): Promise<void> {
  return holdRecords(context, { key: "", id, isStream: isErasing }, []);
}

/** Ids of what was deleted. */
export function heldAsGone(held: ReadonlyMap<number, Held>): number[] {
  return [...held].filter(([, { isGone }]) => isGone).map(([id]) => id);
}

/** Forgets what was kept of an id, if anything was, and writes over it: it may be to be erased. Rejects with errors of the disk. */
export async function forgetHeld({ disk, root }: StoreContext, id: number): Promise<void> {
  const directory = directoryOf(root);
  if ((await disk.stat(directory)) === undefined) return;
  const path = `${directory}/${id}.log`;
  const wiper = new FileWiper(disk, directory);
  await wiper.restore(path);
  if (await wiper.remove(path)) await disk.syncDirectory(directory);
}

/** What was kept at the last start, by id, in order. Throws StoreError STORE_VERSION, STORE_KEY, and those of the disk. */
export async function findHeld(context: StoreContext): Promise<Map<number, Held>> {
  const { disk, patient, root } = context;
  const held = new Map<number, Held>();
  const directory = directoryOf(root);
  if ((await patient.stat(directory)) === undefined) return held;
  const wiper = new FileWiper(disk, directory);
  const paths = await wiper.recover(patient);
  const names = await patient.list(directory);
  for (const name of names) if (name.endsWith(".log")) paths.set(name, `${directory}/${name}`);
  // What cannot be written over now is at the next start.
  await wipeLeft(wiper, directory, names).catch(() => {});
  const ids = [...paths.keys()].map((name) => Number(/^(\d+)\.log$/.exec(name)?.[1] ?? 0));
  for (const id of ids.filter((one) => one > 0).sort((a, b) => a - b)) {
    held.set(id, await readHeld(context, paths.get(`${id}.log`)!));
  }
  return held;
}

/** Writes over what did not get its name any more, and what was to be forgotten. */
async function wipeLeft(wiper: FileWiper, directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) if (name.endsWith(".new")) await wiper.remove(`${directory}/${name}`);
  await wiper.wipe();
}

async function readHeld(context: StoreContext, path: string): Promise<Held> {
  const { bytes, failure } = await context.patient.read(path);
  if (failure !== undefined) throw failure;
  const found = readHeader<FileHeader>(bytes, path);
  const setAside = (message: string, lost: Uint8Array): Promise<void> =>
    context.setAside(found?.header.key ?? "", `${message} of ${path} cannot be read`, lost, "held");
  // Without its header it is taken for one that was written with the key of now.
  const codec = found ? Codec.of(found.header, context.keys, context.compression, path) : context.codec(false);
  const records: JournalRecord[] = [];
  const view = viewOf(bytes);
  for (let at = found?.bytes ?? 0; at < bytes.length; ) {
    if (!isRecord(view, at, bytes.length)) {
      const next = nextRecord(bytes, at);
      await setAside(`${next - at} bytes`, bytes.subarray(at, next));
      at = next;
      continue;
    }
    const record = new RecordView(bytes, at);
    at += record.bytes;
    if (record.kind !== RecordKind.block) {
      take(records, bytes, record.at);
      continue;
    }
    try {
      const plain = codec.decode(record);
      for (let inner = 0; inner < plain.length; inner += new RecordView(plain, inner).bytes)
        take(records, plain, inner);
    } catch {
      await setAside("a block", record.whole);
    }
  }
  const { key = "", natsnode } = found?.header ?? {};
  // Only a header says that something is gone: one that is damaged must not cost a stream.
  return { key, isGone: key === "" && found !== undefined, isStream: natsnode === "segment", path, records };
}

function take(records: JournalRecord[], bytes: Buffer, at: number): void {
  records.push({ record: new RecordView(bytes, at), chunk: new Chunk(bytes), ticket: HELD_TICKET });
}

function directoryOf(root: string): string {
  return `${root}/held`;
}
