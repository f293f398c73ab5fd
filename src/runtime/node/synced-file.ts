// A file whose writes are on the medium when they are done. On Linux they go past the system's cache: nobody reads what was
// written but at a start, and copying it there would cost more than the rest of the call.
import fs from "node:fs";
import { open } from "node:fs/promises";
import { nextBlock } from "../disk.js";
import { platformError } from "../errors.js";
import { NodeDiskFile } from "./file.js";
import type { Semaphore } from "./semaphore.js";

/** Elsewhere the flag is missing or, on macOS, stays short of the medium. */
const SYNCED = process.platform === "linux" ? fs.constants.O_DSYNC : 0;
const UNBUFFERED = process.platform === "linux" ? fs.constants.O_DIRECT : 0;
/** What writes past the cache consist of: a page, and a sector of any disk. */
export const BLOCK_BYTES = 4096;
/** More is written with several calls. */
const STAGE_BYTES = 1024 * 1024;

/** Nobody uses them. */
const stages: Uint8Array[] = [];

/** Memory that begins with a page, as the system wants it: a buffer does that could be resized, unlike any other one. */
function newStage(): Uint8Array {
  return new Uint8Array(new ArrayBuffer(STAGE_BYTES, { maxByteLength: STAGE_BYTES }));
}

export class SyncedFile extends NodeDiskFile {
  private isUnbuffered = false;
  private stageOf = newStage;

  /**
   * `slots` bounds the calls that occupy libuv's threads; `stageOf` gives memory of STAGE_BYTES that writes past the cache are
   * made from. Rejects with the platform's errors.
   */
  static async open(
    path: string,
    openFlags: number,
    mode: number,
    slots: Semaphore,
    stageOf = newStage,
  ): Promise<SyncedFile> {
    const flags = openFlags | SYNCED;
    const unbuffered = UNBUFFERED === 0 ? undefined : await open(path, flags | UNBUFFERED, mode).catch(whenUnknown);
    const handle = unbuffered ?? (await open(path, flags, mode));
    const { size } = await handle.stat();
    const file = new SyncedFile(path, handle, size, slots);
    file.isUnbuffered = unbuffered !== undefined;
    file.stageOf = stageOf;
    return file;
  }

  protected override async writeAll(chunks: readonly Uint8Array[], positionBytes: number): Promise<void> {
    if (this.isUnbuffered) {
      try {
        await this.writeBlocks(chunks, positionBytes);
        return;
      } catch (error) {
        whenUnknown(error);
      }
      await this.becomeBuffered();
    }
    await super.writeAll(chunks, positionBytes);
    if (SYNCED === 0) await this.syncNow();
  }

  private async writeBlocks(chunks: readonly Uint8Array[], positionBytes: number): Promise<void> {
    const stage = stages.pop() ?? this.stageOf();
    let position = positionBytes;
    let filled = 0;
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + STAGE_BYTES - filled);
        stage.set(part, filled);
        at += part.length;
        filled += part.length;
        if (filled < STAGE_BYTES) continue;
        await this.writeStage(stage, position);
        position += filled;
        filled = 0;
      }
    }
    const rest = nextBlock(filled, BLOCK_BYTES);
    stage.fill(0, filled, rest);
    if (rest > 0) await this.writeStage(stage.subarray(0, rest), position);
    this.grownTo(position + rest);
    // One that the system does not write from is not used again.
    stages.push(stage);
  }

  private async writeStage(stage: Uint8Array, positionBytes: number): Promise<void> {
    for (let done = 0; done < stage.length; ) {
      const written = await this.writeSome([stage.subarray(done)], positionBytes + done);
      if (written < BLOCK_BYTES) throw platformError("EIO", "write", this.path);
      done += written - (written % BLOCK_BYTES);
    }
  }

  /** Some file systems open a file so, and take no write then. */
  private async becomeBuffered(): Promise<void> {
    const handle = await open(this.path, fs.constants.O_RDWR | SYNCED);
    const before = this.handle;
    this.handle = handle;
    this.isUnbuffered = false;
    await before.close();
  }
}

/** The file system does not know of writes past the cache. Throws any other error. */
function whenUnknown(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "EINVAL" && code !== "ENOTSUP" && code !== "EOPNOTSUPP") throw error;
}
