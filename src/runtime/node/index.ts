// The real world on Node (and Bun), handed to a server that is not simulated.
import type { Runtime } from "../runtime.js";
import { NodeClock } from "./clock.js";
import { NodeDisk } from "./disk.js";
import { NodeHashing } from "./hashing.js";
import { NodeNetwork } from "./network.js";
import { NodeProcess } from "./process.js";
import { NodeRandom } from "./random.js";

let shared: Runtime | undefined;

/** The real runtime; one for the process, as all servers in it share one machine, one disk and one thread pool. */
export function nodeRuntime(): Runtime {
  shared ??= {
    clock: new NodeClock(),
    random: new NodeRandom(),
    disk: new NodeDisk(),
    network: new NodeNetwork(),
    hashing: new NodeHashing(),
    process: new NodeProcess(),
  };
  return shared;
}
