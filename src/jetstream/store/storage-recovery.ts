// Which streams and logs a storage has: what its folders hold, and what the journal says began and ended.
import type { StoreContext } from "./context.js";
import { type FileHeader, idInName, keyInName, readHeader } from "./file-header.js";
import type { JournalRecord } from "./file-log.js";
import { RecordKind } from "./record.js";
import { segmentNumber } from "./segment.js";
import type { Ticket } from "./store.js";

const HEADER_BYTES = 8 * 1024;

export interface FoundLog {
  readonly key: string;
  /** Of the note that it began, when it has no files; else 0. */
  readonly ticket: Ticket;
}

export interface FoundLogs {
  readonly streams: Map<number, FoundLog>;
  readonly logs: Map<number, FoundLog>;
  /** Files and folders of what was deleted. */
  readonly left: readonly string[];
}

/** Looks for streams and logs, by their ids. Throws StoreError STORE_VERSION. */
export async function findLogs(
  context: StoreContext,
  root: string,
  notes: readonly JournalRecord[],
): Promise<FoundLogs> {
  const streams = new Map<number, FoundLog>();
  const logs = new Map<number, FoundLog>();
  const left: string[] = [];
  const gone = new Set<number>();
  const { disk } = context;
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
  for (const name of await disk.list(`${root}/streams`)) {
    const id = idInName(name);
    const path = `${root}/streams/${name}`;
    if (gone.has(id)) left.push(path);
    else if (id > 0) {
      // A folder whose files had no durable names yet says less than the journal, which has it all.
      const { key, ticket = 0 } = streams.get(id) ?? {};
      streams.set(id, { key: (await keyOfStream(context, path)) ?? key ?? keyInName(name), ticket });
    }
  }
  for (const name of await disk.list(`${root}/logs`)) {
    const id = idInName(name);
    const path = `${root}/logs/${name}`;
    if (gone.has(id) || name.endsWith(".new")) left.push(path);
    else if (id > 0) {
      const key = (await keyIn(context, path)) ?? logs.get(id)?.key ?? keyInName(name);
      logs.set(id, { key, ticket: 0 });
    }
  }
  return { streams, logs, left };
}

async function keyOfStream(context: StoreContext, path: string): Promise<string | undefined> {
  for (const file of await context.disk.list(path)) {
    if (segmentNumber(file) === 0 && file !== "removed.log") continue;
    const key = await keyIn(context, `${path}/${file}`);
    if (key !== undefined) return key;
  }
  return undefined;
}

async function keyIn(context: StoreContext, path: string): Promise<string | undefined> {
  const head = Buffer.alloc(HEADER_BYTES);
  const bytes = await context.pool.use(path, false, (file) => file.read(head, 0));
  return readHeader<FileHeader>(head.subarray(0, bytes), path)?.header.key;
}
