import assert from "node:assert/strict";
import { test } from "node:test";
import { type SimulatedDisk, type SimulatedRuntime, simulatedRuntime } from "./index.js";

/** Runs `steps` in virtual time. */
function simulate(
  name: string,
  steps: (disk: SimulatedDisk, world: SimulatedRuntime) => Promise<void>,
  seed: number | string = 1,
): void {
  test(name, async () => {
    const world = simulatedRuntime({ seed });
    await world.clock.settle(steps(world.disk, world));
  });
}

const bytes = (text: string): Uint8Array[] => [Buffer.from(text)];

simulate("files and directories behave as on a real disk", async (disk) => {
  disk.makeDirectorySync("/a/b");
  disk.makeDirectorySync("/a/b");
  disk.writeSync("/a/b/pid", "longer");
  disk.writeSync("/a/b/pid", "42\n");
  assert.equal(disk.readSync("/a/b/pid").toString(), "42\n");
  assert.deepEqual(disk.statSync("/a/b/pid"), {
    isDirectory: false,
    sizeBytes: 3,
    modifiedMs: disk.statSync("/a/b/pid")!.modifiedMs,
  });
  assert.equal(disk.statSync("/a/b")?.isDirectory, true);
  assert.equal(disk.statSync("/a/c"), undefined);
  assert.throws(() => disk.readSync("/a/c"), { code: "ENOENT" });
  assert.throws(() => disk.readSync("/a"), { code: "EISDIR" });
  assert.throws(() => disk.writeSync("/none/x", ""), { code: "ENOENT" });
  assert.throws(() => disk.makeDirectorySync("/a/b/pid/x"), { code: "ENOTDIR" });
  assert.throws(() => disk.removeSync("/a"), { code: "ENOTEMPTY" });
  assert.throws(() => disk.removeSync("/a/none"), { code: "ENOENT" });
  disk.writeSync("/a/b/other", "x");
  disk.renameSync("/a/b/pid", "/a/b/other");
  disk.renameSync("/a/b/other", "/a/b/other");
  assert.deepEqual(disk.listSync("/a/b"), ["other"]);
  assert.equal(disk.readSync("a/b/../b/other").toString(), "42\n");
  assert.throws(() => disk.renameSync("/a/b/other", "/a"), { code: "EISDIR" });
  assert.throws(() => disk.renameSync("/a/b", "/a/b/other"), { code: "ENOTDIR" });
  const log = disk.openAppendSync("/a/log");
  log.appendSync("é\n");
  assert.equal(log.sizeBytes, 3);
  log.closeSync();
  assert.throws(() => log.appendSync("x"), { code: "EBADF" });
});

simulate("a synced file keeps what was written, and its writes fail with their sync", async (disk) => {
  const file = await disk.openSynced("/f", "create");
  await disk.syncDirectory("/");
  await file.write([Buffer.alloc(disk.blockBytes, 1)], 0);
  await file.write(bytes("kept"), disk.blockBytes);
  await assert.rejects(file.write(bytes("between blocks"), 5), { code: "EINVAL" });
  disk.fail({ operation: "sync", code: "EIO" });
  await assert.rejects(file.write(bytes("lost"), disk.blockBytes), { code: "EIO" });
  disk.crash();
  assert.match(disk.readSync("/f").toString("latin1"), /^\x01{64}kept\0{60}$/);
});

simulate("open keeps to its mode", async (disk) => {
  await assert.rejects(disk.open("/f", "read"), { code: "ENOENT" });
  await assert.rejects(disk.open("/f", "update"), { code: "ENOENT" });
  const file = await disk.open("/f", "new");
  await assert.rejects(disk.open("/f", "new"), { code: "EEXIST" });
  await assert.rejects(disk.open("/", "read"), { code: "EISDIR" });
  await file.append(bytes("kept"));
  const reader = await disk.open("/f", "read");
  assert.equal(reader.sizeBytes, 4);
  await assert.rejects(reader.append(bytes("x")), { code: "EBADF" });
  const again = await disk.open("/f", "create");
  assert.equal(await again.append(bytes("!")), 4);
  await again.close();
  await assert.rejects(again.sync(), { code: "EBADF" });
  assert.equal((await disk.read("/f")).toString(), "kept!");
});

simulate("reads, writes, appends and truncations, overlapping", async (disk, { clock }) => {
  const file = await disk.open("/f", "new");
  const before = clock.monotonicMs();
  const positions = await Promise.all([file.append(bytes("abc")), file.append(bytes("de")), file.truncate(4)]);
  assert.ok(clock.monotonicMs() > before, "takes time");
  assert.deepEqual(positions.slice(0, 2), [0, 3]);
  assert.equal(file.sizeBytes, 4);
  await file.write([Buffer.from("X"), Buffer.from("Y")], 6);
  const into = Buffer.alloc(10, "-");
  assert.equal(await file.read(into, 1), 7);
  assert.equal(into.toString("latin1"), "bcd\0\0XY---");
  assert.equal(await file.read(into, 100), 0);
});

simulate("a crash leaves what was synced, of files and of names", async (disk) => {
  disk.makeDirectorySync("/store");
  await disk.syncDirectory("/");
  const file = await disk.open("/store/synced", "new");
  await file.append(bytes("durable"));
  await file.sync();
  await file.append(bytes(" lost"));
  await disk.syncDirectory("/store");
  const nameless = await disk.open("/store/nameless", "new");
  await nameless.append(bytes("content"));
  await nameless.sync();
  disk.crash();
  assert.deepEqual(disk.listSync("/store"), ["synced"]);
  assert.equal(disk.readSync("/store/synced").toString(), "durable");
  await assert.rejects(file.append(bytes("x")), { code: "EBADF" });
  await assert.rejects(file.read(Buffer.alloc(1), 0), { code: "EBADF" });
});

simulate("killed programs leave what they have written, and their open files are closed", async (disk) => {
  const file = await disk.open("/f", "new");
  await file.append(bytes("written"));
  disk.kill();
  assert.equal(disk.readSync("/f").toString(), "written");
  await assert.rejects(file.append(bytes("x")), { code: "EBADF" });
});

simulate("a name can be durable before its content", async (disk) => {
  const file = await disk.open("/f", "new");
  await file.append(bytes("content"));
  await disk.syncDirectory("/");
  disk.crash();
  assert.equal(disk.readSync("/f").length, 0);
});

simulate("a directory that was never synced into its parent is lost with all in it", async (disk) => {
  disk.makeDirectorySync("/a");
  const file = await disk.open("/a/f", "new");
  await file.append(bytes("x"));
  await file.sync();
  await disk.syncDirectory("/a");
  disk.crash();
  assert.deepEqual(disk.listSync("/"), []);
});

simulate("a sync covers what had been written when it was called", async (disk) => {
  const file = await disk.open("/f", "new");
  await disk.syncDirectory("/");
  await file.append(bytes("before"));
  const sync = file.sync();
  await file.append(bytes(" after"));
  await sync;
  disk.crash();
  assert.equal(disk.readSync("/f").toString(), "before");
});

simulate("renames: durable when either directory was synced, and an older name does not come back", async (disk) => {
  disk.makeDirectorySync("/a");
  disk.makeDirectorySync("/b");
  await disk.syncDirectory("/");
  const file = await disk.open("/a/f", "new");
  await file.append(bytes("x"));
  await file.sync();
  await disk.rename("/a/f", "/b/g");
  await disk.syncDirectory("/b");
  await disk.syncDirectory("/a");
  disk.crash();
  assert.deepEqual([disk.listSync("/a"), disk.listSync("/b")], [[], ["g"]]);
  await disk.rename("/b/g", "/b/h");
  await disk.remove("/b/h");
  disk.crash();
  assert.deepEqual(disk.listSync("/b"), ["g"]);
  assert.equal(disk.readSync("/b/g").toString(), "x");
});

simulate("a torn crash keeps random sectors of what was not synced, never touching the synced rest", async (disk) => {
  const outcomes = new Set<string>();
  for (let i = 0; i < 30; i++) {
    const path = `/f${i}`;
    const file = await disk.open(path, "new");
    await file.append([Buffer.alloc(512, "a")]);
    await file.sync();
    await disk.syncDirectory("/");
    await file.append([Buffer.alloc(2048, "b")]);
    disk.crash({ torn: true });
    const left = disk.readSync(path).toString("latin1");
    assert.equal(left.slice(0, 512), "a".repeat(512));
    const sectors = (left.slice(512).match(/.{512}/gs) ?? []).map((sector) => {
      assert.match(sector, /^(b{512}|\0{512})$/);
      return sector[0] === "b" ? "b" : "0";
    });
    outcomes.add(sectors.join(""));
  }
  assert.ok(outcomes.has("") && outcomes.has("bbbb") && outcomes.size > 4, [...outcomes].join(" "));
});

simulate("a torn crash keeps the first few of the names that were not synced", async (disk) => {
  const outcomes = new Set<string>();
  for (let i = 0; i < 30; i++) {
    const directory = `/d${i}`;
    disk.makeDirectorySync(directory);
    await disk.syncDirectory("/");
    for (const name of ["1", "2", "3"]) disk.writeSync(`${directory}/${name}`, "");
    disk.renameSync(`${directory}/3`, `${directory}/4`);
    disk.crash({ torn: true });
    outcomes.add(disk.listSync(directory).join(""));
  }
  assert.deepEqual([...outcomes].sort(), ["", "1", "12", "123", "124"]);
});

simulate("ordered failures come when ordered, as often as ordered", async (disk) => {
  const file = await disk.open("/data/../f.blk", "new");
  disk.fail({ operation: "write", code: "EIO", path: ".blk", skip: 1, times: 2 });
  await file.append(bytes("one"));
  await assert.rejects(file.append(bytes("two")), { code: "EIO", syscall: "write" });
  await assert.rejects(file.append(bytes("two")), { code: "EIO" });
  disk.writeSync("/unaffected", "x");
  assert.equal(await file.append(bytes("two")), 3);
  disk.fail({ operation: "read", code: "EIO", times: Number.POSITIVE_INFINITY });
  await assert.rejects(file.read(Buffer.alloc(1), 0), { code: "EIO" });
  await assert.rejects(disk.read("/f.blk"), { code: "EIO" });
  disk.repair();
  assert.equal((await disk.read("/f.blk")).toString(), "onetwo");
  for (const [operation, call] of [
    ["open", () => disk.open("/x", "create")],
    ["rename", () => disk.rename("/f.blk", "/g")],
    ["remove", () => disk.remove("/f.blk")],
    ["list", () => disk.list("/")],
    ["stat", () => disk.stat("/f.blk")],
    ["makeDirectory", () => disk.makeDirectory("/y")],
    ["truncate", () => file.truncate(0)],
    ["syncDirectory", () => disk.syncDirectory("/")],
  ] as const) {
    disk.fail({ operation, code: "EACCES" });
    await assert.rejects(call(), { code: "EACCES" }, operation);
  }
  assert.equal(disk.statSync("/f.blk")?.sizeBytes, 6);
});

simulate("a failed sync loses what it should have covered, even if the next one succeeds", async (disk) => {
  const file = await disk.open("/f", "new");
  await disk.syncDirectory("/");
  await file.append(bytes("lost!"));
  disk.fail({ operation: "sync", code: "EIO" });
  await assert.rejects(file.sync(), { code: "EIO" });
  await file.append(bytes("kept"));
  await file.sync();
  assert.equal(disk.readSync("/f").toString(), "lost!kept");
  disk.crash();
  assert.equal(disk.readSync("/f").toString("latin1"), "\0\0\0\0\0kept");
});

simulate("a full disk stores what fits; the next append writes over it; removing makes room", async (disk) => {
  disk.writeSync("/other", "12345");
  disk.capacityBytes = 12;
  const file = await disk.open("/f", "new");
  await file.append(bytes("abc"));
  await assert.rejects(file.append(bytes("defghi")), { code: "ENOSPC" });
  assert.equal(file.sizeBytes, 3);
  assert.equal(disk.readSync("/f").toString(), "abcdefg");
  await assert.rejects(
    disk.open("/g", "new").then((g) => g.append(bytes("x"))),
    { code: "ENOSPC" },
  );
  await file.write(bytes("ABC"), 0);
  disk.removeSync("/other");
  assert.equal(await file.append(bytes("DEFGHI")), 3);
  assert.equal(disk.readSync("/f").toString(), "ABCDEFGHI");
});

simulate("a torn write leaves a part of its data", async (disk) => {
  const lengths = new Set<number>();
  for (let i = 0; i < 20; i++) {
    disk.fail({ operation: "write", code: "EIO", torn: true });
    const file = await disk.open(`/f${i}`, "new");
    await assert.rejects(file.append([Buffer.alloc(100, "x")]), { code: "EIO" });
    lengths.add(disk.readSync(`/f${i}`).length);
  }
  assert.ok(lengths.size > 5);
});

simulate("flipped bits stay flipped, also after a crash", async (disk) => {
  const file = await disk.open("/f", "new");
  await file.append([Buffer.alloc(1000)]);
  await file.sync();
  await disk.syncDirectory("/");
  disk.flipBits("/f");
  const flipped = disk.readSync("/f");
  assert.equal(flipped.filter((byte) => byte !== 0).length, 1);
  disk.crash();
  assert.deepEqual(disk.readSync("/f"), flipped);
});
