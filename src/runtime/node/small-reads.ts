// Small reads from files. Those that are asked for in the same turn of the loop go to a thread together: a call of libuv for each
// costs several times what the reading does.
import { Worker } from "node:worker_threads";
import { BATCH_BYTES, BATCH_READS, ReadBatch } from "./read-batch.js";
import type { ReadAnswer } from "./read-worker.js";

/** Larger reads are made alone. */
export const SMALL_READ_BYTES = 4096;
/** Fewer are not worth a message to the thread and back. */
const FEWEST = 4;

interface SmallRead {
  readonly descriptor: number;
  readonly into: Uint8Array;
  readonly position: number;
  /** Makes the read without the thread. */
  readonly alone: () => Promise<number>;
  readonly resolve: (bytes: number | Promise<number>) => void;
  readonly reject: (error: Error) => void;
}

/** Reads of all files of a process. The thread starts with the first batch, and keeps no process alive but while it reads. */
export class SmallReads {
  private readonly file: URL;
  private readonly memory = new SharedArrayBuffer(ReadBatch.memoryBytes);
  private readonly batch = new ReadBatch(this.memory);
  private waiting: SmallRead[] = [];
  private reading: SmallRead[] = [];
  private worker: Worker | undefined;
  // Whether the thread cannot be had: the file was bundled away, or the process may not start one.
  private unavailable = false;
  private scheduled = false;

  /** @param file of the thread's program, for tests */
  constructor(file = new URL("./read-worker.js", import.meta.url)) {
    this.file = file;
  }

  /** Fills `into`, at most SMALL_READ_BYTES, from an open file that stays open meanwhile; as `DiskFile.read`. */
  read(descriptor: number, into: Uint8Array, position: number, alone: () => Promise<number>): Promise<number> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ descriptor, into, position, alone, resolve, reject });
      if (this.scheduled) return;
      this.scheduled = true;
      // What one read of a socket has brought asks before that.
      queueMicrotask(this.begin);
    });
  }

  private readonly begin = (): void => {
    this.scheduled = false;
    if (this.reading.length > 0 || this.waiting.length === 0) return;
    const worker = this.waiting.length < FEWEST ? undefined : this.thread();
    if (worker === undefined) {
      for (const { alone, resolve } of this.waiting.splice(0)) resolve(alone());
      return;
    }
    let bytes = 0;
    let count = 0;
    for (const { descriptor, position, into } of this.waiting) {
      if (count === BATCH_READS || bytes + into.length > BATCH_BYTES) break;
      this.batch.ask(count++, descriptor, position, into.length);
      bytes += into.length;
    }
    this.reading = this.waiting.splice(0, count);
    worker.ref();
    worker.postMessage(count);
  };

  private thread(): Worker | undefined {
    if (this.unavailable || this.worker !== undefined) return this.worker;
    try {
      const worker = new Worker(this.file, { name: "reads", execArgv: [], workerData: this.memory });
      worker.on("message", (faults: ReadAnswer) => this.answer(worker, faults));
      // An exit follows.
      worker.on("error", () => {});
      worker.on("exit", () => this.lost());
      this.worker = worker;
    } catch {
      this.unavailable = true;
    }
    return this.worker;
  }

  private answer(worker: Worker, faults: ReadAnswer): void {
    worker.unref();
    const { reading } = this;
    this.reading = [];
    const failed = new Map(faults.map((fault) => [fault.at, fault]));
    let start = 0;
    for (const [at, { into, resolve, reject }] of reading.entries()) {
      const fault = failed.size === 0 ? undefined : failed.get(at);
      const bytes = this.batch.got[at];
      if (fault === undefined) {
        into.set(this.batch.bytes.subarray(start, start + bytes));
        resolve(bytes);
      } else reject(Object.assign(new Error(fault.message), { code: fault.code }));
      start += into.length;
    }
    this.begin();
  }

  private lost(): void {
    this.worker = undefined;
    this.unavailable = true;
    for (const { alone, resolve } of this.reading.splice(0)) resolve(alone());
    this.begin();
  }
}

/** Of all servers of this process. */
export const sharedReads = new SmallReads();
