// The first record of every file of the storage, JSON: what it is, of which version, and whose.

import { viewOf } from "../../protocol/words.js";
import type { CodecNames } from "./codec.js";
import { StoreError } from "./errors.js";
import { isRecord, RecordKind, RecordView, recordOf } from "./record.js";

/** The format's version; files of a newer one are refused. */
export const FORMAT_VERSION = 1;

export interface FileHeader extends CodecNames {
  readonly natsnode: "segment" | "log" | "index";
  readonly version: number;
  /** The stream's or log's key and id. */
  readonly key: string;
  readonly id: number;
}

/** The record of a header. */
export function headerRecord(header: FileHeader): Buffer {
  const body = Buffer.from(JSON.stringify(header));
  return recordOf(RecordKind.header, 0, { log: header.id, index: 0 }, body);
}

/** The header that a file begins with, and its bytes; undefined when it is damaged. Throws StoreError STORE_VERSION. */
export function readHeader<H extends FileHeader>(file: Buffer, path: string): { header: H; bytes: number } | undefined {
  if (!isRecord(viewOf(file), 0, file.length)) return undefined;
  const record = new RecordView(file, 0);
  if (record.kind !== RecordKind.header) return undefined;
  let header: H;
  try {
    header = JSON.parse(record.body.toString());
  } catch {
    return undefined;
  }
  if (header.version > FORMAT_VERSION) {
    throw new StoreError("STORE_VERSION", `${path} is of format ${header.version}, newer than ${FORMAT_VERSION}`);
  }
  return { header, bytes: record.bytes };
}

const LONGEST_NAME = 150;

/** A file name for a key with an id: readable, and short enough for every file system. */
export function fileNameOf(key: string, id: number): string {
  const readable = key.replace(/[^A-Za-z0-9_$.-]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return `${readable.slice(0, LONGEST_NAME)}~${id}`;
}

/** The id in a name from `fileNameOf`; 0 when there is none. */
export function idInName(name: string): number {
  return Number(/~(\d+)(?:\.log)?$/.exec(name)?.[1] ?? 0);
}

/**
 * The key in a name from `fileNameOf`, as far as it stands there: for files whose header is damaged. A character beyond latin1
 * is not found again.
 */
export function keyInName(name: string): string {
  return name
    .replace(/~\d+(?:\.log)?$/, "")
    .replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
