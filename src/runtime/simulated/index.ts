// A whole world from a seed: hosts with their clocks, disks and processes on one simulated network, in one virtual time.
import type { Runtime } from "../runtime.js";
import { HostClock, type SimulatedClock, VirtualTime } from "./clock.js";
import { SimulatedDisk } from "./disk.js";
import { SimulatedHashing } from "./hashing.js";
import type { SimulatedNetwork } from "./network.js";
import { SimulatedProcess } from "./process.js";
import { SimulatedRandom } from "./random.js";
import { SimulatedWires } from "./wires.js";

export { type SimulatedClock, SimulationError, type TimeDriver } from "./clock.js";
export type { DiskFault, DiskLatency, DiskOperation, SimulatedDisk } from "./disk.js";
export type { LinkOptions } from "./link.js";
export type { SimulatedNetwork } from "./network.js";
export type { SimulatedProcess } from "./process.js";
export type { SimulatedRandom } from "./random.js";
export type { SimulatedWires } from "./wires.js";

/** One machine of a simulation, with everything a server on it needs. */
export interface SimulatedHost extends Runtime {
  readonly name: string;
  readonly clock: SimulatedClock;
  readonly random: SimulatedRandom;
  readonly disk: SimulatedDisk;
  readonly network: SimulatedNetwork;
  readonly process: SimulatedProcess;
  /**
   * The machine loses power. Its timers and transports never call again, its promises never settle, its disk keeps what was
   * synced (with `torn` also parts of the rest), the other machines are told nothing. It stays off until `restart`.
   */
  crash(options?: { torn?: boolean }): void;
  /** Power is back; start a new server on it. */
  restart(): void;
  /**
   * Its programs end as by SIGKILL: nothing of them runs any more, the system closes their connections, the disk keeps what
   * was written. A new server can be started at once.
   */
  kill(): void;
  /** Its programs stand still as by SIGSTOP, while the system goes on taking what arrives for them, until `thaw`. */
  freeze(): void;
  thaw(): void;
}

/** A simulation; it is itself its first host, named "main". */
export interface SimulatedRuntime extends SimulatedHost {
  readonly seed: string;
  /** The network's faults and measures, by host names. */
  readonly wires: SimulatedWires;
  /** The host of that name; made when it is asked for first. */
  host(name: string): SimulatedHost;
}

const MAIN_HOST = "main";

/** Builds a simulation. Equal seeds give equal runs, as long as the code under test takes everything from the runtime. */
export function simulatedRuntime(options: { seed: number | string }): SimulatedRuntime {
  const seed = String(options.seed);
  const time = new VirtualTime();
  const random = new SimulatedRandom(seed);
  const wires = new SimulatedWires(time, random.fork("wires"));
  const hosts = new Map<string, SimulatedHost>();
  const host = (name: string): SimulatedHost => {
    let found = hosts.get(name);
    if (found === undefined) {
      found = makeHost(name, hosts.size + 1, time, wires, random.fork(`host ${name}`));
      hosts.set(name, found);
    }
    return found;
  };
  return { ...host(MAIN_HOST), seed, wires, host };
}

function makeHost(
  name: string,
  number: number,
  time: VirtualTime,
  wires: SimulatedWires,
  random: SimulatedRandom,
): SimulatedHost {
  const clock = new HostClock(time);
  const disk = new SimulatedDisk(clock, random.fork("disk"));
  return {
    name,
    clock,
    random,
    disk,
    network: wires.join(name, clock),
    hashing: new SimulatedHashing(clock),
    process: new SimulatedProcess(1000 + number),
    crash: (options) => {
      wires.crash(name);
      clock.crash();
      disk.crash(options);
    },
    restart: () => wires.restart(name),
    kill: () => {
      wires.kill(name);
      clock.crash();
      disk.kill();
    },
    freeze: () => clock.freeze(),
    thaw: () => clock.thaw(),
  };
}
