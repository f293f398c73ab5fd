// Secure erase: nothing of an erased message is left on the disk, also when the disk fails or the power goes meanwhile.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, leftIn, OPTIONS, pass, SECRET, watch } from "../../../test/support/erasing.js";
import { newMessage } from "../../../test/support/stream-model.js";
import { type FileStorage, openStorage } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import { durable, type StreamStore } from "./store.js";

for (const compression of ["none", "s2"] as const) {
  test(`nothing of an erased message is left, whatever files of the journal had it; compression ${compression}`, async () => {
    const [world, storage, store] = await begin(1, OPTIONS, compression);
    const gone = watch(world.disk);
    assert.equal(await world.clock.settle(store.erase(2)), true);
    assert.deepEqual([leftIn(world.disk), gone], [[], []]);
    assert.equal(store.state.messages, 59);
    await world.clock.settle(storage.close());
  });

  for (const operation of ["write", "sync", "open", "rename", "remove", "syncDirectory", "truncate", "stat"] as const) {
    for (const code of ["EIO", "ENOSPC"] as const) {
      test(`an erase that ${code} of ${operation} has stopped is done later, and after a restart; compression ${compression}`, async () => {
        for (const how of ["later", "restart", "crash"] as const) {
          for (let skip = 0; skip < 8; skip++) {
            const [world, storage, store] = await begin(skip + 1, OPTIONS, compression);
            const gone = watch(world.disk);
            world.disk.fail({ operation, code, skip, times: how === "later" ? 2 : Number.POSITIVE_INFINITY });
            const erased = store.erase(2).catch(() => {});
            await pass(world, 5000);
            let now = store;
            if (how === "later") await world.clock.settle(erased);
            else {
              if (how === "restart") {
                const closed = storage.close().catch(() => {});
                await pass(world, 2000);
                world.disk.repair();
                await world.clock.settle(closed);
              }
              world.disk.repair();
              world.crash();
              world.restart();
              const again = await world.clock.settle(openStorage(world, "/store", OPTIONS));
              now = again.stream("S", { compression });
              assert.deepEqual(again.problems, []);
            }
            await pass(world, 20_000);
            world.disk.repair();
            // An erase of which nothing has reached the disk was not begun.
            if (now.has(2)) await world.clock.settle(now.erase(2));
            assert.deepEqual([how, skip, leftIn(world.disk), gone], [how, skip, [], []]);
            assert.equal(now.state.messages, 59);
          }
        }
      });
    }
  }
}

test("a journal's file that cannot be written any more stops no writes, whatever is to be erased", async () => {
  const [first] = await begin(1, OPTIONS, "none");
  for (const name of first.disk.listSync("/store/journal")) {
    const [world, storage, store] = await begin(1, OPTIONS, "none");
    world.disk.fail({ operation: "write", code: "EIO", path: `/journal/${name}`, times: Number.POSITIVE_INFINITY });
    const goesOn = async (running: FileStorage, stream: StreamStore): Promise<void> => {
      for (let turn = 0; turn < 40; turn++) {
        // An erase that is tried again leaves a file each time.
        await pass(world, 500);
        assert.equal(running.failure, undefined, `${name}, ${turn}`);
        const sequence = stream.state.lastSequence + 1;
        const ticket = stream.append(newMessage("a", "", "more ".repeat(100)), sequence, timesOf(1n));
        await world.clock.settle(durable(running.commits, ticket)).catch(() => {});
      }
    };
    void store.erase(2).catch(() => {});
    await goesOn(storage, store);
    world.crash();
    world.restart();
    const again = await world.clock.settle(openStorage(world, "/store", OPTIONS));
    await goesOn(again, again.stream("S"));
    assert.ok(world.disk.listSync("/store/journal").length < 10);
    world.disk.repair();
    await pass(world, 600_000);
    assert.deepEqual(leftIn(world.disk), []);
  }
});

test("a journal's file that could not be opened for writing at the start keeps an erasure pending", async () => {
  const [first] = await begin(1, OPTIONS, "none");
  const names = leftIn(first.disk, "/store/journal");
  assert.notDeepEqual(names, []);
  for (const path of names) {
    const [world] = await begin(1, OPTIONS, "none");
    const { clock, disk } = world;
    const gone = watch(disk);
    world.kill();
    // It is read first.
    disk.fail({ operation: "open", code: "EACCES", path, skip: 1, times: Number.POSITIVE_INFINITY });
    const again = await clock.settle(openStorage(world, "/store", OPTIONS));
    assert.deepEqual(again.problems, []);
    await assert.rejects(clock.settle(again.stream("S").erase(2)), /EACCES/);
    await pass(world, 60_000);
    assert.ok(leftIn(disk).includes(path));
    disk.repair();
    await pass(world, 900_000);
    assert.deepEqual([leftIn(disk), gone, again.stream("S").state.messages], [[], [], 59]);
    await clock.settle(again.close());
  }
});

test("an erasure that cannot be done holds up no other one of the stream", async () => {
  const [world, storage, store] = await begin(1, OPTIONS, "none");
  await world.clock.settle(storage.wipeJournal());
  const times = Number.POSITIVE_INFINITY;
  world.disk.fail({ operation: "write", code: "EIO", path: ".seg", times });
  const other = "text 50 ";
  const refused = await world.clock.settle(Promise.allSettled([store.erase(2), store.erase(50)]));
  assert.deepEqual(
    refused.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  const [held] = leftIn(world.disk);
  world.disk.repair();
  world.disk.fail({ operation: "write", code: "EIO", path: held, times });
  await pass(world, 20_000);
  assert.deepEqual([leftIn(world.disk), leftIn(world.disk, "/store", other)], [[held], []]);
  world.disk.repair();
  await pass(world, 60_000);
  assert.deepEqual(leftIn(world.disk), []);
});

test("an erasure that cannot be done is tried again more and more rarely", async () => {
  const [world, storage, store] = await begin(1, OPTIONS, "none");
  let tries = 0;
  const { wipeJournal } = storage;
  storage.wipeJournal = () => {
    tries++;
    return wipeJournal.call(storage);
  };
  world.disk.fail({ operation: "write", code: "EIO", path: ".seg", times: Number.POSITIVE_INFINITY });
  await assert.rejects(world.clock.settle(store.erase(2)));
  await pass(world, 3_600_000);
  assert.ok(tries > 10 && tries < 30, `${tries} tries in an hour`);
  world.disk.repair();
  await pass(world, 300_000);
  assert.deepEqual(leftIn(world.disk), []);
});

test("a segment that was merged and is found again is written over before it goes, when something is to be erased", async () => {
  const [world, storage, store] = await begin(1, OPTIONS, "none", 30);
  await world.clock.settle(storage.wipeJournal());
  const [held = ""] = leftIn(world.disk);
  for (const operation of ["write", "rename"] as const) {
    world.disk.fail({ operation, code: "EIO", path: held, times: Number.POSITIVE_INFINITY });
  }
  await assert.rejects(world.clock.settle(store.erase(30)));
  const sequences = Array.from({ length: 48 }, (_, at) => at + 2).filter((sequence) => sequence < 26 || sequence > 31);
  store.removeAll(sequences);
  const ticket = store.append(newMessage("a", "", "x"), 61, timesOf(61n));
  await world.clock.settle(durable(storage.commits, ticket));
  await world.clock.settle(storage.wipeJournal().catch(() => {}));
  await pass(world, 5000);
  world.disk.repair();
  world.crash();
  world.restart();
  assert.deepEqual(leftIn(world.disk), [held]);
  const gone = watch(world.disk);
  const again = await world.clock.settle(openStorage(world, "/store", OPTIONS));
  assert.deepEqual([leftIn(world.disk), gone], [[], []]);
  assert.ok(again.stream("S").has(29));
});

test("what cannot be written over at the start stays until the next one, and all is served", async () => {
  const [world, storage] = await begin(1, OPTIONS, "none");
  await world.clock.settle(storage.wipeJournal());
  const [held = ""] = leftIn(world.disk);
  await world.clock.settle(storage.stream("S").erase(2));
  await world.clock.settle(storage.close());
  world.crash();
  world.restart();
  // As an erase leaves it in the middle of which the power goes.
  const content = world.disk.readSync(held);
  content.write(SECRET, content.indexOf("text 3 ") - 100);
  world.disk.writeSync(held, content);
  world.disk.removeSync(held.replace(/seg$/, "idx"));
  for (const isBad of [true, false]) {
    if (isBad) world.disk.fail({ operation: "write", code: "EIO", path: held, times: Number.POSITIVE_INFINITY });
    const again = await world.clock.settle(openStorage(world, "/store", OPTIONS));
    assert.deepEqual([again.stream("S").state.messages, again.problems], [59, []]);
    assert.deepEqual(leftIn(world.disk), isBad ? [held] : []);
    world.disk.repair();
    await world.clock.settle(again.close());
  }
});

test("a file that was put back counts, though its name cannot be made durable yet", async () => {
  const [world, storage] = await begin(1, OPTIONS, "none");
  await world.clock.settle(storage.close());
  const [held = ""] = leftIn(world.disk);
  world.disk.renameSync(held, `${held}.replaced`);
  world.disk.fail({ operation: "syncDirectory", code: "EIO", path: "/S~1", times: Number.POSITIVE_INFINITY });
  const again = await world.clock.settle(openStorage(world, "/store", OPTIONS));
  assert.deepEqual([again.stream("S").state.messages, again.problems], [60, []]);
});

test("while something is to be erased no write waits for a file to be wiped that is blank", async () => {
  const [world, storage, store] = await begin(1, OPTIONS, "none");
  await world.clock.settle(storage.wipeJournal());
  world.disk.fail({ operation: "write", code: "EIO", path: ".seg", times: Number.POSITIVE_INFINITY });
  await assert.rejects(world.clock.settle(store.erase(2)));
  const wiped = new Set<string>();
  const written = new Set<string>();
  const { store: write } = world.disk;
  world.disk.store = (file, path, data, position) => {
    const into = data.every((byte) => byte === 0) ? wiped : written;
    if (path.includes("/journal/")) into.add(path);
    write.call(world.disk, file, path, data, position);
  };
  for (let sequence = 61; sequence <= 80; sequence++) {
    const ticket = store.append(newMessage("a", "", "more ".repeat(40)), sequence, timesOf(1n));
    await world.clock.settle(durable(storage.commits, ticket));
  }
  assert.equal(wiped.size, 0);
  assert.ok(written.size > 1);
});
