// Streams and logs on a simulated disk: what is told is there again after a restart.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newMessage, type Operation, operation, StreamModel } from "../../../test/support/stream-model.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../runtime/simulated/index.js";
import { fileNameOf, keyInName } from "./file-header.js";
import { type FileStorage, openStorage } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import { markOf } from "./root.js";
import type { StorageOptions } from "./storage-options.js";
import { durable } from "./store.js";

const SMALL: StorageOptions = {
  limits: {
    segmentBytes: 3000,
    segmentMessages: 17,
    journalBytes: 4000,
    journalFiles: 4,
    chunkBytes: 700,
    logBytes: 500,
    openFiles: 3,
    cacheBytes: 10_000,
  },
};

function open(world: SimulatedRuntime, options: StorageOptions = SMALL): Promise<FileStorage> {
  return world.clock.settle(openStorage(world, "/store", options));
}

/** Runs something in virtual time. */
function during<T>(world: SimulatedRuntime, run: () => Promise<T>): Promise<T> {
  return world.clock.settle(run());
}

test("a message is there again", async () => {
  const world = simulatedRuntime({ seed: 1 });
  let storage = await open(world);
  const store = storage.stream("A/S");
  const ticket = store.append(newMessage("a.b", "NATS/1.0\r\n\r\n", "hello"), 1, timesOf(1_500_000_000n));
  assert.equal(storage.commits.durable < ticket, true);
  await during(world, () => durable(storage.commits, ticket));
  world.crash();
  world.restart();
  storage = await open(world);
  const again = storage.streams.get("A/S");
  assert.ok(again);
  const message = await during(world, async () => again.load(1));
  assert.equal(message?.payload.toString(), "hello");
  assert.equal(again.state.lastTimeNs, 1_500_000_000n);
  assert.deepEqual(storage.problems, []);
});

for (const key of ["$G/S/48abcdef", `$G/${"a long name ".repeat(20)}/4`]) {
  test(`a stream whose folder is there without its files is found by its key: ${key.slice(0, 13)}`, async () => {
    const world = simulatedRuntime({ seed: 1 });
    let storage = await open(world);
    const store = storage.stream(key);
    const ticket = store.append(newMessage("a", "", "hello"), 1, timesOf(1n));
    await during(world, () => durable(storage.commits, ticket));
    const { id } = storage.streams.get(key) as unknown as { id: number };
    world.crash();
    world.restart();
    world.disk.makeDirectorySync(`/store/streams/${fileNameOf(key, id)}`);
    storage = await open(world);
    assert.deepEqual([...storage.streams.keys()], [key]);
    assert.equal(storage.streams.get(key)?.state.messages, 1);
  });
}

test("a key stands in the name of its file", () => {
  for (const key of ["$G/S/48abcdef", "A B/f00", "\xe9/1"]) assert.equal(keyInName(fileNameOf(key, 7)), key);
});

async function checkModel(
  operations: readonly (Operation | "reopen" | "crash" | "settle")[],
  seed: number,
  options: StorageOptions,
): Promise<void> {
  const world = simulatedRuntime({ seed });
  let storage = await open(world, options);
  const stream = { compression: options.key === undefined ? "none" : "s2" } as const;
  let store = storage.stream("S", stream);
  const model = new StreamModel();
  for (const one of operations) {
    if (one === "settle") {
      await world.clock.advance(20);
    } else if (one === "reopen") {
      await during(world, () => storage.close());
      storage = await open(world, options);
      store = storage.stream("S", stream);
      await during(world, () => model.check(store));
    } else if (one === "crash") {
      await during(world, () => durable(storage.commits, storage.log("fence").append(Buffer.from("x"))));
      world.crash({ torn: true });
      world.restart();
      storage = await open(world, options);
      store = storage.stream("S", stream);
      await during(world, () => model.check(store));
    } else {
      await during(world, () => model.run(one, store));
    }
    assert.deepEqual(storage.problems, []);
  }
  await during(world, () => model.check(store));
  await during(world, () => storage.close());
}

const step = fc.oneof(
  { weight: 30, arbitrary: operation },
  { weight: 1, arbitrary: fc.constantFrom("reopen" as const, "crash" as const) },
  { weight: 3, arbitrary: fc.constant("settle" as const) },
);

test("random operations with restarts and crashes in between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 200 }), fc.nat(), (operations, seed) =>
      checkModel(operations, seed, SMALL),
    ),
    { numRuns: 150 },
  );
});

test("the same, compressed and encrypted", async () => {
  for (const cipher of ["aes", "chacha"] as const) {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 200 }), fc.nat(), (operations, seed) =>
        checkModel(operations, seed, { ...SMALL, key: "secret", cipher }),
      ),
      { numRuns: 50 },
    );
  }
});

test("a stream with blocks goes on behind its last message when that was erased", async () => {
  const options = { ...SMALL, key: "secret" };
  const world = simulatedRuntime({ seed: 8 });
  let storage = await open(world, options);
  const store = storage.stream("S", { compression: "s2" });
  for (const sequence of [1, 2, 3])
    store.append(newMessage("a", "", `text ${sequence}`), sequence, timesOf(BigInt(sequence)));
  assert.equal(await during(world, () => store.erase(3)), true);
  assert.equal(await during(world, () => store.erase(2)), true);
  for (const how of ["close", "crash"] as const) {
    if (how === "close") await during(world, () => storage.close());
    else {
      world.crash();
      world.restart();
    }
    storage = await open(world, options);
    const { state } = storage.stream("S", { compression: "s2" });
    assert.deepEqual([state.firstSequence, state.lastSequence, state.messages, state.lastTimeNs], [1, 3, 1, 3n]);
    assert.deepEqual(storage.problems, []);
  }
});

test("what is appended while another message is erased from a block stays", async () => {
  const options = { ...SMALL, key: "secret" };
  const world = simulatedRuntime({ seed: 9 });
  let storage = await open(world, options);
  let store = storage.stream("S", { compression: "s2" });
  store.append(newMessage("a", "", "first"), 1, timesOf(1n));
  await during(world, async () => {
    const erased = store.erase(1);
    for (let sequence = 2; sequence <= 40; sequence++) {
      store.append(newMessage("a", "", `text ${sequence}`), sequence, timesOf(BigInt(sequence)));
      await new Promise((turn) => setImmediate(turn));
    }
    await erased;
    await storage.close();
  });
  storage = await open(world, options);
  store = storage.stream("S", { compression: "s2" });
  assert.deepEqual([store.state.messages, store.state.firstSequence, store.state.lastSequence], [39, 2, 40]);
  const last = await during(world, async () => store.load(40));
  assert.equal(last?.payload.toString(), "text 40");
  assert.deepEqual(storage.problems, []);
});

test("logs keep their entries, and become short with a snapshot", async () => {
  const world = simulatedRuntime({ seed: 7 });
  let storage = await open(world);
  const log = storage.log("C/S/durable");
  let sum = 0;
  log.snapshotter = () => Buffer.from(String(sum));
  for (let i = 1; i <= 400; i++) {
    sum += i;
    log.append(Buffer.from(String(i)));
    if (i % 10 === 0) await world.clock.advance(5);
  }
  await during(world, () => durable(storage.commits, log.append(Buffer.from("0"))));
  world.crash({ torn: true });
  world.restart();
  storage = await open(world);
  const { snapshot, entries } = storage.log("C/S/durable").recover();
  assert.ok(snapshot !== undefined && entries.length < 300, `${entries.length} entries`);
  assert.equal(
    entries.reduce((total, entry) => total + Number(entry.toString()), Number(snapshot.toString())),
    sum,
  );
  assert.deepEqual(storage.problems, []);
});

test("what was deleted stays so, and its name can be used again", async () => {
  const world = simulatedRuntime({ seed: 8 });
  let storage = await open(world);
  const message = newMessage("a", "", "x".repeat(1000));
  for (let sequence = 1; sequence <= 20; sequence++) storage.stream("S").append(message, sequence, timesOf(1n));
  storage.log("L").append(Buffer.from("entry"));
  await world.clock.advance(100);
  storage.stream("S").delete();
  storage.log("L").delete();
  const again = storage.stream("S");
  await during(world, () => durable(storage.commits, again.append(message, 1, timesOf(2n))));
  world.crash();
  world.restart();
  storage = await open(world);
  assert.equal(storage.streams.get("S")?.state.messages, 1);
  assert.equal(storage.logs.has("L"), false);
  await world.clock.advance(1000);
  await during(world, () => storage.close());
  assert.equal(world.disk.listSync("/store/streams").length, 1);
});

test("an atomic batch is there as a whole, or not at all", async () => {
  for (let seed = 0; seed < 100; seed++) {
    const world = simulatedRuntime({ seed });
    let storage = await open(world);
    const message = newMessage("a", "", "x".repeat(300));
    for (let sequence = 1; sequence <= 5; sequence++) {
      storage.stream("S").append(message, sequence, timesOf(1n), sequence < 5);
    }
    await world.clock.advance((seed % 30) / 10);
    world.crash({ torn: true });
    world.restart();
    storage = await open(world);
    assert.ok([0, 5].includes(storage.stream("S").state.messages));
  }
});

test("a key can be changed, and must be known", async () => {
  const world = simulatedRuntime({ seed: 9 });
  let storage = await open(world, { ...SMALL, key: "first" });
  const message = newMessage("secret.subject", "", "secret payload".repeat(30));
  for (let sequence = 1; sequence <= 40; sequence++) storage.stream("S").append(message, sequence, timesOf(1n));
  storage.log("L").append(Buffer.from("secret payload"));
  await world.clock.advance(100);
  await during(world, () => storage.close());
  for (const folder of world.disk.listSync("/store/streams")) {
    for (const name of world.disk.listSync(`/store/streams/${folder}`)) {
      assert.equal(world.disk.readSync(`/store/streams/${folder}/${name}`).includes("secret"), false, name);
    }
  }
  await assert.rejects(open(world), { code: "STORE_KEY" });
  await assert.rejects(open(world, { ...SMALL, key: "second" }), { code: "STORE_KEY" });
  storage = await open(world, { ...SMALL, key: "second", previousKey: "first" });
  const loaded = await during(world, async () => storage.stream("S").load(7));
  assert.equal(loaded?.payload.toString(), "secret payload".repeat(30));
  await during(world, () => storage.close());
});

test("other folders are refused and left alone", async () => {
  const world = simulatedRuntime({ seed: 10 });
  world.disk.makeDirectorySync("/store/$G/streams/ORDERS");
  world.disk.writeSync("/store/$G/streams/ORDERS/meta.inf", "{}");
  await assert.rejects(open(world), { code: "STORE_FOREIGN", message: /store of nats-server/ });
  assert.deepEqual(world.disk.listSync("/store"), ["$G"]);
  const other = simulatedRuntime({ seed: 11 });
  other.disk.makeDirectorySync("/store");
  other.disk.writeSync("/store/natsnode.json", markOf(2));
  await assert.rejects(open(other), { code: "STORE_VERSION", message: /format 2, newer than 1/ });
  assert.deepEqual(other.disk.listSync("/store"), ["natsnode.json"]);
});
