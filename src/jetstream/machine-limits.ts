// How much all of JetStream may store where the options say nothing: shares of what the machine has, as with nats-server.
import type { Runtime } from "../runtime/runtime.js";
import type { Usage } from "./jetstream.js";
import type { Storage } from "./store/store.js";

/** A limit that the options do not give; they write it as -1. */
const isOpen = (bytes: number): boolean => bytes < 0;
const shareOf = (bytes: number): number => Math.floor(bytes / 4) * 3;

/**
 * Bytes of both kinds: those that are configured, and for those below 0 three quarters of the memory that the process may have, and
 * of the file system's room at `folder`. What streams already take of it counts as room, so that no restart lowers the limit.
 */
export async function machineLimits(
  { disk, process }: Runtime,
  folder: string,
  storage: Storage,
  configured: Readonly<Usage>,
): Promise<Usage> {
  let { memory, file } = configured;
  if (isOpen(memory)) memory = shareOf(process.memoryLimitBytes());
  if (isOpen(file)) {
    file = await disk.freeBytes(folder);
    for (const { state } of storage.streams.values()) file += state.bytes;
    file = shareOf(file);
  }
  return { memory, file };
}
