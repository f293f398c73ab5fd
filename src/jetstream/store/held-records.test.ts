// What is kept of streams that cannot be read at a start: it is taken over at the next one, whatever became of its file.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, leftIn, OPTIONS, pass, watch } from "../../../test/support/erasing.js";
import { newMessage } from "../../../test/support/stream-model.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../runtime/simulated/index.js";
import { type FileStorage, openStorage } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import type { StorageOptions } from "./storage-options.js";
import { durable } from "./store.js";

const HELD = "/store/held/1.log";

async function write(world: SimulatedRuntime, storage: FileStorage, key: string, count: number): Promise<void> {
  const store = storage.stream(key);
  for (; count > 0; count--) {
    const ticket = store.append(newMessage("a", "", "x".repeat(100)), store.state.lastSequence + 1, timesOf(1n));
    await world.clock.settle(durable(storage.commits, ticket));
  }
}

/** A start at which the stream S cannot be read, and writes to another one until what the journal has of S is held. */
async function hold(world: SimulatedRuntime, options: StorageOptions): Promise<void> {
  const { disk, clock } = world;
  for (const operation of ["open", "read"] as const) {
    disk.fail({ operation, code: "EIO", path: "00000001.seg", times: Number.POSITIVE_INFINITY });
  }
  const storage = await clock.settle(openStorage(world, "/store", options));
  assert.match(String(storage.stream("S").unread), /the stream S cannot be read/);
  disk.repair();
  while (disk.statSync(HELD) === undefined) await write(world, storage, "T", 1);
  await pass(world, 5000);
  await clock.settle(storage.close());
}

for (const [what, options] of [
  ["plain", OPTIONS],
  ["encrypted", { ...OPTIONS, cipher: "aes", key: "a key" }],
] satisfies [string, StorageOptions][]) {
  test(`a bad byte in the header of what is held costs no stream, ${what}`, async () => {
    const world = simulatedRuntime({ seed: 1 });
    const { clock } = world;
    const storage = await clock.settle(openStorage(world, "/store", options));
    await write(world, storage, "S", 60);
    await pass(world, 100);
    world.kill();
    await hold(world, options);
    const bytes = Buffer.from(world.disk.readSync(HELD));
    bytes[46] ^= 1;
    world.disk.writeSync(HELD, bytes);
    const again = await clock.settle(openStorage(world, "/store", options));
    assert.match(again.problems.map(({ message }) => message).join(), /^\d+ bytes of .*held\/1.log cannot be read$/);
    assert.equal(again.stream("S").state.messages, 60);
    await pass(world, 5000);
    assert.equal(world.disk.statSync(HELD), undefined);
  });
}

test("what is held is written over before it goes, also what did not get its name any more", async () => {
  const [world, storage, store] = await begin(1, {}, "none");
  const { disk, clock } = world;
  for (const operation of ["write", "rename"] as const) {
    disk.fail({ operation, code: "EIO", path: ".seg", times: Number.POSITIVE_INFINITY });
  }
  await assert.rejects(clock.settle(store.erase(2)));
  assert.equal(storage.failure, undefined);
  const gone = watch(disk);
  world.kill();
  disk.repair();
  disk.fail({ operation: "stat", code: "EIO", path: "S~1", times: Number.POSITIVE_INFINITY });
  const failing = await clock.settle(openStorage(world, "/store"));
  disk.repair();
  await pass(world, 2000);
  await clock.settle(failing.close());
  assert.ok(leftIn(disk).includes(HELD));
  // Held once more, instead of what was held before.
  disk.fail({ operation: "stat", code: "EIO", path: "S~1", times: Number.POSITIVE_INFINITY });
  const failingAgain = await clock.settle(openStorage(world, "/store"));
  disk.repair();
  await pass(world, 2000);
  await clock.settle(failingAgain.close());
  assert.deepEqual([leftIn(disk).includes(HELD), gone], [true, []]);
  disk.writeSync(`${HELD}.new`, disk.readSync(HELD));
  // The first try does not come to its end.
  disk.fail({ operation: "sync", code: "EIO", path: "1.log.wipe" });
  const again = await clock.settle(openStorage(world, "/store"));
  await pass(world, 900_000);
  assert.deepEqual([again.problems, again.stream("S").has(2), leftIn(disk), gone], [[], false, [], []]);
  assert.deepEqual(disk.listSync("/store/held"), []);
});

test("what was held and could not get its place any more counts from where it is", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const { clock, disk } = world;
  const storage = await clock.settle(openStorage(world, "/store", OPTIONS));
  await write(world, storage, "S", 60);
  world.kill();
  await hold(world, OPTIONS);
  disk.writeSync(`${HELD}.replaced`, disk.readSync(HELD));
  disk.writeSync(HELD, Buffer.alloc(0));
  await clock.settle(disk.remove(HELD));
  disk.fail({ operation: "rename", code: "EIO", path: HELD, times: 3 });
  const again = await clock.settle(openStorage(world, "/store", OPTIONS));
  assert.deepEqual([again.problems, again.stream("S").state.messages], [[], 60]);
  await pass(world, 5000);
  assert.deepEqual(disk.listSync("/store/held"), []);
});

test("the removals of a stream that are held, with a higher id, are taken for no log of its own", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const { clock, disk } = world;
  const storage = await clock.settle(openStorage(world, "/store", OPTIONS));
  for (const key of ["A", "B", "C", "D"]) await write(world, storage, key, 1);
  await write(world, storage, "S", 5);
  await clock.settle(durable(storage.commits, storage.stream("S").removeAll([2, 4]).ticket));
  world.kill();
  disk.fail({ operation: "stat", code: "EIO", path: "S~9", times: Number.POSITIVE_INFINITY });
  disk.fail({ operation: "open", code: "EIO", path: "S~9/removed.log", times: Number.POSITIVE_INFINITY });
  disk.fail({ operation: "stat", code: "EIO", path: "S~9/removed.log", times: Number.POSITIVE_INFINITY });
  const failing = await clock.settle(openStorage(world, "/store", OPTIONS));
  assert.match(String(failing.stream("S").unread), /the stream S cannot be read/);
  disk.repair();
  for (let turn = 0; turn < 100; turn++) await write(world, failing, "T", 1);
  await pass(world, 5000);
  await clock.settle(failing.close());
  assert.deepEqual(disk.listSync("/store/held").sort(), ["10.log", "9.log"]);
  const again = await clock.settle(openStorage(world, "/store", OPTIONS));
  assert.deepEqual([again.problems, [...again.logs.keys()]], [[], []]);
  assert.equal(again.stream("S").state.messages, 3);
});
