// Power cuts, full and failing disks, flipped bits: what was acknowledged is there, and what cannot be is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newMessage } from "../../../test/support/stream-model.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../runtime/simulated/index.js";
import { StoreError } from "./errors.js";
import { type FileStorage, openStorage } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import type { StorageOptions } from "./storage-options.js";
import { durable, type EntryLog, type StreamStore } from "./store.js";

const SMALL: StorageOptions = {
  limits: {
    segmentBytes: 4000,
    segmentMessages: 25,
    journalBytes: 5000,
    journalFiles: 4,
    chunkBytes: 700,
    logBytes: 500,
    openFiles: 4,
    cacheBytes: 20_000,
  },
};
const STREAMS = 3;
const RUNS = Number(process.env["NATSNODE_RUNS"] ?? 25);

function payloadOf(stream: number, sequence: number): string {
  return `${stream}/${sequence}/`.padEnd(20 + ((sequence * 37) % 300), "#");
}

/** Writers to a few streams that note what was acknowledged. */
class Writers {
  readonly acked = Array.from({ length: STREAMS }, () => new Set<number>());
  /** Sequences whose removal was asked for. */
  readonly removed = Array.from({ length: STREAMS }, () => new Set<number>());
  errors = 0;
  private readonly world: SimulatedRuntime;
  private storage: FileStorage;

  constructor(world: SimulatedRuntime, storage: FileStorage) {
    this.world = world;
    this.storage = storage;
  }

  use(storage: FileStorage): void {
    this.storage = storage;
  }

  append(stream: number): void {
    const store = this.storage.stream(`S${stream}`);
    const sequence = store.state.lastSequence + 1;
    const acked = this.acked[stream];
    try {
      const ticket = store.append(
        newMessage(`s.${sequence % 5}`, "", payloadOf(stream, sequence)),
        sequence,
        timesOf(1n),
      );
      this.storage.commits.whenDurable(ticket, {
        committed: (_, error) => {
          if (error === undefined) acked.add(sequence);
          else this.errors++;
        },
      });
    } catch (error) {
      assert.ok(error instanceof StoreError && ["STORE_FULL", "STORE_IO"].includes(error.code), String(error));
      this.errors++;
    }
  }

  remove(stream: number): void {
    const store = this.storage.stream(`S${stream}`);
    const { firstSequence, lastSequence, messages } = store.state;
    if (messages === 0) return;
    const sequence = firstSequence + this.world.random.below(lastSequence - firstSequence + 1);
    if (store.remove(sequence) !== undefined) this.removed[stream].add(sequence);
  }

  /** What was acknowledged and not removed, and cannot be read as it was. */
  async missing(): Promise<string[]> {
    const missing: string[] = [];
    for (let stream = 0; stream < STREAMS; stream++) {
      const store = this.storage.stream(`S${stream}`);
      for (const sequence of this.acked[stream]) {
        if (this.removed[stream].has(sequence)) continue;
        const message = await store.load(sequence);
        if (message?.payload.toString() !== payloadOf(stream, sequence)) missing.push(`${stream}/${sequence}`);
      }
    }
    return missing;
  }
}

function open(world: SimulatedRuntime, options: StorageOptions = {}): Promise<FileStorage> {
  return world.clock.settle(openStorage(world, "/store", { ...SMALL, ...options }));
}

/** A log that counts: its entries are numbers, a snapshot is the last one. */
class Counting {
  count = 0;
  acked = 0;
  private storage: FileStorage;

  constructor(storage: FileStorage) {
    this.storage = storage;
    this.log.snapshotter = () => Buffer.from(String(this.count));
  }

  private get log(): EntryLog {
    return this.storage.log("counting");
  }

  next(): void {
    const number = this.count + 1;
    try {
      const ticket = this.log.append(Buffer.from(String(number).padEnd(40, " ")));
      this.storage.commits.whenDurable(ticket, {
        committed: (_, error) => {
          if (error === undefined) this.acked = Math.max(this.acked, number);
        },
      });
    } catch {
      return;
    }
    this.count = number;
  }

  recover(storage: FileStorage): void {
    this.storage = storage;
    const { snapshot, entries } = this.log.recover();
    const numbers = [...(snapshot === undefined ? [0] : [snapshot]), ...entries].map(Number);
    for (const [at, number] of numbers.entries()) assert.equal(number, numbers[0] + at, "an entry is missing");
    this.count = numbers[numbers.length - 1];
    assert.ok(this.count >= this.acked, `${this.count} of ${this.acked} entries are left`);
    this.log.snapshotter = () => Buffer.from(String(this.count));
  }
}

/** Lets writers work for a while: turns with a few writes each. */
async function work(world: SimulatedRuntime, writers: Writers, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    const writes = world.random.below(6);
    for (let i = 0; i < writes; i++) writers.append(world.random.below(STREAMS));
    if (world.random.below(3) === 0) writers.remove(world.random.below(STREAMS));
    await world.clock.advance(world.random.float() * 6);
  }
}

function filesBelow(world: SimulatedRuntime, path: string): string[] {
  if (world.disk.statSync(path)?.isDirectory !== true) return [path];
  return world.disk.listSync(path).flatMap((name) => filesBelow(world, `${path}/${name}`));
}

test("power cuts at any moment lose nothing that was acknowledged", async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.array(fc.nat(60), { minLength: 1, maxLength: 6 }),
    async (seed, lives) => {
      const world = simulatedRuntime({ seed });
      const writers = new Writers(world, await open(world));
      for (const turns of lives) {
        await work(world, writers, turns);
        world.crash({ torn: true });
        world.restart();
        const storage = await open(world);
        writers.use(storage);
        assert.deepEqual(await world.clock.settle(writers.missing()), []);
        assert.deepEqual(storage.problems, []);
      }
    },
  );
  await fc.assert(property, { includeErrorInReport: true, numRuns: 60 });
});

test("a kill, and a power cut soon after the next start, lose nothing that was acknowledged", async () => {
  const property = fc.asyncProperty(fc.nat(), fc.nat(80), fc.nat(10), async (seed, turns, more) => {
    const world = simulatedRuntime({ seed });
    let storage = await open(world);
    const writers = new Writers(world, storage);
    const counting = new Counting(storage);
    for (let turn = 0; turn < turns; turn++) {
      counting.next();
      await work(world, writers, 1);
    }
    world.kill();
    for (const isLast of [false, true]) {
      storage = await open(world);
      writers.use(storage);
      counting.recover(storage);
      // What is there now counts.
      for (let stream = 0; stream < STREAMS; stream++) {
        const { firstSequence, lastSequence } = storage.stream(`S${stream}`).state;
        for (let at = firstSequence; at <= lastSequence; at++) {
          if (storage.stream(`S${stream}`).has(at)) writers.acked[stream].add(at);
        }
      }
      counting.acked = counting.count;
      assert.deepEqual(await world.clock.settle(writers.missing()), [], `${isLast}`);
      await work(world, writers, more);
      world.crash({ torn: true });
      world.restart();
    }
  });
  await fc.assert(property, { includeErrorInReport: true, numRuns: 4 * RUNS });
});

test("a full or failing disk refuses writes by name, and takes them again when it can", async () => {
  const property = fc.asyncProperty(fc.nat(), fc.constantFrom("ENOSPC", "EIO"), async (seed, code) => {
    const world = simulatedRuntime({ seed });
    let storage = await open(world);
    const writers = new Writers(world, storage);
    for (let round = 0; round < 4; round++) {
      await work(world, writers, 20);
      const operation = world.random.below(2) === 0 ? "write" : "sync";
      world.disk.fail({ operation, code, times: 1 + world.random.below(40), torn: true, skip: world.random.below(5) });
      await work(world, writers, 20);
      assert.deepEqual(await world.clock.settle(writers.missing()), []);
    }
    world.disk.repair();
    await world.clock.advance(20_000);
    assert.equal(storage.failure, undefined);
    const ticket = storage
      .stream("S0")
      .append(newMessage("s", "", "x"), storage.stream("S0").state.lastSequence + 1, timesOf(1n));
    await world.clock.settle(durable(storage.commits, ticket));
    world.crash({ torn: true });
    world.restart();
    storage = await open(world);
    writers.use(storage);
    assert.deepEqual(await world.clock.settle(writers.missing()), []);
  });
  await fc.assert(property, { includeErrorInReport: true, numRuns: 40 });
});

const OPERATIONS = [
  "open",
  "read",
  "truncate",
  "sync",
  "syncDirectory",
  "stat",
  "list",
  "makeDirectory",
  "rename",
  "remove",
] as const;

test("calls of the disk that fail, whichever they are, lose nothing", async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.boolean(),
    fc.array(fc.record({ operation: fc.constantFrom(...OPERATIONS), skip: fc.nat(12), times: fc.nat(3) }), {
      minLength: 1,
      maxLength: 6,
    }),
    async (seed, isEncrypted, faults) => {
      const world = simulatedRuntime({ seed });
      const keys = ["a", "b"];
      let storage = await open(world);
      const writers = new Writers(world, storage);
      const counting = new Counting(storage);
      const goOn = async (turns: number): Promise<void> => {
        for (let turn = 0; turn < turns; turn += 3) {
          counting.next();
          await work(world, writers, 3);
        }
      };
      for (const { operation, skip, times } of faults) {
        await goOn(15);
        world.disk.fail({ operation, code: "EIO", skip, times: 1 + times });
        await goOn(30);
        world.disk.repair();
        assert.deepEqual(await world.clock.settle(writers.missing()), []);
        assert.deepEqual(storage.problems, []);
        if (world.random.below(3) > 0) continue;
        world.crash({ torn: true });
        world.restart();
        keys.reverse();
        storage = await open(world, isEncrypted ? { cipher: "aes", key: keys[0], previousKey: keys[1] } : {});
        writers.use(storage);
        counting.recover(storage);
        assert.deepEqual(await world.clock.settle(writers.missing()), [], "after a power cut");
        assert.deepEqual(storage.problems, []);
      }
    },
  );
  await fc.assert(property, { includeErrorInReport: true, numRuns: RUNS });
});

test("without room a stream can be purged and deleted, and then goes on", async () => {
  const world = simulatedRuntime({ seed: 3 });
  const storage = await open(world);
  const store = storage.stream("S");
  const failures: (string | undefined)[] = [];
  storage.onFailure = (failure) => failures.push(failure?.code);
  world.disk.capacityBytes = 60_000;
  await fill(world, store);
  assert.throws(() => append(store), { code: "STORE_FULL" });
  const first = await world.clock.settle(Promise.resolve(store.load(1)));
  assert.equal(first?.payload.length, 500);
  store.purge();
  await world.clock.advance(20_000);
  const ticket = append(store);
  await world.clock.settle(durable(storage.commits, ticket));
  assert.deepEqual([failures[0], failures.at(-1)], ["STORE_FULL", undefined]);
});

function append(store: StreamStore): number {
  return store.append(newMessage("a", "", "x".repeat(500)), store.state.lastSequence + 1, timesOf(1n));
}

async function fill(world: SimulatedRuntime, store: StreamStore): Promise<void> {
  for (let i = 0; i < 150; i++) {
    try {
      append(store);
    } catch (error) {
      assert.ok(error instanceof StoreError && error.code === "STORE_FULL");
      return;
    }
    await world.clock.advance(20);
  }
}

test("flipped bits cost what they hit, and no more", async () => {
  const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 20, max: 120 }), async (seed, turns) => {
    const world = simulatedRuntime({ seed });
    const first = await open(world);
    const writers = new Writers(world, first);
    await work(world, writers, turns);
    if (seed % 2 === 0) {
      await world.clock.advance(1000);
      await world.clock.settle(first.close());
    }
    world.crash();
    world.restart();
    const files = filesBelow(world, "/store").filter((path) => (world.disk.statSync(path)?.sizeBytes ?? 0) > 0);
    const hit = files[world.random.below(files.length)];
    world.disk.flipBits(hit);
    const storage = await open(world);
    writers.use(storage);
    const missing = await world.clock.settle(writers.missing());
    // One record of a segment or of the journal; in the last write, which may not have been durable, what removed others.
    assert.ok(missing.length <= 1, `${hit}: ${missing.join(" ")}`);
  });
  await fc.assert(property, { includeErrorInReport: true, numRuns: 80 });
});
