// Files as the rest of the house sees them. Small files (configuration, pid, ports) are read and written synchronously at
// start and reload; whatever grows with traffic uses the asynchronous half.

export interface FileInfo {
  isDirectory: boolean;
  sizeBytes: number;
  modifiedMs: number;
}

export interface Disk {
  /** Errors of all calls carry the platform's `code` (ENOENT, EISDIR, ENOSPC, ...). */
  readSync(path: string): Buffer;
  writeSync(path: string, data: Uint8Array | string): void;
  statSync(path: string): FileInfo | undefined;
  listSync(path: string): string[];
  makeDirectorySync(path: string): void;
  renameSync(from: string, to: string): void;
  removeSync(path: string): void;
  /** Opens for appending, created when missing; used by the log. */
  openAppendSync(path: string): AppendFile;
}

export interface AppendFile {
  readonly sizeBytes: number;
  appendSync(data: string): void;
  closeSync(): void;
}
