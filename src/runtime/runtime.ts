// The world, handed in: everything outside the process's own memory that the house touches goes through one of these.
import type { Clock } from "./clock.js";
import type { Disk } from "./disk.js";
import type { Hashing } from "./hashing.js";
import type { Network } from "./network.js";
import type { Random } from "./random.js";

export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly network: Network;
  readonly hashing: Hashing;
  readonly process: ProcessInfo;
}

/** Facts about the process that monitoring and the banner show. */
export interface ProcessInfo {
  readonly pid: number;
  /** The program's path, as in the ports file's name. */
  readonly executable: string;
  readonly platform: string;
  readonly arch: string;
  /** Runtime name and version, such as "node22.11.0". */
  readonly engine: string;
  readonly cores: number;
  env(name: string): string | undefined;
  /** Bytes of physical memory that the process has now. */
  memoryBytes(): number;
  /** Bytes of physical memory that it may have: those of the machine, or of its container where that has fewer. */
  memoryLimitBytes(): number;
  /** Gives memory that is no longer used back to the operating system, where the engine can; the loop stands still meanwhile. */
  trimMemory(): void;
  /** Share of one core used since the last call or the start, in percent. */
  cpuPercent(): number;
}
