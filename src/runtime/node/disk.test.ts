import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import dns from "node:dns/promises";
import fs from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { diskSlots, NodeDisk } from "./disk.js";

const disk = new NodeDisk();
const folder = fs.mkdtempSync(join(os.tmpdir(), "natsnode-disk-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test("small files are written, read, listed, renamed and removed synchronously", () => {
  const deep = join(folder, "a", "b");
  disk.makeDirectorySync(deep);
  disk.makeDirectorySync(deep);
  const path = join(deep, "pid");
  disk.writeSync(path, "longer than what follows");
  disk.writeSync(path, "42\n");
  assert.equal(disk.readSync(path).toString(), "42\n");
  const info = disk.statSync(path);
  assert.equal(info?.isDirectory, false);
  assert.equal(info?.sizeBytes, 3);
  assert.ok(Math.abs(info!.modifiedMs - Date.now()) < 60_000);
  assert.equal(disk.statSync(deep)?.isDirectory, true);
  assert.equal(disk.statSync(join(deep, "none")), undefined);
  assert.equal(disk.statSync(join(path, "none")), undefined);
  disk.writeSync(join(deep, "older"), "");
  disk.renameSync(path, join(deep, "older"));
  disk.writeSync(join(deep, "Z"), "");
  assert.deepEqual(disk.listSync(deep), ["Z", "older"]);
  assert.throws(() => disk.removeSync(deep), { code: "ENOTEMPTY" });
  disk.removeSync(join(deep, "older"));
  disk.removeSync(join(deep, "Z"));
  disk.removeSync(deep);
  assert.throws(() => disk.readSync(path), { code: "ENOENT" });
  assert.throws(() => disk.removeSync(path), { code: "ENOENT" });
  assert.throws(() => disk.readSync(folder), { code: "EISDIR" });
});

test("files are made with the reference's modes", { skip: process.platform === "win32" }, () => {
  const umask = process.umask(0);
  try {
    disk.makeDirectorySync(join(folder, "modes"));
    disk.writeSync(join(folder, "modes", "file"), "");
    assert.equal(fs.statSync(join(folder, "modes")).mode & 0o777, 0o750);
    assert.equal(fs.statSync(join(folder, "modes", "file")).mode & 0o777, 0o640);
  } finally {
    process.umask(umask);
  }
});

test("the log's file is appended to and knows its size in bytes", () => {
  const path = join(folder, "log");
  disk.writeSync(path, "old\n");
  const log = disk.openAppendSync(path);
  assert.equal(log.sizeBytes, 4);
  log.appendSync("née\n");
  assert.equal(log.sizeBytes, 9);
  log.closeSync();
  assert.equal(disk.readSync(path).toString(), "old\nnée\n");
});

test("open keeps to its mode", async () => {
  const path = join(folder, "modal");
  await assert.rejects(disk.open(path, "read"), { code: "ENOENT" });
  await assert.rejects(disk.open(path, "update"), { code: "ENOENT" });
  const file = await disk.open(path, "new");
  await file.append([Buffer.from("kept")]);
  await file.close();
  await assert.rejects(disk.open(path, "new"), { code: "EEXIST" });
  const reader = await disk.open(path, "read");
  assert.equal(reader.sizeBytes, 4);
  await assert.rejects(reader.append([Buffer.from("x")]), { code: "EBADF" });
  await reader.close();
  const again = await disk.open(path, "create");
  assert.equal(await again.append([Buffer.from("!")]), 4);
  await again.close();
  assert.equal((await disk.read(path)).toString(), "kept!");
});

test("a file is read and written at positions, and appends land in the order of their calls", async () => {
  const path = join(folder, "data");
  const file = await disk.open(path, "create");
  const positions = await Promise.all(
    Array.from({ length: 50 }, (_, i) => file.append([Buffer.from([i]), Buffer.alloc(0), Buffer.alloc(i, i)])),
  );
  let expected = 0;
  for (let i = 0; i < 50; i++) {
    assert.equal(positions[i], expected);
    expected += i + 1;
  }
  assert.equal(file.sizeBytes, expected);
  await file.write([Buffer.from("XY"), Buffer.from("Z")], 3);
  const into = Buffer.alloc(6);
  assert.equal(await file.read(into, 1), 6);
  assert.deepEqual([...into], [1, 1, 88, 89, 90, 3]);
  assert.equal(await file.read(Buffer.alloc(10), expected - 4), 4);
  assert.equal(await file.read(Buffer.alloc(10), expected + 4), 0);
  await file.sync();
  await disk.syncDirectory(folder);
  await Promise.all([file.truncate(2), file.append([Buffer.from("end")])]);
  assert.equal(file.sizeBytes, 5);
  const closing = [file.append([Buffer.from("!")]), file.close()];
  await Promise.all(closing);
  assert.equal(fs.readFileSync(path, "latin1"), "\x00\x01end!");
  await assert.rejects(file.sync(), { code: "EBADF" });
  await assert.rejects(file.close(), { code: "EBADF" });
});

test("writes to a synced file are synced by the same call", { skip: process.platform !== "linux" }, async () => {
  const path = join(folder, "synced");
  const file = await disk.openSynced(path, "create");
  await file.write([Buffer.from("durable")], 0);
  assert.equal(fs.readFileSync(path, "latin1").replace(/\0+$/, ""), "durable");
  const isOurs = (descriptor: string): boolean => {
    // One of the listing itself is closed by now.
    return fs.existsSync(`/proc/self/fd/${descriptor}`) && fs.readlinkSync(`/proc/self/fd/${descriptor}`) === path;
  };
  const [descriptor] = fs.readdirSync("/proc/self/fd").filter(isOurs);
  const flags = /flags:\s+(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"))?.[1] ?? "";
  assert.notEqual(Number.parseInt(flags, 8) & fs.constants.O_DSYNC, 0);
  await file.close();
});

test("a write of more chunks than one system call takes is whole", async () => {
  const path = join(folder, "many");
  const file = await disk.open(path, "new");
  const chunks = Array.from({ length: 5000 }, (_, i) => Buffer.from(`${i};`));
  assert.equal(await file.append(chunks), 0);
  await file.close();
  assert.equal(fs.readFileSync(path, "latin1"), chunks.join(""));
});

test("directories change asynchronously", async () => {
  const deep = join(folder, "x", "y");
  await disk.makeDirectory(deep);
  await disk.syncDirectory(join(folder, "x"));
  const file = await disk.open(join(deep, "one"), "new");
  await file.close();
  await disk.rename(join(deep, "one"), join(deep, "two"));
  assert.deepEqual(await disk.list(deep), ["two"]);
  assert.equal((await disk.stat(join(deep, "two")))?.sizeBytes, 0);
  assert.equal(await disk.stat(join(deep, "one")), undefined);
  await assert.rejects(disk.remove(deep), { code: "ENOTEMPTY" });
  await disk.remove(join(deep, "two"));
  await disk.remove(deep);
  await assert.rejects(disk.list(deep), { code: "ENOENT" });
  await assert.rejects(disk.syncDirectory(deep), { code: "ENOENT" });
});

test("the room that is left is the file system's", async () => {
  const free = await disk.freeBytes(folder);
  assert.ok(free > 0 && free <= fs.statfsSync(folder).blocks * fs.statfsSync(folder).bsize);
  await assert.rejects(disk.freeBytes(join(folder, "none")), { code: "ENOENT" });
});

test("disk calls leave two of libuv's threads to others", {
  skip: process.platform === "win32",
  timeout: 10_000,
}, async () => {
  assert.deepEqual([undefined, "", "x", "1", "2", "4", "16"].map(diskSlots), [2, 2, 2, 1, 1, 2, 14]);
  // Opening a named pipe occupies its thread until somebody opens the other side.
  const pipes = Array.from({ length: 8 }, (_, i) => join(folder, `pipe${i}`));
  execFileSync("mkfifo", pipes);
  const opening = pipes.map((path) => disk.open(path, "read"));
  await dns.lookup("localhost");
  const writers = pipes.map((path) => fs.openSync(path, fs.constants.O_RDWR));
  for (const file of await Promise.all(opening)) await file.close();
  for (const writer of writers) fs.closeSync(writer);
});
