import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Chunk } from "./chunk-pool.js";
import { RunList } from "./run-list.js";
import type { Segment } from "./segment.js";

interface Run {
  readonly segment: Segment;
  readonly position: number;
  readonly chunk: Chunk;
  readonly at: number;
  readonly ticket: number;
}

const BYTES = 10;
const operation = fc.record({
  kind: fc.constantFrom("add", "add", "add", "add", "segment", "chunk", "ticket", "drop", "dropAll", "cut"),
  gap: fc.nat(3),
  pick: fc.nat(100),
});

test("a list of runs is what a plain list of its records is", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const list = new RunList();
      let model: Run[] = [];
      let number = 1;
      const newSegment = (): Segment => ({ number: number++, flushedEnd: 0 }) as unknown as Segment;
      let segment = newSegment();
      let chunk = new Chunk(Buffer.alloc(4000));
      let position = 0;
      let at = 0;
      let ticket = 2 ** 33;
      for (const { kind, gap, pick } of operations) {
        if (kind === "add") {
          at += gap;
          list.add(segment, position, chunk, at, BYTES, ticket);
          model.push({ segment, position, chunk, at, ticket });
          position += BYTES;
          at += BYTES;
        } else if (kind === "segment") {
          segment = newSegment();
          position = 0;
        } else if (kind === "chunk") {
          chunk = new Chunk(Buffer.alloc(4000));
          at = 0;
        } else if (kind === "ticket") ticket++;
        else if (model.length > 0 && kind === "cut") {
          const { segment: from, position: end } = model[pick % model.length];
          list.cut((one) => (one.number < from.number ? Number.POSITIVE_INFINITY : one === from ? end : undefined));
          model = model.filter(
            (one) => one.segment.number < from.number || (one.segment === from && one.position < end),
          );
        } else if (model.length > 0) {
          const upTo = kind === "drop" ? model[pick % model.length].ticket : Number.POSITIVE_INFINITY;
          const [{ segment: first }] = model;
          const own = model.findIndex((one) => one.segment !== first);
          const records = own < 0 ? model : model.slice(0, own);
          // Runs go as a whole, with their last record.
          const before = list.pendingBytes;
          list.drop(first, upTo);
          const gone = (before - list.pendingBytes) / BYTES;
          assert.ok(records.slice(0, gone).every((one) => one.ticket <= upTo));
          model = model.slice(gone);
        }
        assert.equal(list.pendingBytes, model.length * BYTES);
        assert.equal(list.length === 0, model.length === 0);
        if (model.length === 0) continue;
        const some = model[pick % model.length];
        assert.deepEqual(list.find(some.segment, some.position), { chunk: some.chunk, at: some.at });
        const groups = [...list.upTo(Number.POSITIVE_INFINITY)].map(([one, parts]) => [
          one.number,
          parts.reduce((sum, { length }) => sum + length, 0),
        ]);
        const expected = new Map<number, number>();
        for (const one of model) expected.set(one.segment.number, (expected.get(one.segment.number) ?? 0) + BYTES);
        assert.deepEqual(groups, [...expected]);
        assert.ok(list.firstTicket >= model[0].ticket);
      }
    }),
  );
});
