// Passwords compared on threads of their own, so that neither the loop nor libuv's threads (disk, DNS, zlib) wait for them.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { compare } from "bcryptjs";
import type { Hasher, Hashing } from "../hashing.js";
import type { HashJob } from "./hash-worker.js";
import { Semaphore } from "./semaphore.js";

/** One core is left to the loop. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));

export class NodeHashing implements Hashing {
  open(): Hasher {
    return new HashThreads();
  }
}

interface Job extends HashJob {
  readonly done: (fits: boolean) => void;
}

/** Threads that start with the first jobs. Only while they have one do they keep the process alive. */
export class HashThreads implements Hasher {
  readonly parallel: number;
  private readonly file: URL | undefined;
  private readonly waiting: Job[] = [];
  private readonly working = new Map<Worker, Job>();
  private readonly idle: Worker[] = [];
  private readonly onLoop = new Semaphore(1);
  // Whether threads cannot be had: the file was bundled away, or the process may not start them.
  private unavailable = false;
  private closed = false;

  /** @param file for tests */
  constructor(parallel = THREADS, file?: URL) {
    this.parallel = parallel;
    this.file = file;
  }

  fits(password: string, hash: string): Promise<boolean> {
    return new Promise((done) => {
      if (this.closed) return done(false);
      this.waiting.push({ password, hash, done });
      this.assign();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const workers = [...this.idle.splice(0), ...this.working.keys()];
    for (const job of [...this.working.values(), ...this.waiting.splice(0)]) job.done(false);
    this.working.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  private assign(): void {
    while (this.waiting.length > 0) {
      const worker = this.idle.pop() ?? (this.working.size < this.parallel ? this.start() : undefined);
      if (worker === undefined && !this.unavailable) return;
      const job = this.waiting.shift() as Job;
      if (worker === undefined) {
        this.compareHere(job);
        continue;
      }
      this.working.set(worker, job);
      worker.ref();
      worker.postMessage({ password: job.password, hash: job.hash } satisfies HashJob);
    }
  }

  private start(): Worker | undefined {
    if (this.unavailable) return undefined;
    let worker: Worker;
    try {
      const file = this.file ?? new URL("./hash-worker.js", import.meta.url);
      worker = new Worker(file, { name: "bcrypt", execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 64 } });
    } catch {
      this.unavailable = true;
      return undefined;
    }
    let answered = false;
    worker.on("message", (fits: boolean) => {
      answered = true;
      const job = this.working.get(worker);
      if (job === undefined) return;
      this.working.delete(worker);
      this.idle.push(worker);
      worker.unref();
      job.done(fits);
      this.assign();
    });
    // An exit follows.
    worker.on("error", () => {
      this.unavailable ||= !answered;
    });
    worker.on("exit", () => {
      const at = this.idle.indexOf(worker);
      if (at >= 0) this.idle.splice(at, 1);
      const job = this.working.get(worker);
      this.working.delete(worker);
      if (job !== undefined) this.compareHere(job);
      this.assign();
    });
    return worker;
  }

  // Without threads in slices on the loop, one after the other, so that it still gets to others.
  private compareHere({ password, hash, done }: Job): void {
    void this.onLoop
      .run(() => compare(password, hash))
      .catch(() => false)
      .then((fits) => done(fits && !this.closed));
  }
}
