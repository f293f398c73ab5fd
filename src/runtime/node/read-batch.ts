// Reads that are made together, in memory that the loop and the reading thread both see.
import fs from "node:fs";

/** Reads of one batch, and the bytes of all of them together. */
export const BATCH_READS = 1024;
export const BATCH_BYTES = 256 * 1024;

/** What went wrong with a read of the batch, as the platform calls it. */
export interface ReadFault {
  readonly at: number;
  readonly code: string | undefined;
  readonly message: string;
}

const WORD_BYTES = 8;
const FIELDS = 3;

/** A batch as it lies in the shared memory. */
export class ReadBatch {
  static readonly memoryBytes = BATCH_READS * (FIELDS + 1) * WORD_BYTES + BATCH_BYTES;
  /** Of each read: descriptor, position, length; and then how many bytes there were. */
  readonly asked: Float64Array;
  readonly got: Float64Array;
  /** The bytes, one read after the other, with as much room for each as was asked for. */
  readonly bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.asked = new Float64Array(memory, 0, BATCH_READS * FIELDS);
    this.got = new Float64Array(memory, this.asked.byteLength, BATCH_READS);
    this.bytes = new Uint8Array(memory, this.asked.byteLength + this.got.byteLength, BATCH_BYTES);
  }

  ask(at: number, descriptor: number, position: number, length: number): void {
    this.asked[at * FIELDS] = descriptor;
    this.asked[at * FIELDS + 1] = position;
    this.asked[at * FIELDS + 2] = length;
  }

  /** Makes the first `count` reads; each goes on until it has all or the file ends. */
  run(count: number): ReadFault[] {
    const faults: ReadFault[] = [];
    let start = 0;
    for (let at = 0; at < count; at++) {
      const [descriptor, position, length] = this.asked.subarray(at * FIELDS, (at + 1) * FIELDS);
      let done = 0;
      try {
        while (done < length) {
          const read = fs.readSync(descriptor, this.bytes, start + done, length - done, position + done);
          if (read === 0) break;
          done += read;
        }
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        faults.push({ at, code, message });
      }
      this.got[at] = done;
      start += length;
    }
    return faults;
  }
}
