import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SmallReads } from "./small-reads.js";

const CONTENT = Buffer.from(Array.from({ length: 10_000 }, (_, at) => at % 251));

function openFile(t: TestContext, flags = "r"): number {
  const folder = fs.mkdtempSync(join(tmpdir(), "reads-"));
  const path = join(folder, "file");
  fs.writeFileSync(path, CONTENT);
  const descriptor = fs.openSync(path, flags);
  t.after(() => {
    fs.closeSync(descriptor);
    fs.rmSync(folder, { recursive: true });
  });
  return descriptor;
}

/** Reads at some places in the same turn; tells how many were made without the thread. */
async function readAll(
  reads: SmallReads,
  descriptor: number,
  places: readonly (readonly [position: number, length: number])[],
): Promise<{ alone: number; read: Buffer[] }> {
  let alone = 0;
  const read = await Promise.all(
    places.map(async ([position, length]) => {
      const into = Buffer.alloc(length);
      const bytes = await reads.read(descriptor, into, position, async () => {
        alone++;
        return fs.readSync(descriptor, into, 0, length, position);
      });
      return into.subarray(0, bytes);
    }),
  );
  return { alone, read };
}

test("many reads of a turn are made by the thread, few are not; each gets its own bytes", async (t) => {
  const reads = new SmallReads();
  const descriptor = openFile(t);
  for (const [count, expected] of [
    [3000, 0],
    [3, 3],
    [4, 0],
  ] as const) {
    const places = Array.from({ length: count }, (_, at) => [(at * 7919) % CONTENT.length, (at % 300) + 1] as const);
    const { alone, read } = await readAll(reads, descriptor, places);
    assert.equal(alone, expected);
    for (const [at, [position, length]] of places.entries()) {
      assert.deepEqual(read[at], CONTENT.subarray(position, position + length));
    }
  }
});

test("a read that fails costs no other one", async (t) => {
  const reads = new SmallReads();
  const [descriptor, unreadable] = [openFile(t), openFile(t, "a")];
  const alone = async (): Promise<number> => assert.fail("it is for the thread");
  const asked = [descriptor, unreadable, descriptor, descriptor].map((one) =>
    reads.read(one, Buffer.alloc(10), 0, alone),
  );
  await assert.rejects(asked[1] as Promise<number>, { code: "EBADF" });
  assert.deepEqual(await Promise.all(asked.filter((_, at) => at !== 1)), [10, 10, 10]);
});

test("where the thread cannot start, or ends, all is read without it", async (t) => {
  const reads = new SmallReads(new URL("./no-such-file.js", import.meta.url));
  const descriptor = openFile(t);
  const places = Array.from({ length: 50 }, (_, at) => [at * 10, 10] as const);
  for (let again = 0; again < 2; again++) {
    const { alone, read } = await readAll(reads, descriptor, places);
    assert.equal(alone, 50);
    for (const [at, [position]] of places.entries()) {
      assert.deepEqual(read[at], CONTENT.subarray(position, position + 10));
    }
  }
});
