// An open file on Node, for the stores: positional reads and writes, ordered appends, fdatasync.
import type { FileHandle } from "node:fs/promises";
import type { DiskFile } from "../disk.js";
import { platformError } from "../errors.js";
import type { Semaphore } from "./semaphore.js";

export class NodeDiskFile implements DiskFile {
  readonly path: string;
  private readonly handle: FileHandle;
  private readonly slots: Semaphore;
  private size: number;
  private closed = false;
  private readonly underWay = new Set<Promise<unknown>>();
  private lastResize: Promise<unknown> = Promise.resolve();

  /** `sizeBytes`: the file's size when it was opened. `slots` bounds the calls that occupy libuv's threads. */
  constructor(path: string, handle: FileHandle, sizeBytes: number, slots: Semaphore) {
    this.path = path;
    this.handle = handle;
    this.size = sizeBytes;
    this.slots = slots;
  }

  get sizeBytes(): number {
    return this.size;
  }

  read(into: Uint8Array, positionBytes: number): Promise<number> {
    return this.track("read", async () => {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await this.handle.read(into, done, into.length - done, positionBytes + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    });
  }

  write(chunks: readonly Uint8Array[], positionBytes: number): Promise<void> {
    return this.track("write", () => this.writeAll(chunks, positionBytes));
  }

  append(chunks: readonly Uint8Array[]): Promise<number> {
    const before = this.lastResize;
    const appended = this.track(
      "write",
      async () => {
        const position = this.size;
        await this.writeAll(chunks, position);
        return position;
      },
      before,
    );
    this.lastResize = appended.catch(() => {});
    return appended;
  }

  truncate(sizeBytes: number): Promise<void> {
    const before = this.lastResize;
    const truncated = this.track(
      "ftruncate",
      async () => {
        await this.handle.truncate(sizeBytes);
        this.size = sizeBytes;
      },
      before,
    );
    this.lastResize = truncated.catch(() => {});
    return truncated;
  }

  sync(): Promise<void> {
    return this.track("fdatasync", () => this.handle.datasync());
  }

  async close(): Promise<void> {
    if (this.closed) throw platformError("EBADF", "close");
    this.closed = true;
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
    await this.slots.run(() => this.handle.close());
  }

  private async writeAll(chunks: readonly Uint8Array[], positionBytes: number): Promise<void> {
    let rest = chunks.filter((chunk) => chunk.length > 0);
    let position = positionBytes;
    while (rest.length > 0) {
      const { bytesWritten } = await this.handle.writev(rest, position);
      position += bytesWritten;
      rest = without(rest, bytesWritten);
    }
    this.size = Math.max(this.size, position);
  }

  private async track<T>(syscall: string, task: () => Promise<T>, after?: Promise<unknown>): Promise<T> {
    if (this.closed) throw platformError("EBADF", syscall);
    const running = after === undefined ? this.slots.run(task) : after.then(() => this.slots.run(task));
    this.underWay.add(running);
    try {
      return await running;
    } finally {
      this.underWay.delete(running);
    }
  }
}

/** What is left of `chunks` after their first `bytes`. */
function without(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  let index = 0;
  while (index < chunks.length && skip >= chunks[index].length) skip -= chunks[index++].length;
  const rest = chunks.slice(index);
  if (skip > 0) rest[0] = rest[0].subarray(skip);
  return rest;
}
