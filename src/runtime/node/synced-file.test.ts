import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Semaphore } from "./semaphore.js";
import { BLOCK_BYTES, SyncedFile } from "./synced-file.js";

const folder = fs.mkdtempSync(join(tmpdir(), "natsnode-synced-"));
after(() => fs.rmSync(folder, { recursive: true }));
const flags = fs.constants.O_RDWR | fs.constants.O_CREAT;

/** Pieces of so many bytes together, the bytes at `position` telling where they stand. */
function pieces(bytes: number): Buffer[] {
  const all = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) all.writeUInt32LE(at, at);
  return [all.subarray(0, 5), all.subarray(5, 70_001), all.subarray(70_001)];
}

test("a write of any length stands in the file from its block on, and nothing else changes", async () => {
  const path = join(folder, "lengths");
  fs.writeFileSync(path, Buffer.alloc(8 * 1024 * 1024, 7));
  const file = await SyncedFile.open(path, flags, 0o600, new Semaphore(1));
  for (const bytes of [70_002, 1024 * 1024, 1024 * 1024 + 1, 3 * 1024 * 1024 + 4097]) {
    const written = pieces(bytes);
    await file.write(written, BLOCK_BYTES);
    const found = fs.readFileSync(path);
    assert.ok(found.subarray(BLOCK_BYTES, BLOCK_BYTES + bytes).equals(Buffer.concat(written)));
    assert.ok(found.subarray(0, BLOCK_BYTES).every((byte) => byte === 7));
    const end = Math.ceil((BLOCK_BYTES + bytes) / BLOCK_BYTES) * BLOCK_BYTES;
    assert.ok(found.subarray(end, end + 4).every((byte) => byte === 7));
    fs.writeFileSync(path, Buffer.alloc(8 * 1024 * 1024, 7));
  }
  await file.write([Buffer.from("end")], 8 * 1024 * 1024);
  assert.equal(file.sizeBytes, fs.statSync(path).size);
  await file.truncate(3);
  assert.equal(file.sizeBytes, 3);
  await file.write([Buffer.from("again")], 0);
  assert.match(fs.readFileSync(path, "latin1"), /^again\0*$/);
  await file.close();
});

test("memory that the system does not write from past its cache is written through it", async () => {
  const path = join(folder, "odd");
  // One byte behind a page.
  const odd = () => new Uint8Array(new ArrayBuffer(1024 * 1024 + 1), 1);
  const file = await SyncedFile.open(path, flags, 0o600, new Semaphore(1), odd);
  const written = pieces(100_003);
  await file.write(written, 0);
  await file.write([Buffer.from("more")], 102_400);
  assert.ok(fs.readFileSync(path).subarray(0, 100_003).equals(Buffer.concat(written)));
  assert.match(fs.readFileSync(path).subarray(102_400).toString("latin1"), /^more\0*$/);
  await file.sync();
  await file.close();
});

test("a write that fails is told", async () => {
  const path = join(folder, "full");
  fs.writeFileSync(path, "");
  const file = await SyncedFile.open(path, flags, 0o600, new Semaphore(1));
  await assert.rejects(file.write([Buffer.from("x")], Number.MAX_SAFE_INTEGER - 4095), { code: /EFBIG|EINVAL/ });
  await file.close();
});
