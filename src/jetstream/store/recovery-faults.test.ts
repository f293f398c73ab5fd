// Recoveries in which a call of the disk fails: the storage opens, what can be read is served with what it was, everything else
// goes on, and once the disk is well again everything is back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { newMessage } from "../../../test/support/stream-model.js";
import { platformError } from "../../runtime/errors.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../runtime/simulated/index.js";
import { type FileStorage, openStorage } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import type { StorageOptions } from "./storage-options.js";
import { durable } from "./store.js";

const OPTIONS: StorageOptions = {
  limits: {
    segmentBytes: 4000,
    segmentMessages: 25,
    journalBytes: 5000,
    journalFiles: 4,
    chunkBytes: 700,
    logBytes: 500,
  },
};
const STREAMS = ["A", "B", "C"];
const LOGS = ["L", "M"];
const ROUNDS = 40;
const RUNS = Number(process.env["NATSNODE_RUNS"] ?? 2);
/** Of the calls one in so many, others with each history; all of them where the number of runs is given. */
const STEP = process.env["NATSNODE_RUNS"] === undefined ? 37 : 1;
const isLeftOut = (at: number, seed: number): boolean => at % STEP !== seed % STEP;

/** What a file is read in that is not read as a whole. */
const PIECE_BYTES = 4096;

type Call = readonly [operation: string, path: string];

/** What was confirmed. */
interface Known {
  readonly streams: Map<string, Map<number, string>>;
  readonly logs: Map<string, string[]>;
}

function open(world: SimulatedRuntime): Promise<FileStorage> {
  return world.clock.settle(openStorage(world, "/store", OPTIONS));
}

/** Calls back before each call of the disk that it could fail. */
function watch(world: SimulatedRuntime, before: (operation: string, path: string) => void): void {
  const { disk } = world;
  const { failWhenTold, store } = Object.getPrototypeOf(disk) as typeof disk;
  disk.failWhenTold = (operation, path) => {
    before(operation, path);
    failWhenTold.call(disk, operation, path);
  };
  disk.store = (file, path, data, position) => {
    before("write", path);
    store.call(disk, file, path, data, position);
  };
}

async function write(world: SimulatedRuntime, storage: FileStorage, known: Known, rounds: number): Promise<void> {
  const { random } = world;
  for (let round = 0; round < rounds; round++) {
    const tickets: number[] = [];
    for (const key of STREAMS) {
      const store = storage.stream(key, { compression: key === "B" ? "s2" : "none" });
      if (store.unread !== undefined) continue;
      const messages = known.streams.get(key) as Map<number, string>;
      for (let count = random.below(3); count >= 0; count--) {
        const sequence = store.state.lastSequence + 1;
        const payload = `${key}/${sequence}/`.padEnd(20 + random.below(200), "#");
        tickets.push(store.append(newMessage(`s.${sequence % 3}`, "", payload), sequence, timesOf(1n)));
        messages.set(sequence, payload);
      }
      const gone = 1 + random.below(store.state.lastSequence);
      if (random.below(3) > 0) tickets.push(store.remove(gone) ?? 0);
      else if (random.below(10) === 0) tickets.push(store.purge({ below: gone }).ticket);
      for (const sequence of messages.keys()) if (!store.has(sequence)) messages.delete(sequence);
    }
    for (const key of LOGS) {
      const entries = known.logs.get(key) as string[];
      const log = storage.log(key);
      if (log.unread !== undefined) continue;
      log.snapshotter = () => Buffer.from(entries.join(","));
      const entry = `${key}${entries.length}`;
      tickets.push(log.append(Buffer.from(entry)));
      entries.push(entry);
    }
    await world.clock.settle(durable(storage.commits, Math.max(...tickets)));
    await world.clock.advance(random.float() * 5);
  }
}

/** A history that ends with a power cut, or with a damaged record that the journal has too. */
async function begin(seed: number, damaged?: number): Promise<[SimulatedRuntime, Known]> {
  const world = simulatedRuntime({ seed });
  const storage = await open(world);
  const known: Known = {
    streams: new Map(STREAMS.map((key) => [key, new Map()])),
    logs: new Map(LOGS.map((key) => [key, []])),
  };
  await write(world, storage, known, ROUNDS);
  const gone = storage.stream("GONE");
  await world.clock.settle(durable(storage.commits, gone.append(newMessage("a", "", "x"), 1, timesOf(1n))));
  await write(world, storage, known, 20);
  await world.clock.settle(durable(storage.commits, gone.delete()));
  if (seed % 2 === 0) await world.clock.advance(1000);
  world.crash({ torn: true });
  world.restart();
  if (damaged !== undefined) await world.clock.settle(damageOneRecord(world, damaged));
  if (seed % 3 === 1) await world.clock.settle(leaveReplaced(world));
  return [world, known];
}

/** Changes one byte of a record in a segment that is not its stream's last one: the nth from the end. */
async function damageOneRecord(world: SimulatedRuntime, nth: number): Promise<void> {
  const { disk } = world;
  const all = segments(world);
  const records = all.flatMap((path, at) => {
    const isLast = path.slice(0, path.lastIndexOf("/")) !== all[at + 1]?.slice(0, path.lastIndexOf("/"));
    const text = disk.readSync(path).toString("latin1");
    return isLast ? [] : Array.from(text.matchAll(/[AC]\/\d+\/#*/g), ({ index }) => ({ path, index }));
  });
  const record = records.at(-1 - nth);
  assert.ok(record !== undefined);
  const file = await disk.open(record.path, "update");
  await file.write([Buffer.alloc(1)], record.index);
  await file.sync();
  const indexPath = record.path.replace(/seg$/, "idx");
  if (disk.statSync(indexPath) === undefined) return;
  await disk.remove(indexPath);
  await disk.syncDirectory(record.path.slice(0, record.path.lastIndexOf("/")));
}

/** A record that the journal has, too: which one of a history to damage. */
async function inJournal(seed: number): Promise<number> {
  for (let nth = 0; ; nth++) {
    const [world, known] = await begin(seed, nth);
    const before = segments(world).map((path) => world.disk.readSync(path).toString("latin1"));
    const storage = await open(world);
    const isBack = segments(world).some((path, at) => world.disk.readSync(path).toString("latin1") !== before[at]);
    if (isBack && storage.problems.length === 0 && (await missing(world, storage, known, true)).length === 0)
      return nth;
  }
}

/** As an erase leaves it whose power goes between two renames. */
async function leaveReplaced(world: SimulatedRuntime): Promise<void> {
  const [path = ""] = segments(world);
  await world.disk.rename(path, `${path}.replaced`);
  await world.disk.syncDirectory(path.slice(0, path.lastIndexOf("/")));
}

function segments({ disk }: SimulatedRuntime): string[] {
  return disk
    .listSync("/store/streams")
    .flatMap((stream) => disk.listSync(`/store/streams/${stream}`).map((name) => `/store/streams/${stream}/${name}`))
    .filter((path) => path.endsWith(".seg"));
}

/** What is not as it was confirmed, of those that are not told to be unreadable; with `all` of all. */
async function missing(world: SimulatedRuntime, storage: FileStorage, known: Known, all: boolean): Promise<string[]> {
  const missed: string[] = [];
  for (const [key, messages] of known.streams) {
    const store = storage.stream(key);
    const isWhole = store.unread === undefined;
    if (all && !isWhole) missed.push(`${key} cannot be read`);
    for (let sequence = 1; sequence <= store.state.lastSequence; sequence++) {
      // What was removed last only the journal says.
      if (!store.has(sequence) || messages.has(sequence) || storage.failure !== undefined) continue;
      missed.push(`${key}/${sequence} was removed`);
    }
    for (const [sequence, payload] of messages) {
      if (!isWhole && !store.has(sequence)) continue;
      const stored = await world.clock.settle(Promise.resolve(store.load(sequence)).catch((error) => error as Error));
      if (stored instanceof Error && !isWhole) continue;
      const text = stored instanceof Error ? stored.message : stored?.payload.toString();
      if (text !== payload) missed.push(`${key}/${sequence}: ${text}`);
    }
  }
  for (const [key, entries] of known.logs) {
    const log = storage.log(key);
    if (all && log.unread !== undefined) missed.push(`${key} cannot be read`);
    if (log.unread !== undefined) continue;
    const { snapshot, entries: found } = log.recover();
    const text = [...(snapshot === undefined ? [] : [snapshot]), ...found].join(",");
    if (text !== entries.join(",")) missed.push(`${key}: ${text}`);
  }
  return missed;
}

/** Which record of a history is damaged, if any, and the calls of the disk that its recovery makes. */
async function callsOf(seed: number): Promise<{ damaged: number | undefined; calls: Call[] }> {
  const damaged = seed % 3 === 0 ? await inJournal(seed) : undefined;
  const calls: Call[] = [];
  const [world] = await begin(seed, damaged);
  watch(world, (operation, path) => calls.push([operation, path]));
  await open(world);
  return { damaged, calls };
}

// One history with a damaged record, one with a segment that is to be put back, and, for more runs, more of both.
for (let seed = 3; seed < 3 + RUNS; seed++) {
  const recovery = callsOf(seed);

  test(`any call of a recovery may fail once, history ${seed}`, async () => {
    const { damaged, calls } = await recovery;
    for (const [target, [operation, path]] of calls.entries()) {
      if (isLeftOut(target, seed)) continue;
      const name = `${operation} ${path}`;
      const [world, known] = await begin(seed, damaged);
      let call = 0;
      watch(world, () => {
        if (call++ === target) throw platformError("EIO", operation, path);
      });
      const storage = await open(world);
      assert.deepEqual(await missing(world, storage, known, false), [], name);
      await write(world, storage, known, 30);
      world.crash({ torn: true });
      world.restart();
      assert.deepEqual(await missing(world, await open(world), known, true), [], `${name}, at the next start`);
    }
  });

  test(`any call of a recovery may go on failing for a file, history ${seed}`, async () => {
    const { damaged, calls } = await recovery;
    for (const [at, name] of [...new Set(calls.map((call) => call.join(" ")))].entries()) {
      if (isLeftOut(at, seed)) continue;
      if (name.endsWith("natsnode.json") || / (\.|\/|\/store)$/.test(name)) continue;
      const [world, known] = await begin(seed, damaged);
      let isWell = false;
      watch(world, (operation, path) => {
        if (!isWell && name === `${operation} ${path}`) throw platformError("EIO", operation, path);
      });
      const storage = await open(world);
      assert.deepEqual(await missing(world, storage, known, false), [], name);
      isWell = true;
      const others = STREAMS.filter((key) => storage.stream(key).unread === undefined);
      if (storage.failure === undefined) {
        assert.ok(others.length >= STREAMS.length - 1, `${name} stops ${STREAMS.length - others.length} streams`);
        await write(world, storage, known, 60);
      } else assert.ok(/ \/store\/\w+(\/\d+\.log)?$/.test(name), `${name} stops all writes`);
      world.crash({ torn: true });
      world.restart();
      const again = await open(world);
      assert.deepEqual(await missing(world, again, known, true), [], `${name}, once the disk is well`);
      await write(world, again, known, 30);
      assert.deepEqual(
        world.disk.statSync("/store/held") && world.disk.listSync("/store/held"),
        world.disk.statSync("/store/held") && [],
        name,
      );
      world.crash({ torn: true });
      world.restart();
      assert.deepEqual(await missing(world, await open(world), known, true), [], `${name}, two starts later`);
    }
  });
}

// Of forty kilobytes: the first piece, one in the middle, and the one with the last frame.
for (const bad of [0, 3, 9]) {
  test(`piece ${bad} of a journal's file that cannot be read at one start costs nothing`, async () => {
    const world = simulatedRuntime({ seed: 1 });
    const storage = await world.clock.settle(openStorage(world, "/store"));
    const store = storage.stream("A");
    const path = "/store/journal/1.log";
    let sequence = 0;
    while (sequence < 400 && lastWrite(world, path) < 9.5 * PIECE_BYTES) {
      const ticket = store.append(newMessage("a", "", "x".repeat(100)), ++sequence, timesOf(1n));
      await world.clock.settle(durable(storage.commits, ticket));
    }
    world.kill();
    const { open: openFile } = world.disk;
    world.disk.open = async (name, ...rest) => {
      const file = await openFile.call(world.disk, name, ...rest);
      const { read } = file;
      if (name !== path) return file;
      file.read = (into, position) => {
        const isBad = position <= bad * PIECE_BYTES && position + into.length > bad * PIECE_BYTES;
        return isBad ? Promise.reject(platformError("EIO", "read", name)) : read.call(file, into, position);
      };
      return file;
    };
    const failing = await world.clock.settle(openStorage(world, "/store"));
    assert.equal(failing.failure?.code, "STORE_IO");
    assert.match(failing.problems[0]?.message ?? "", /the journal or the folders cannot be read/);
    assert.equal(world.disk.statSync("/store/quarantine"), undefined);
    await world.clock.settle(failing.close());
    world.disk.open = openFile;
    const again = await world.clock.settle(openStorage(world, "/store"));
    assert.deepEqual([again.problems, again.stream("A").state.messages], [[], sequence]);
  });
}

/** Where a file's last byte is that is not zero. */
function lastWrite({ disk }: SimulatedRuntime, path: string): number {
  return disk.statSync(path) === undefined ? 0 : disk.readSync(path).findLastIndex((byte) => byte !== 0);
}
