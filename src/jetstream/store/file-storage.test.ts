// Streams and logs on a simulated disk: what is told is there again after a restart.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newMessage, type Operation, operation, StreamModel } from "../../../test/support/stream-model.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../runtime/simulated/index.js";
import { type FileStorage, openStorage, type StorageOptions } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import { durable } from "./store.js";

const SMALL: StorageOptions = {
  limits: {
    segmentBytes: 3000,
    segmentMessages: 17,
    journalBytes: 4000,
    journalFiles: 4,
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

async function checkModel(
  operations: readonly (Operation | "reopen" | "crash" | "settle")[],
  seed: number,
  options: StorageOptions,
): Promise<void> {
  const world = simulatedRuntime({ seed });
  let storage = await open(world, options);
  let store = storage.stream("S");
  const model = new StreamModel();
  for (const one of operations) {
    if (one === "settle") {
      await world.clock.advance(20);
    } else if (one === "reopen") {
      await during(world, () => storage.close());
      storage = await open(world, options);
      store = storage.stream("S");
      await during(world, () => model.check(store));
    } else if (one === "crash") {
      await during(world, () => durable(storage.commits, storage.log("fence").append(Buffer.from("x"))));
      world.crash({ torn: true });
      world.restart();
      storage = await open(world, options);
      store = storage.stream("S");
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
    fc.asyncProperty(fc.array(step, { maxLength: 150 }), fc.nat(), (operations, seed) =>
      checkModel(operations, seed, SMALL),
    ),
    { numRuns: 200 },
  );
});
