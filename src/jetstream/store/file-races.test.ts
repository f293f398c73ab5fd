// What happens at the same time in a storage: reads while segments are written anew, writes while the journal is wiped.
import assert from "node:assert/strict";
import { test } from "node:test";
import { newMessage } from "../../../test/support/stream-model.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../runtime/simulated/index.js";
import { type FileStorage, openStorage } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import type { StorageOptions } from "./storage-options.js";
import { durable, type StoredMessage } from "./store.js";

const SMALL: StorageOptions = {
  limits: {
    segmentBytes: 6000,
    segmentMessages: 40,
    journalBytes: 5000,
    journalFiles: 4,
    chunkBytes: 700,
    logBytes: 500,
    openFiles: 8,
    cacheBytes: 2000,
  },
};

const open = (world: SimulatedRuntime): Promise<FileStorage> => world.clock.settle(openStorage(world, "/store", SMALL));
const payloadOf = (sequence: number): string => `${sequence}/`.padEnd(100 + ((sequence * 13) % 90), "#");

test("readers find every message while segments are written anew", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = simulatedRuntime({ seed });
    const storage = await open(world);
    const store = storage.stream("S");
    const wrong: number[] = [];
    let reads = 0;
    const read = async (): Promise<void> => {
      const sequence = store.state.firstSequence + world.random.below(Math.max(1, store.state.messages));
      const wasThere = store.has(sequence);
      const message = await store.load(sequence);
      reads++;
      if (wasThere && store.has(sequence) && message?.payload.toString() !== payloadOf(sequence)) wrong.push(sequence);
    };
    for (let sequence = 1; sequence <= 400; sequence++) {
      store.append(newMessage("s", "", payloadOf(sequence)), sequence, timesOf(1n));
      if (sequence > 10 && sequence % 3 > 0) store.remove(sequence - 10);
      void read();
      void read();
      await world.clock.advance(world.random.float() * 2);
    }
    await world.clock.advance(1000);
    assert.deepEqual([wrong, storage.problems], [[], []], `seed ${seed}`);
    assert.ok(reads > 400);
    await world.clock.settle(storage.close());
  }
});

test("what is written while the journal is wiped is there after a kill", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = simulatedRuntime({ seed });
    let storage = await open(world);
    let store = storage.stream("S");
    const acked = new Set<number>();
    const erased = new Set<number>();
    for (let sequence = 1; sequence <= 150; sequence++) {
      const ticket = store.append(newMessage("s", "", payloadOf(sequence)), sequence, timesOf(1n));
      const { commits } = storage;
      commits.whenDurable(ticket, { committed: (_, error) => void (error === undefined && acked.add(sequence)) });
      if (sequence % 9 === 0) {
        erased.add(sequence - 5);
        store.erase(sequence - 5).catch(() => {});
      }
      await world.clock.advance(world.random.float() * 4);
    }
    await world.clock.settle(durable(storage.commits, storage.log("fence").append(Buffer.from("x"))));
    world.kill();
    storage = await open(world);
    store = storage.stream("S");
    for (const sequence of acked) {
      if (erased.has(sequence)) continue;
      const message = await world.clock.settle(Promise.resolve(store.load(sequence)));
      assert.equal(message?.payload.toString(), payloadOf(sequence), `seed ${seed}: ${sequence}`);
    }
    assert.ok(acked.size > 100);
    assert.deepEqual(storage.problems, [], `seed ${seed}`);
  }
});

test("files of the journal that are written again while it is wiped keep what was acknowledged", async () => {
  let checked = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const world = simulatedRuntime({ seed });
    let storage = await open(world);
    let store = storage.stream("S");
    const erased = new Set<number>();
    const acked: number[] = [];
    // Large enough that files of the journal take turns.
    const payload = (sequence: number): string => `${sequence}/`.padEnd(2500, "#");
    const last = 40 + world.random.below(40);
    for (let sequence = 1; sequence <= last; sequence++) {
      const ticket = store.append(newMessage("s", "", payload(sequence)), sequence, timesOf(1n));
      const { commits } = storage;
      commits.whenDurable(ticket, { committed: (_, error) => void (error === undefined && acked.push(sequence)) });
      if (sequence % 10 === 0 || sequence === last - 4) {
        erased.add(sequence - 5);
        store.erase(sequence - 5).catch(() => {});
      }
      await world.clock.advance(world.random.float() * 3);
    }
    // At once: what is taken over later would hide what the journal lacks.
    world.kill();
    storage = await open(world);
    store = storage.stream("S");
    for (const sequence of acked) {
      if (erased.has(sequence)) continue;
      const message = await world.clock.settle(Promise.resolve(store.load(sequence)));
      assert.ok(message?.payload.toString() === payload(sequence), `seed ${seed}: ${sequence} is lost`);
      checked++;
    }
    assert.deepEqual(storage.problems, [], `seed ${seed}`);
  }
  assert.ok(checked > 500);
});

test("what comes while the storage closes is refused, and ends nothing", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = simulatedRuntime({ seed });
    const storage = await open(world);
    const store = storage.stream("S");
    for (let sequence = 1; sequence <= 60; sequence++) {
      store.append(newMessage("s", "", payloadOf(sequence)), sequence, timesOf(1n));
    }
    const log = storage.log("log");
    let isClosed = false;
    let written = 0;
    const closed = storage.close().then(() => {
      isClosed = true;
    });
    while (!isClosed) {
      try {
        log.beforeEnd(() => void (log.append(Buffer.from("late")) && written++));
        store.remove(1 + world.random.below(60));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "STORE_CLOSED");
      }
      await world.clock.advance(world.random.float());
    }
    await closed;
    assert.ok(written > 0);
    await open(world);
  }
});

test("who has a message keeps it as it was, while the journal's memory is used again", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const storage = await open(world);
  const store = storage.stream("S");
  const kept: StoredMessage[] = [];
  for (let sequence = 1; sequence <= 400; sequence++) {
    store.append(newMessage("s", "", payloadOf(sequence)), sequence, timesOf(1n));
    if (sequence % 7 === 0) kept.push((await store.load(sequence)) as StoredMessage);
    await world.clock.advance(1);
  }
  await world.clock.settle(storage.close());
  assert.equal(kept.length, 57);
  for (const { sequence, payload } of kept) assert.equal(payload.toString(), payloadOf(sequence));
});

test("logs that are written anew while streams take over hold up no write", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = simulatedRuntime({ seed });
    const limits = { segmentBytes: 4000, journalBytes: 5000, journalFiles: 4, chunkBytes: 700, logBytes: 500 };
    const storage = await world.clock.settle(openStorage(world, "/store", { limits }));
    const logs = ["L", "M"].map((key) => storage.log(key));
    for (const log of logs) log.snapshotter = () => Buffer.alloc(200);
    for (let round = 0; round < 80; round++) {
      for (const key of ["A", "B", "C"]) {
        const store = storage.stream(key);
        const sequence = store.state.lastSequence + 1;
        const payload = "x".repeat(world.random.below(400));
        store.append(newMessage("a", "", payload), sequence, timesOf(1n));
        store.remove(1 + world.random.below(sequence));
      }
      const tickets = logs.map((log) => log.append(Buffer.from(`entry ${round}`)));
      await world.clock.settle(durable(storage.commits, Math.max(...tickets)));
      await world.clock.advance(world.random.float() * 5);
    }
    assert.equal(storage.stream("C").state.lastSequence, 80);
  }
});
