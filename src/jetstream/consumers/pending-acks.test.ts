import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PendingAcks } from "./pending-acks.js";

test("what waits is what a map would hold, whatever comes and goes in which order", () => {
  const sequence = fc.integer({ min: 1, max: 60 });
  const operation = fc.oneof(
    { weight: 6, arbitrary: fc.constant(["next"] as const) },
    { weight: 5, arbitrary: fc.tuple(fc.constant("delete" as const), sequence) },
    fc.tuple(fc.constant("delivered" as const), sequence),
    fc.tuple(fc.constant("renew" as const), sequence),
    fc.constant(["clear"] as const),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const pending = new PendingAcks();
      const model = new Map<number, { consumerSequence: number; atMs: number }>();
      let last = 0;
      for (const [at, [what, which = 0]] of operations.entries()) {
        const deliver = (one: number): void => {
          pending.delivered(one, at + 1, at);
          model.set(one, { consumerSequence: model.get(one)?.consumerSequence ?? at + 1, atMs: at });
        };
        if (what === "next") deliver(++last);
        else if (what === "delivered") deliver(which);
        else if (what === "delete") assert.equal(pending.delete(which), model.delete(which));
        else if (what === "renew") {
          pending.renew(which, at);
          const known = model.get(which);
          if (known !== undefined) known.atMs = at;
        } else {
          pending.clear();
          model.clear();
        }
        last = Math.max(last, which);
        const expected = [...model].sort(([a], [b]) => a - b);
        assert.equal(pending.size, model.size);
        assert.deepEqual([...pending], expected);
        assert.equal(pending.has(which), model.has(which));
        assert.deepEqual(pending.get(which), model.get(which));
        assert.equal(pending.after(which), expected.find(([one]) => one > which)?.[0] ?? 0);
        assert.deepEqual(
          pending.upTo(which),
          expected.map(([one]) => one).filter((one) => one <= which),
        );
      }
    }),
  );
});

test("one that waits for long costs nothing for those that come and go after it", () => {
  const pending = new PendingAcks();
  pending.delivered(1, 1, 0);
  pending.delivered(2, 2, 0);
  for (let sequence = 3; sequence < 100_000; sequence++) {
    pending.delivered(sequence, sequence, 0);
    pending.delete(sequence - 1);
  }
  assert.deepEqual(pending.upTo(1e9), [1, 99_999]);
});

test("what is deleted during a walk is passed over", () => {
  const pending = new PendingAcks();
  for (let sequence = 1; sequence <= 6; sequence++) pending.delivered(sequence, sequence, 0);
  const seen: number[] = [];
  for (const [sequence] of pending) {
    seen.push(sequence);
    pending.delete(sequence);
    if (sequence === 2) pending.delete(3);
  }
  assert.deepEqual(seen, [1, 2, 4, 5, 6]);
});
