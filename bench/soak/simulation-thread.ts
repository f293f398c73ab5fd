// A thread of the drills in simulations.ts: runs its seeds until one fails.
import { parentPort, workerData } from "node:worker_threads";
import { findFailure } from "../../test/simulation/search.js";
import type { SeedsOfThread, ThreadMessage } from "./simulations.js";

const say = (message: ThreadMessage): void => parentPort?.postMessage(message);

const failure = await findFailure({
  ...(workerData as SeedsOfThread),
  passed: (passed) => say({ passed }),
});
if (failure !== undefined) say({ failed: failure.stack ?? failure.message });
