// What an erase leaves where the disk fails in between, and what it must not touch.
import assert from "node:assert/strict";
import { test } from "node:test";
import { leftIn, pass, SECRET, watch } from "../../../test/support/erasing.js";
import { newMessage } from "../../../test/support/stream-model.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { openStorage } from "./file-storage.js";
import { FileWiper } from "./file-wiper.js";
import { wipeFile } from "./journal-file.js";
import { timesOf } from "./memory-store.js";
import { durable } from "./store.js";

const ALWAYS = Number.POSITIVE_INFINITY;

test("a file of the journal that could not be opened for writing is wiped only when the streams have taken it over", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const { clock, disk } = world;
  const storage = await clock.settle(openStorage(world, "/store"));
  const [erasing, other] = [storage.stream("S"), storage.stream("T")];
  for (let n = 1; n <= 3; n++) erasing.append(newMessage("a", "", n === 2 ? SECRET : "x"), n, timesOf(BigInt(n)));
  let ticket = 0;
  for (let n = 1; n <= 20; n++) ticket = other.append(newMessage("b", "", `kept ${n}`), n, timesOf(BigInt(n)));
  await clock.settle(durable(storage.commits, ticket));
  // No segment can be written when the message is to be erased.
  disk.fail({ operation: "open", code: "EIO", path: ".seg", times: ALWAYS });
  void erasing.erase(2).catch(() => {});
  await pass(world, 3);
  disk.crash();
  world.kill();
  disk.repair();
  for (const name of disk.listSync("/store/journal"))
    disk.fail({ operation: "open", code: "EIO", path: `journal/${name}`, skip: 1, times: 3 });
  const again = await clock.settle(openStorage(world, "/store"));
  disk.repair();
  await pass(world, 1000);
  assert.deepEqual(leftIn(disk), []);
  assert.equal(again.stream("T").state.messages, 20);
  disk.crash();
  world.kill();
  const third = await clock.settle(openStorage(world, "/store"));
  assert.deepEqual([third.stream("S").state.messages, third.stream("T").state.messages], [2, 20]);
  await clock.settle(third.close());
});

test("of a file of the journal what a failed write has left behind its end is wiped, too", async () => {
  const world = simulatedRuntime({ seed: 3 });
  const { clock, disk } = world;
  const fill = async (): Promise<void> => {
    await disk.makeDirectory("/d");
    const file = await disk.openSynced("/d/1.log", "create");
    await file.write([Buffer.alloc(64, 1)], 0);
    disk.fail({ operation: "sync", code: "EIO", path: "1.log" });
    await assert.rejects(file.write([Buffer.from(SECRET)], 64), { code: "EIO" });
    disk.fail({ operation: "write", code: "EIO", path: "1.log", torn: true });
    await assert.rejects(file.write([Buffer.from(SECRET.repeat(20))], 1024), { code: "EIO" });
    assert.deepEqual(leftIn(disk, "/d"), ["/d/1.log"]);
    await wipeFile(disk, { file, lastTicket: 0, isBlank: false });
  };
  await clock.settle(fill());
  assert.deepEqual(leftIn(disk, "/d"), []);
});

test("a file that is to be wiped does not take the place of one that still is", async () => {
  const world = simulatedRuntime({ seed: 3 });
  const { clock, disk } = world;
  const gone = watch(disk);
  const remove = async (): Promise<void> => {
    await disk.makeDirectory("/d");
    disk.writeSync("/d/1.log", SECRET);
    disk.fail({ operation: "open", code: "EIO", path: ".wipe" });
    await assert.rejects(new FileWiper(disk, "/d").remove("/d/1.log"), { code: "EIO" });
    disk.writeSync("/d/1.log", "another");
    assert.equal(await new FileWiper(disk, "/d").remove("/d/1.log"), true);
    assert.equal(await new FileWiper(disk, "/d").remove("/d/1.log"), false);
  };
  await clock.settle(remove());
  assert.deepEqual([gone, disk.listSync("/d")], [[], []]);
});
