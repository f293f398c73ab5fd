import assert from "node:assert/strict";
import { test } from "node:test";
import { type Part, type Readable, ReadCache } from "./read-cache.js";

/** A file of which a part may be damaged; tells what was read of it. */
class File implements Readable {
  readonly readableEnd = 100_000;
  readonly inBlocks: boolean;
  readonly reads: [number, number][] = [];
  readonly #damagedAt: number;

  constructor(damagedAt = -1, inBlocks = false) {
    this.#damagedAt = damagedAt;
    this.inBlocks = inBlocks;
  }

  async readPart(from: number, to: number): Promise<Part> {
    this.reads.push([from, to]);
    await Promise.resolve();
    if (from <= this.#damagedAt && this.#damagedAt < to) throw new Error("damaged");
    return { start: from, bytes: Buffer.alloc(to - from, from % 256) };
  }
}

test("who asks for what is being read waits for that read", async () => {
  const file = new File();
  const cache = new ReadCache(1_000_000);
  const [first, ...others] = await Promise.all([0, 200, 400, 600].map((from) => cache.read(file, from, from + 200)));
  assert.equal(first?.bytes.length, 200);
  assert.equal(file.reads.length, 2);
  assert.ok(others.every((part) => part === others[0]));
  assert.equal(cache.read(file, 800, 1000), others[0]);
});

test("damage nearby does not cost what is asked for", async () => {
  const file = new File(500);
  const cache = new ReadCache(1_000_000);
  const asked = [0, 200, 600].map((from) => cache.read(file, from, from + 200));
  for (const part of await Promise.all(asked)) assert.ok(part.bytes.length >= 200);
  await assert.rejects(async () => cache.read(file, 400, 600), /damaged/);
});

test("whoever reads on gets more at a time", async () => {
  const file = new File();
  const cache = new ReadCache(1_000_000);
  for (let from = 0; from < 90_000; from += 500) await cache.read(file, from, from + 500);
  assert.ok(file.reads.length <= 5, `${file.reads.length} reads`);
});

test("whoever reads here and there gets just that; who comes again gets more, and the third time it is at hand", async () => {
  const file = new File();
  const cache = new ReadCache(1_000_000);
  const places = Array.from({ length: 20 }, (_, at) => 3000 * at);
  for (const from of places) {
    const part = await cache.read(file, from, from + 200);
    assert.deepEqual([part.start, part.bytes.length], [from, 200]);
  }
  assert.deepEqual(
    file.reads,
    places.map((from) => [from, from + 200]),
  );
  const again = await cache.read(file, 3000, 3200);
  assert.ok(again.bytes.length > 200);
  assert.equal(cache.read(file, 3000, 3200), again);
});

test("a file that can only be read in large parts keeps what was read", async () => {
  const file = new File(-1, true);
  const cache = new ReadCache(1_000_000);
  const part = await cache.read(file, 3000, 3200);
  assert.equal(cache.read(file, 3000, 3200), part);
  assert.equal(file.reads.length, 1);
});
