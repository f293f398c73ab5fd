// The real disk, on Node's fs. Asynchronous calls take part of libuv's threads at most: DNS lookups and zlib need the others.
import fs from "node:fs";
import fsp from "node:fs/promises";
import type { AppendFile, Disk, DiskFile, FileInfo, OpenMode, WrittenFile } from "../disk.js";
import { NodeDiskFile } from "./file.js";
import { Semaphore } from "./semaphore.js";
import { BLOCK_BYTES, SyncedFile } from "./synced-file.js";

/** nats-server's own modes for the files and directories it makes. */
const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

const LIBUV_DEFAULT_THREADS = 4;

const openFlags: Record<OpenMode, number> = {
  read: fs.constants.O_RDONLY,
  update: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT,
  new: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
};

/** How many disk calls may occupy libuv's threads at once: all but two, at least one. */
export function diskSlots(threadPoolSize: string | undefined): number {
  const threads = Number.parseInt(threadPoolSize ?? "", 10);
  return Math.max(1, (threads > 0 ? threads : LIBUV_DEFAULT_THREADS) - 2);
}

export class NodeDisk implements Disk {
  readonly blockBytes = BLOCK_BYTES;
  private readonly slots = new Semaphore(diskSlots(process.env.UV_THREADPOOL_SIZE));

  readSync(path: string): Buffer {
    return fs.readFileSync(path);
  }

  writeSync(path: string, data: Uint8Array | string): void {
    fs.writeFileSync(path, data, { mode: FILE_MODE });
  }

  statSync(path: string): FileInfo | undefined {
    try {
      return fileInfo(fs.statSync(path));
    } catch (error) {
      return undefinedWhenMissing(error);
    }
  }

  listSync(path: string): string[] {
    return fs.readdirSync(path).sort();
  }

  makeDirectorySync(path: string): void {
    fs.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
  }

  renameSync(from: string, to: string): void {
    fs.renameSync(from, to);
  }

  removeSync(path: string): void {
    if (fs.lstatSync(path).isDirectory()) fs.rmdirSync(path);
    else fs.unlinkSync(path);
  }

  openAppendSync(path: string): AppendFile {
    return new NodeAppendFile(path);
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.slots.run(async () => {
      const handle = await fsp.open(path, openFlags[mode], FILE_MODE);
      const { size } = await handle.stat();
      return new NodeDiskFile(path, handle, size, this.slots);
    });
  }

  openSynced(path: string, mode: "update" | "create"): Promise<WrittenFile> {
    return this.slots.run(() => SyncedFile.open(path, openFlags[mode], FILE_MODE, this.slots));
  }

  async syncDirectory(path: string): Promise<void> {
    // Windows has no such call: its directories are journalled with the file's own sync.
    if (process.platform === "win32") return;
    await this.slots.run(async () => {
      const handle = await fsp.open(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  read(path: string): Promise<Buffer> {
    return this.slots.run(() => fsp.readFile(path));
  }

  async stat(path: string): Promise<FileInfo | undefined> {
    return this.slots.run(() => fsp.stat(path)).then(fileInfo, undefinedWhenMissing);
  }

  async list(path: string): Promise<string[]> {
    const names = await this.slots.run(() => fsp.readdir(path));
    return names.sort();
  }

  async makeDirectory(path: string): Promise<void> {
    await this.slots.run(() => fsp.mkdir(path, { recursive: true, mode: DIRECTORY_MODE }));
  }

  rename(from: string, to: string): Promise<void> {
    return this.slots.run(() => fsp.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.slots.run(async () => {
      if ((await fsp.lstat(path)).isDirectory()) await fsp.rmdir(path);
      else await fsp.unlink(path);
    });
  }

  async freeBytes(path: string): Promise<number> {
    return this.slots.run(async () => {
      const { bavail, bsize } = await fsp.statfs(path);
      return bavail * bsize;
    });
  }
}

class NodeAppendFile implements AppendFile {
  private readonly descriptor: number;
  private size: number;

  constructor(path: string) {
    this.descriptor = fs.openSync(path, "a", FILE_MODE);
    this.size = fs.fstatSync(this.descriptor).size;
  }

  get sizeBytes(): number {
    return this.size;
  }

  appendSync(data: string): void {
    const bytes = Buffer.from(data);
    let done = 0;
    while (done < bytes.length) done += fs.writeSync(this.descriptor, bytes, done);
    this.size += bytes.length;
  }

  closeSync(): void {
    fs.closeSync(this.descriptor);
  }
}

function fileInfo(stats: fs.Stats): FileInfo {
  return { isDirectory: stats.isDirectory(), sizeBytes: stats.size, modifiedMs: stats.mtimeMs };
}

function undefinedWhenMissing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
}
