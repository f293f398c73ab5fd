// A storage with a message that is to be erased, and where on the disk its bytes are.
import assert from "node:assert/strict";
import { type FileStorage, openStorage } from "../../src/jetstream/store/file-storage.js";
import { timesOf } from "../../src/jetstream/store/memory-store.js";
import type { StorageOptions } from "../../src/jetstream/store/storage-options.js";
import { durable, type StreamStore } from "../../src/jetstream/store/store.js";
import type { SimulatedDisk } from "../../src/runtime/simulated/disk.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../src/runtime/simulated/index.js";
import { newMessage } from "./stream-model.js";

/** What message 2 holds. */
export const SECRET = "the secret of message two";
const LIMITS = { segmentBytes: 4000, segmentMessages: 25, journalBytes: 3000, journalFiles: 4, chunkBytes: 700 };

/** Files that hold the secret, or another text. */
export function leftIn(disk: SimulatedDisk, path = "/store", text = SECRET): string[] {
  if (disk.statSync(path)?.isDirectory) {
    return disk.listSync(path).flatMap((name) => leftIn(disk, `${path}/${name}`, text));
  }
  return disk.readSync(path).includes(text) ? [path] : [];
}

/** A stream of sixty messages, one of which is secret. */
export async function begin(
  seed: number,
  options: StorageOptions,
  compression: "none" | "s2",
  secretAt = 2,
): Promise<[SimulatedRuntime, FileStorage, StreamStore]> {
  const world = simulatedRuntime({ seed });
  const storage = await world.clock.settle(openStorage(world, "/store", options));
  const store = storage.stream("S", { compression });
  await world.clock.settle(
    (async () => {
      let ticket = 0;
      for (let sequence = 1; sequence <= 60; sequence++) {
        const payload = sequence === secretAt ? SECRET : `text ${sequence} `.repeat(10);
        ticket = store.append(newMessage("a", "", payload), sequence, timesOf(BigInt(sequence)));
        if (sequence % 5 === 0) await durable(storage.commits, ticket);
      }
      await durable(storage.commits, ticket);
    })(),
  );
  assert.notDeepEqual(leftIn(world.disk), []);
  return [world, storage, store];
}

/** Small files, so that there are many. */
export const OPTIONS: StorageOptions = { limits: LIMITS };

/** Notes the files that go with the secret in them. */
export function watch(disk: SimulatedDisk): string[] {
  const gone: string[] = [];
  const look = (path: string): void => {
    if (disk.statSync(path)?.isDirectory === false && disk.readSync(path).includes(SECRET)) gone.push(path);
  };
  const { remove, rename } = disk;
  disk.remove = (path) => {
    look(path);
    return remove.call(disk, path);
  };
  disk.rename = (from, to) => {
    look(to);
    return rename.call(disk, from, to);
  };
  return gone;
}

/** Lets time pass. */
export const pass = (world: SimulatedRuntime, ms: number): Promise<void> =>
  world.clock.settle(new Promise<void>((go) => void world.clock.after(ms, go)));
