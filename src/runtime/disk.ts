// Files as the rest of the house sees them. Small files (configuration, pid, ports) are read and written synchronously at
// start and reload; whatever grows with traffic uses the asynchronous half.

export interface FileInfo {
  isDirectory: boolean;
  sizeBytes: number;
  modifiedMs: number;
}

/**
 * How `Disk.open` opens a file; always for reading, and for writing unless it is "read".
 * "read" and "update" want an existing file (ENOENT), "create" makes a missing one, "new" wants it missing (EEXIST).
 */
export type OpenMode = "read" | "update" | "create" | "new";

export interface Disk {
  /** Writes to a file that was opened with `openSynced` begin at multiples of it; a power of two. */
  readonly blockBytes: number;
  /** Errors of all calls carry the platform's `code` (ENOENT, EISDIR, ENOSPC, ...). */
  readSync(path: string): Buffer;
  /** Replaces the file's content; creates it when missing. */
  writeSync(path: string, data: Uint8Array | string): void;
  /** Undefined when nothing is there. */
  statSync(path: string): FileInfo | undefined;
  /** Names in a directory, sorted. */
  listSync(path: string): string[];
  /** Makes the directory and those above it; an existing one is fine. */
  makeDirectorySync(path: string): void;
  /** Replaces what stands at `to`. */
  renameSync(from: string, to: string): void;
  /** Removes a file or an empty directory. */
  removeSync(path: string): void;
  /** Opens for appending, created when missing; used by the log. */
  openAppendSync(path: string): AppendFile;

  /** Opens a file whose data survives a crash once `sync` has resolved; its name does once its directory was synced. */
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Opens a file each write of which survives a crash once it has resolved. */
  openSynced(path: string, mode: "update" | "create"): Promise<WrittenFile>;
  /** Makes the names in a directory durable: creations, renames, removals. */
  syncDirectory(path: string): Promise<void>;
  /** As their namesakes above. */
  read(path: string): Promise<Buffer>;
  stat(path: string): Promise<FileInfo | undefined>;
  list(path: string): Promise<string[]>;
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Bytes that files in an existing directory may still take of its file system. */
  freeBytes(path: string): Promise<number>;
}

export interface AppendFile {
  readonly sizeBytes: number;
  appendSync(data: string): void;
  closeSync(): void;
}

/**
 * An open file that is written to. Calls may overlap, but for writes to the same bytes; a sync covers the writes that had
 * resolved when it was called. Buffers handed in must stay unchanged until the call resolves.
 */
export interface WrittenFile {
  readonly path: string;
  /** Size as the writes through this file that have resolved left it. */
  readonly sizeBytes: number;
  /**
   * Writes all of `chunks` from `positionBytes`. When it rejects, any part of them may have been written. In a file of
   * `openSynced` they begin at a multiple of `blockBytes`, and what stands behind them up to the next multiple may become zero.
   */
  write(chunks: readonly Uint8Array[], positionBytes: number): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** Makes content and size durable. After a rejection the platform may have dropped what was not durable: reread or rewrite it. */
  sync(): Promise<void>;
  /** Waits for the calls under way. Later calls reject with code EBADF. */
  close(): Promise<void>;
}

/** An open file. Appends and truncations happen in the order of their calls. */
export interface DiskFile extends WrittenFile {
  /** Fills `into` from `positionBytes`; resolves with the bytes read, fewer than asked only at the end of the file. */
  read(into: Uint8Array, positionBytes: number): Promise<number>;
  /**
   * Writes all of `chunks` at the end; resolves with the position of their first byte. After a rejection, what was written of
   * them lies beyond `sizeBytes` and the next append writes over it.
   */
  append(chunks: readonly Uint8Array[]): Promise<number>;
}

/** Where the first block begins that has nothing of what stands before `positionBytes`. */
export function nextBlock(positionBytes: number, blockBytes: number): number {
  return Math.ceil(positionBytes / blockBytes) * blockBytes;
}
