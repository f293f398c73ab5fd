// The log file on a real disk: appending, rotation, purging, and disks that fail.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Clock } from "../runtime/clock.js";
import type { Disk } from "../runtime/disk.js";
import { NodeDisk } from "../runtime/node/disk.js";
import { LogFile } from "./log-file.js";

const disk: Disk = new NodeDisk();
const startNs = BigInt(Date.UTC(2026, 0, 2, 15, 4, 5)) * 1_000_000n + 123_456_789n;
const stoppedClock = { nowNs: () => startNs, utcOffsetMinutes: () => 60 } as unknown as Clock;
const format = (level: string, text: string): string => `${level} ${text}\n`;

function open(use: Disk, folder: string, sizeLimitBytes = 0, maxFiles = 0): LogFile {
  return new LogFile(use, stoppedClock, format, { path: join(folder, "s.log"), sizeLimitBytes, maxFiles });
}

async function inFolder(run: (folder: string, read: (name?: string) => string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "natsnode-log-"));
  try {
    await run(folder, (name = "s.log") => readFileSync(join(folder, name), "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("lines are appended to what is there and are on disk when write returns", () =>
  inFolder((folder, read) => {
    writeFileSync(join(folder, "s.log"), "before\n");
    open(disk, folder).write("INF", "after");
    assert.equal(read(), "before\nINF after\n");
  }));

test("a file that was moved away is started anew on demand", () =>
  inFolder((folder, read) => {
    const log = open(disk, folder);
    log.write("INF", "one");
    renameSync(join(folder, "s.log"), join(folder, "old.log"));
    log.write("INF", "two");
    log.reopen();
    log.write("INF", "three");
    assert.equal(read("old.log"), "INF one\nINF two\n");
    assert.equal(read(), "INF three\n");
  }));

test("past its size the file is set aside under the local time, and every line is in one file", () =>
  inFolder((folder, read) => {
    const log = open(disk, folder, 20);
    log.write("INF", "0123456789");
    assert.deepEqual(readdirSync(folder), ["s.log"]);
    log.write("INF", "abcdefghij");
    const backup = "s.log.2026.01.02.16.04.05.123456789";
    assert.deepEqual(readdirSync(folder), ["s.log", backup]);
    assert.equal(read(backup), "INF 0123456789\nINF abcdefghij\n");
    assert.equal(read(), `INF Rotated log, backup saved as "${join(folder, backup)}"\n`);
  }));

test("a file that begins past its size is rotated by the first line", () =>
  inFolder((folder) => {
    writeFileSync(join(folder, "s.log"), "x".repeat(30));
    open(disk, folder, 20).write("INF", "a");
    assert.equal(readdirSync(folder).length, 2);
  }));

test("two backups of the same instant have different names", () =>
  inFolder((folder) => {
    const log = open(disk, folder, 200);
    for (let i = 0; i < 3; i += 1) log.write("INF", "x".repeat(300));
    assert.equal(readdirSync(folder).length, 4);
  }));

test("no more than the wanted number of files stays, the newest ones, and other files are left alone", () =>
  inFolder((folder, read) => {
    for (const name of ["s.log.txt", "s.log.2025.01.02.16.04.05.1", "t.log.2025.01.02.16.04.05.000000000"]) {
      writeFileSync(join(folder, name), "keep");
    }
    const log = open(disk, folder, 300, 3);
    for (let i = 0; i < 5; i += 1) log.write("INF", `${i}`.repeat(300));
    const backups = readdirSync(folder).filter((name) => /\.\d{9}$/.test(name) && name.startsWith("s.log"));
    assert.deepEqual(
      backups.map((name) => read(name).split(" ").at(-1)![0]),
      ["3", "4"],
    );
    assert.equal(readdirSync(folder).length, 3 + 3);
    assert.match(read(), /INF Purged log file "s\.log\.2026/);
  }));

test("a rotation that fails is tried again at twice the size, and no line is lost", () =>
  inFolder((folder, read) => {
    let renames = 0;
    const stubborn: Disk = Object.create(disk, {
      renameSync: {
        value: () => {
          renames += 1;
          throw new Error("not now");
        },
      },
    });
    const log = open(stubborn, folder, 100);
    log.write("INF", "x".repeat(110));
    assert.match(read(), /^INF x+\nERR Unable to rotate the log file \(not now\), will try again at 200 bytes\n$/);
    log.write("INF", "y");
    assert.equal(renames, 1 + (read().length > 200 ? 1 : 0));
    assert.match(read(), /INF y\n/);
  }));

test("a full disk loses lines, says how many, and throws nothing", () =>
  inFolder((folder, read) => {
    let full = true;
    const filling: Disk = Object.create(disk, {
      openAppendSync: {
        value: (path: string) => {
          const file = disk.openAppendSync(path);
          const appendSync = (data: string): void => {
            if (full) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
            file.appendSync(data);
          };
          return { appendSync, sizeBytes: 0, closeSync: () => file.closeSync() };
        },
      },
    });
    const log = open(filling, folder);
    log.write("INF", "one");
    log.write("INF", "two");
    full = false;
    log.write("INF", "three");
    assert.equal(read(), "INF three\nWRN 2 log lines could not be written and are lost\n");
  }));

test("closing twice is one closing, and later lines go nowhere", () =>
  inFolder(async (folder, read) => {
    const log = open(disk, folder);
    log.write("INF", "one");
    await log.close();
    await log.close();
    log.write("INF", "two");
    assert.equal(read(), "INF one\n");
  }));
