// Streams that are deleted or purged while a message of them is still to be erased: its bytes are written over all the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, leftIn, OPTIONS, pass, watch } from "../../../test/support/erasing.js";
import type { SimulatedRuntime } from "../../runtime/simulated/index.js";
import { type FileStorage, openStorage } from "./file-storage.js";
import { durable } from "./store.js";

const FOLDER = "/store/streams/S~1";
/** Where the erase is stopped: while the journal is wiped, or when that is done. */
const STOPS = ["/journal/1.log", "/journal/2.log", ".seg"];
const ENDS = ["delete", "purge", "truncate", "truncate within"] as const;

/** Folders of streams, and what is kept of those that are gone. */
function foldersIn({ disk }: SimulatedRuntime): string[] {
  const held = disk.statSync("/store/held") === undefined ? [] : disk.listSync("/store/held");
  return [...disk.listSync("/store/streams"), ...held];
}

for (const end of ENDS) {
  for (const compression of ["none", "s2"] as const) {
    for (const how of ["goes on", "is killed", "loses its power", "is closed"] as const) {
      test(`${end} while an erase is pending, in a server that ${how}; compression ${compression}`, async () => {
        for (const stop of STOPS) {
          for (let delayMs = 0; delayMs < 40; delayMs += 5) {
            const name = `${stop}, after ${delayMs} ms`;
            const [world, storage, store] = await begin(delayMs + 1, OPTIONS, compression);
            const gone = watch(world.disk);
            const fail = (): void => {
              for (const operation of ["write", "rename"] as const) {
                world.disk.fail({ operation, code: "EIO", path: stop, times: Number.POSITIVE_INFINITY });
              }
            };
            fail();
            const refused = await world.clock.settle(
              store.erase(2).then(
                () => false,
                () => true,
              ),
            );
            assert.ok(refused || !stop.endsWith(".seg"), name);
            const { ticket } =
              end === "delete"
                ? { ticket: store.delete() }
                : end === "purge"
                  ? store.purge()
                  : store.truncate(end === "truncate" ? 0 : 1);
            await world.clock.settle(durable(storage.commits, ticket).catch(() => pass(world, 1000)));
            await pass(world, delayMs);
            if (how !== "goes on") {
              if (how === "is closed") {
                world.disk.repair();
                await world.clock.settle(storage.close());
              }
              if (how === "is killed") world.kill();
              else {
                world.crash({ torn: true });
                world.restart();
              }
              fail();
              const again = await world.clock.settle(openStorage(world, "/store", OPTIONS));
              assert.deepEqual(again.problems, [], name);
              assert.equal(again.stream("S", { compression }).has(2), false, name);
            }
            await pass(world, 2000);
            world.disk.repair();
            await pass(world, 900_000);
            assert.deepEqual([leftIn(world.disk), gone], [[], []], name);
            if (end !== "delete") continue;
            assert.deepEqual(
              foldersIn(world).filter((folder) => !/~\d\d?$/.test(folder) || folder === "S~1"),
              [],
              name,
            );
          }
        }
      });
    }
  }
}

test("a file in held/ that outlived the folder of its stream goes at the next start", async () => {
  const [world, storage, store] = await begin(1, OPTIONS, "none");
  const { disk, clock } = world;
  for (const operation of ["write", "rename"] as const) {
    disk.fail({ operation, code: "EIO", path: ".seg", times: Number.POSITIVE_INFINITY });
  }
  await assert.rejects(clock.settle(store.erase(2)));
  await clock.settle(durable(storage.commits, store.delete()));
  disk.repair();
  disk.fail({ operation: "rename", code: "EIO", path: "held/1.log", times: Number.POSITIVE_INFINITY });
  await pass(world, 60_000);
  assert.deepEqual(foldersIn(world), ["1.log"]);
  world.kill();
  disk.repair();
  const again = await clock.settle(openStorage(world, "/store", OPTIONS));
  await pass(world, 900_000);
  assert.deepEqual([foldersIn(world), again.problems, leftIn(disk)], [[], [], []]);
  await clock.settle(again.close());
  assert.deepEqual(disk.listSync("/store/journal").length, 1, "the journal waits for nothing");
});

test("what is deleted and whose files stay is told once", async () => {
  const [world, storage, store] = await begin(1, OPTIONS, "none");
  world.disk.fail({ operation: "remove", code: "EACCES", path: "removed.log", times: Number.POSITIVE_INFINITY });
  world.disk.fail({ operation: "remove", code: "EACCES", path: ".seg", times: Number.POSITIVE_INFINITY });
  await world.clock.settle(durable(storage.commits, store.delete()));
  await pass(world, 3000);
  assert.deepEqual(storage.problems, []);
  await pass(world, 60_000);
  assert.match(storage.problems.map(({ message }) => message).join(), /^files of S stay: [^,]*EACCES[^,]*$/);
  world.disk.repair();
  await pass(world, 3000);
  assert.deepEqual(foldersIn(world), []);
});

test("that a stream is gone is kept until its folder is gone for good", async () => {
  const [world, storage, store] = await begin(1, OPTIONS, "none");
  const { disk, clock } = world;
  disk.fail({ operation: "remove", code: "EACCES", path: ".seg", times: Number.POSITIVE_INFINITY });
  await clock.settle(durable(storage.commits, store.delete()));
  world.kill();
  await clock.settle((await clock.settle(openStorage(world, "/store", OPTIONS))).close());
  assert.deepEqual(foldersIn(world), ["S~1", "1.log"]);
  disk.repair();
  disk.fail({ operation: "syncDirectory", code: "EIO", path: "/store/streams", times: Number.POSITIVE_INFINITY });
  await clock.settle(openStorage(world, "/store", OPTIONS));
  disk.repair();
  await clock.settle(disk.syncDirectory("/store/held"));
  world.crash();
  world.restart();
  const again = await clock.settle(openStorage(world, "/store", OPTIONS));
  assert.deepEqual([[...again.streams.keys()], again.problems], [[], []]);
  await pass(world, 60_000);
  assert.deepEqual(foldersIn(world), []);
});

test("what was held of a stream whose folder is gone is written over", async () => {
  const [world, , store] = await begin(1, {}, "none");
  const { disk, clock } = world;
  for (const operation of ["write", "rename"] as const) {
    disk.fail({ operation, code: "EIO", path: ".seg", times: Number.POSITIVE_INFINITY });
  }
  await assert.rejects(clock.settle(store.erase(2)));
  world.kill();
  disk.repair();
  const unreadable = async (): Promise<FileStorage> => {
    disk.fail({ operation: "stat", code: "EIO", path: "S~1", times: Number.POSITIVE_INFINITY });
    const opened = await clock.settle(openStorage(world, "/store"));
    disk.repair();
    await pass(world, 2000);
    return opened;
  };
  await clock.settle((await unreadable()).close());
  const failing = await unreadable();
  assert.ok(leftIn(disk).includes("/store/held/1.log"));
  disk.fail({ operation: "rename", code: "EIO", path: "held/1.log", times: Number.POSITIVE_INFINITY });
  await clock.settle(durable(failing.commits, failing.stream("S").delete()));
  await pass(world, 1000);
  const gone = watch(disk);
  world.kill();
  disk.repair();
  for (const name of disk.listSync(FOLDER)) await clock.settle(disk.remove(`${FOLDER}/${name}`));
  await clock.settle(disk.remove(FOLDER));
  assert.deepEqual(leftIn(disk), ["/store/held/1.log"]);
  const again = await clock.settle(openStorage(world, "/store"));
  await pass(world, 900_000);
  assert.deepEqual([again.problems, foldersIn(world), leftIn(disk), gone], [[], [], [], []]);
});
