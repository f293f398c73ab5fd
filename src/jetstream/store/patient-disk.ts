// How a recovery reads: a disk that fails is asked again, and of a file that it does not read as a whole the parts that it does
// read count.
import type { Clock } from "../../runtime/clock.js";
import type { Disk, FileInfo } from "../../runtime/disk.js";
import { StoreError } from "./errors.js";

/** When a call that has failed is made again, in milliseconds. */
const RETRIES_MS = [20, 100];
/** A disk that fails everywhere must not hold up the start of a server. */
const MOST_RETRIES = 50;
const PIECE_BYTES = 4096;

/** What was read of a file, zeros where nothing could be. */
export interface FoundBytes {
  readonly bytes: Buffer;
  /** Why it is not all. */
  readonly failure: StoreError | undefined;
}

export class PatientDisk {
  private readonly disk: Disk;
  private readonly clock: Clock;
  private retries = MOST_RETRIES;

  constructor(disk: Disk, clock: Clock) {
    this.disk = disk;
    this.clock = clock;
  }

  /** Makes a call of the disk, again when it fails. Rejects with its last error; with others than the platform's at once. */
  async call<T>(run: () => Promise<T>): Promise<T> {
    for (const delayMs of RETRIES_MS) {
      try {
        return await run();
      } catch (error) {
        if (error instanceof StoreError || this.retries === 0) throw error;
        this.retries--;
        await new Promise<void>((go) => void this.clock.after(delayMs, go));
      }
    }
    return run();
  }

  stat(path: string): Promise<FileInfo | undefined> {
    return this.call(() => this.disk.stat(path));
  }

  list(path: string): Promise<string[]> {
    return this.call(() => this.disk.list(path));
  }

  /** A file, from a position on, up to `upTo` if it is longer. Rejects with StoreError when nothing of it can be read. */
  async read(path: string, from = 0, upTo = Number.POSITIVE_INFINITY): Promise<FoundBytes> {
    try {
      return { bytes: await this.call(() => this.readPart(path, from, upTo)), failure: undefined };
    } catch (error) {
      return this.readPieces(path, from, upTo, StoreError.of(error));
    }
  }

  private async readPart(path: string, from: number, upTo: number): Promise<Buffer> {
    const file = await this.disk.open(path, "read");
    try {
      const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(file.sizeBytes, upTo) - from));
      return bytes.subarray(0, await file.read(bytes, from));
    } finally {
      await file.close();
    }
  }

  private async readPieces(path: string, from: number, upTo: number, failure: StoreError): Promise<FoundBytes> {
    let isRead = false;
    let isWhole = true;
    try {
      const file = await this.disk.open(path, "read");
      const bytes = Buffer.alloc(Math.max(0, Math.min(file.sizeBytes, upTo) - from));
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        const read = await file.read(piece, from + at).catch(() => -1);
        if (read >= 0) {
          isRead = true;
          continue;
        }
        piece.fill(0);
        isWhole = false;
      }
      await file.close();
      if (isRead) return { bytes, failure: isWhole ? undefined : failure };
    } catch {
      // Told as what the first try has failed with.
    }
    throw failure;
  }
}
