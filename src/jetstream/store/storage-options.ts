// What a storage is given: the world, its options and its limits.
import type { Clock } from "../../runtime/clock.js";
import type { Disk } from "../../runtime/disk.js";
import type { Random } from "../../runtime/random.js";
import type { CipherName } from "./cipher.js";
import type { StoreLimits } from "./context.js";

export interface StorageRuntime {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
}

export interface StorageOptions {
  /** 0 (default): every write is synced before its ticket is durable. Else syncs come so often, and a write counts once written. */
  readonly syncIntervalMs?: number;
  readonly cipher?: CipherName;
  /** Encrypts; default nothing is. */
  readonly key?: string;
  /** Also reads what was encrypted with this. */
  readonly previousKey?: string;
  readonly limits?: Partial<StorageLimits>;
}

export interface StorageLimits extends StoreLimits {
  /** Of a file of the journal. */
  readonly journalBytes: number;
  /** So many files of the journal may wait until the streams have taken over. */
  readonly journalFiles: number;
  /** Of a piece of the journal's memory. */
  readonly chunkBytes: number;
  readonly openFiles: number;
  readonly cacheBytes: number;
}

/** Units are in the names. */
export const DEFAULT_LIMITS: StorageLimits = {
  segmentBytes: 32 * 1024 * 1024,
  segmentMessages: 128 * 1024,
  logBytes: 256 * 1024,
  journalBytes: 16 * 1024 * 1024,
  journalFiles: 6,
  chunkBytes: 1024 * 1024,
  openFiles: 1024,
  cacheBytes: 32 * 1024 * 1024,
};
