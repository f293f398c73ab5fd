// Open files, as many as are used most: a server may have more segments than it may have files open.
import type { Disk, DiskFile } from "../../runtime/disk.js";

interface Entry {
  readonly file: Promise<DiskFile>;
  users: number;
  /** To be closed when nobody uses it any more. */
  leaving: (() => void) | undefined;
}

export class FilePool {
  private readonly disk: Disk;
  private readonly limit: number;
  /** Least recently used first. */
  private readonly entries = new Map<string, Entry>();
  /** Paths that nobody opens at the moment, and when that ends. */
  private readonly held = new Map<string, Promise<void>>();

  constructor(disk: Disk, limit: number) {
    this.disk = disk;
    this.limit = limit;
  }

  /** Runs something with the open file. A file that does not exist is made when `create` is true. */
  async use<T>(path: string, create: boolean, run: (file: DiskFile) => Promise<T>): Promise<T> {
    for (let held = this.held.get(path); held !== undefined; held = this.held.get(path)) await held;
    let entry = this.entries.get(path);
    if (entry === undefined) {
      entry = { file: this.disk.open(path, create ? "create" : "update"), users: 0, leaving: undefined };
    } else {
      this.entries.delete(path);
    }
    this.entries.set(path, entry);
    entry.users++;
    try {
      return await run(await entry.file);
    } catch (error) {
      const failedToOpen = await entry.file.then(
        () => false,
        () => true,
      );
      if (failedToOpen && this.entries.get(path) === entry) this.entries.delete(path);
      throw error;
    } finally {
      entry.users--;
      if (entry.users === 0) entry.leaving?.();
      this.shrink();
    }
  }

  /** Closes the file of a path and keeps it from being opened while `run` puts another one in its place. */
  async replace(path: string, run: () => Promise<void>): Promise<void> {
    let open: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.held.set(path, held);
    try {
      await this.close(path);
      await run();
    } finally {
      this.held.delete(path);
      open?.();
    }
  }

  /** Closes the file of a path, when those who use it have done so: before it is removed or replaced. */
  async close(path: string): Promise<void> {
    const entry = this.entries.get(path);
    if (entry === undefined) return;
    this.entries.delete(path);
    if (entry.users > 0) await new Promise<void>((resolve) => Object.assign(entry, { leaving: resolve }));
    await entry.file.then(
      (file) => file.close(),
      () => {},
    );
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.entries.keys()].map((path) => this.close(path)));
  }

  private shrink(): void {
    for (const [path, { users }] of this.entries) {
      if (this.entries.size <= this.limit) return;
      if (users === 0) void this.close(path).catch(() => {});
    }
  }
}
