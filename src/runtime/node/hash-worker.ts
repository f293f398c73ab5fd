// The thread that compares passwords with bcrypt hashes: a job comes in, whether it fits goes out.
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { compareSync } from "bcryptjs";

export interface HashJob {
  readonly password: string;
  readonly hash: string;
}

/** Behind the loop, where there are fewer cores than threads. */
const NICE = 5;

// Elsewhere the priority would be that of the whole process.
if (process.platform === "linux") {
  try {
    setPriority(NICE);
  } catch {
    // Where a sandbox forbids it, the thread works at the priority of the others.
  }
}

parentPort?.on("message", ({ password, hash }: HashJob) => {
  let fits = false;
  try {
    fits = compareSync(password, hash);
  } catch {
    // A malformed hash fits nothing.
  }
  parentPort?.postMessage(fits);
});
