import assert from "node:assert/strict";
import { test } from "node:test";
import { newMessage } from "../../../test/support/stream-model.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { openStorage } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import { durable } from "./store.js";

test("small frames in large blocks make a file of the journal four times as large, and no larger", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const { clock, disk } = world;
  disk.blockBytes = 4096;
  const storage = await clock.settle(openStorage(world, "/store", { limits: { journalBytes: 8192 } }));
  const store = storage.stream("S");
  const files = (): string[] => disk.listSync("/store/journal");
  for (let n = 1; n <= 8; n++) {
    await clock.settle(durable(storage.commits, store.append(newMessage("a", "", "x"), n, timesOf(1n))));
    assert.deepEqual(files(), ["1.log"], `${n}`);
  }
  await clock.settle(durable(storage.commits, store.append(newMessage("a", "", "x"), 9, timesOf(1n))));
  assert.deepEqual(files(), ["1.log", "2.log"]);
  disk.crash();
  world.restart();
  const again = await clock.settle(openStorage(world, "/store"));
  assert.deepEqual([again.stream("S").state.messages, again.problems], [9, []]);
  await clock.settle(again.close());
});
