// Which streams and logs a storage has: what its folders hold, and what the journal says began and ended.
import type { StoreContext } from "./context.js";
import { type FileHeader, idInName, keyInName, readHeader } from "./file-header.js";
import type { JournalRecord } from "./file-log.js";
import { type Held, heldAsGone } from "./held-records.js";
import { RecordKind } from "./record.js";
import { segmentNumber } from "./segment.js";
import type { Ticket } from "./store.js";

const HEADER_BYTES = 8 * 1024;

export interface FoundLog {
  readonly key: string;
  /** Of the note that it began, when it has no files; else 0. */
  readonly ticket: Ticket;
}

export interface Left {
  readonly id: number;
  readonly path: string;
  /** A stream that had messages to erase; else that is not known. */
  readonly isErasing: boolean;
}

export interface FoundLogs {
  readonly streams: Map<number, FoundLog>;
  readonly logs: Map<number, FoundLog>;
  /** Files and folders of what was deleted; id 0 for what nobody would take for anything. */
  readonly left: readonly Left[];
}

/** Looks for streams and logs, by their ids. Throws StoreError STORE_VERSION, and errors of a disk that does not tell which there are. */
export async function findLogs(
  context: StoreContext,
  root: string,
  notes: readonly JournalRecord[],
  held: ReadonlyMap<number, Held>,
): Promise<FoundLogs> {
  const streams = new Map<number, FoundLog>();
  const logs = new Map<number, FoundLog>();
  const left: Left[] = [];
  const gone = new Set(heldAsGone(held));
  const { patient } = context;
  for (const { record, ticket } of notes) {
    if (record.kind === RecordKind.delete) {
      gone.add(record.log);
      streams.delete(record.log);
      logs.delete(record.log);
    } else {
      const { kind, key } = JSON.parse(record.body.toString());
      (kind === "stream" ? streams : logs).set(record.log, { key, ticket });
    }
  }
  for (const name of await patient.list(`${root}/streams`)) {
    const id = idInName(name);
    const path = `${root}/streams/${name}`;
    if (gone.has(id)) left.push({ id, path, isErasing: held.get(id)?.isStream === true });
    else if (id > 0) {
      // A folder whose files had no durable names yet says less than the journal, which has it all.
      const { key, ticket = 0 } = streams.get(id) ?? {};
      streams.set(id, { key: (await keyOfStream(context, path)) ?? key ?? keyInName(name), ticket });
    }
  }
  for (const name of await patient.list(`${root}/logs`)) {
    const id = idInName(name);
    const path = `${root}/logs/${name}`;
    if (gone.has(id) || name.endsWith(".new")) left.push({ id: gone.has(id) ? id : 0, path, isErasing: false });
    else if (id > 0) {
      const key = (await keyIn(context, path)) ?? logs.get(id)?.key ?? keyInName(name);
      logs.set(id, { key, ticket: 0 });
    }
  }
  for (const [id, { key, isGone, isStream, path, records }] of held) {
    if (gone.has(id)) left.push({ id, path, isErasing: isGone && isStream });
    // The removals of a stream have the id after its own.
    else if (streams.has(id) || logs.has(id) || streams.has(id - 1)) continue;
    else if (key !== "") (isStream ? streams : logs).set(id, { key, ticket: 0 });
    // All that it held was set aside.
    else if (records.length === 0) left.push({ id: 0, path, isErasing: false });
  }
  return { streams, logs, left };
}

async function keyOfStream(context: StoreContext, path: string): Promise<string | undefined> {
  const names = await context.patient.list(path).catch(() => []);
  for (const file of names) {
    if (segmentNumber(file) === 0 && file !== "removed.log") continue;
    const key = await keyIn(context, `${path}/${file}`);
    if (key !== undefined) return key;
  }
  return undefined;
}

/** Undefined where the file does not say it, or cannot be read. */
async function keyIn(context: StoreContext, path: string): Promise<string | undefined> {
  let head: Buffer;
  try {
    ({ bytes: head } = await context.patient.read(path, 0, HEADER_BYTES));
  } catch {
    return undefined;
  }
  return readHeader<FileHeader>(head, path)?.header.key;
}
