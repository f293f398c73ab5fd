// An open file on Node, for the stores: positional reads and writes, ordered appends, fdatasync.
import fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { DiskFile } from "../disk.js";
import { platformError } from "../errors.js";
import type { Semaphore } from "./semaphore.js";
import { SMALL_READ_BYTES, sharedReads } from "./small-reads.js";

export class NodeDiskFile implements DiskFile {
  readonly path: string;
  protected handle: FileHandle;
  private readonly slots: Semaphore;
  private size: number;
  private closed = false;
  private underWay = 0;
  private becameIdle: (() => void) | undefined;
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

  async read(into: Uint8Array, positionBytes: number): Promise<number> {
    if (into.length > SMALL_READ_BYTES) return this.track("read", () => this.readAll(into, positionBytes));
    this.begin("read");
    try {
      const alone = () => this.slots.run(() => this.readAll(into, positionBytes));
      return await sharedReads.read(this.handle.fd, into, positionBytes, alone);
    } finally {
      this.end();
    }
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
    return this.track("fdatasync", () => this.syncNow());
  }

  async close(): Promise<void> {
    if (this.closed) throw platformError("EBADF", "close");
    this.closed = true;
    if (this.underWay > 0) await new Promise<void>((resolve) => Object.assign(this, { becameIdle: resolve }));
    await this.slots.run(() => this.handle.close());
  }

  private async readAll(into: Uint8Array, positionBytes: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await this.handle.read(into, done, into.length - done, positionBytes + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  protected async writeAll(chunks: readonly Uint8Array[], positionBytes: number): Promise<void> {
    let rest = chunks.filter((chunk) => chunk.length > 0);
    let position = positionBytes;
    while (rest.length > 0) {
      const written = await this.writeSome(rest, position);
      position += written;
      rest = without(rest, written);
    }
    this.grownTo(position);
  }

  protected grownTo(endBytes: number): void {
    this.size = Math.max(this.size, endBytes);
  }

  // The journal waits for these two with every commit: on the bare descriptor they cost less than through the handle.
  protected writeSome(chunks: Uint8Array[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.writev(this.handle.fd, chunks, position, (error, written) => (error ? reject(error) : resolve(written)));
    });
  }

  protected syncNow(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.handle.fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  private async track<T>(syscall: string, task: () => Promise<T>, after?: Promise<unknown>): Promise<T> {
    this.begin(syscall);
    try {
      if (after !== undefined) await after;
      return await this.slots.run(task);
    } finally {
      this.end();
    }
  }

  private begin(syscall: string): void {
    if (this.closed) throw platformError("EBADF", syscall);
    this.underWay++;
  }

  private end(): void {
    this.underWay--;
    if (this.underWay === 0) this.becameIdle?.();
  }
}

/** What is left of `chunks` after their first `bytes`. */
function without(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  if (bytes === chunks.reduce((sum, { length }) => sum + length, 0)) return [];
  let skip = bytes;
  let index = 0;
  while (index < chunks.length && skip >= chunks[index].length) skip -= chunks[index++].length;
  const rest = chunks.slice(index);
  if (skip > 0) rest[0] = rest[0].subarray(skip);
  return rest;
}
