// The thread that reads from files: the size of a batch comes in, what went wrong with it goes out.
import { parentPort, workerData } from "node:worker_threads";
import { ReadBatch, type ReadFault } from "./read-batch.js";

/** The answer to a batch; all reads that it does not name have their bytes. */
export type ReadAnswer = readonly ReadFault[];

const batch = new ReadBatch(workerData as SharedArrayBuffer);
parentPort?.on("message", (count: number) => parentPort?.postMessage(batch.run(count) satisfies ReadAnswer));
