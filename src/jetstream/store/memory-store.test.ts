// A stream in memory against the model.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newMessage, operation, StreamModel } from "../../../test/support/stream-model.js";
import { StoreError } from "./errors.js";
import { MemoryStore, timesOf } from "./memory-store.js";

test("random operations", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 120 }), async (operations) => {
      const store = new MemoryStore("S", { blockBytes: 1000, blockMessages: 9 });
      const model = new StreamModel();
      const kept = store.filter(["*.z.>", "a.b"]);
      for (const one of operations) {
        await model.run(one, store);
        assert.equal(
          store.pending(1, kept),
          [...model.messages.values()].filter((m) => kept.matches(m.subject)).length,
        );
      }
      await model.check(store);
    }),
    { numRuns: 300 },
  );
});

test("sequences only grow", () => {
  const store = new MemoryStore("S");
  const message = newMessage("a", "", "x");
  store.append(message, 5, timesOf(1n));
  for (const sequence of [5, 1, 2 ** 53, Number.NaN]) {
    assert.throws(() => store.append(message, sequence, timesOf(1n)), { code: "STORE_SEQUENCE" });
  }
  assert.equal(store.state.messages, 1);
});

test("what was removed gives its memory back", () => {
  const store = new MemoryStore("S");
  const message = newMessage("a", "", "x".repeat(1000));
  for (let sequence = 1; sequence <= 20_000; sequence++) store.append(message, sequence, timesOf(1n));
  for (let sequence = 1; sequence <= 20_000; sequence++) if (sequence % 100 !== 0) store.remove(sequence);
  assert.equal(store.state.messages, 200);
  assert.ok(store.usedBytes < 2_500_000, `${store.usedBytes} bytes`);
});

test("a deleted stream is closed", () => {
  const store = new MemoryStore("S");
  store.append(newMessage("a", "", "x"), 1, timesOf(1n));
  store.delete();
  assert.throws(() => store.append(newMessage("a", "", "x"), 2, timesOf(1n)), StoreError);
  assert.equal(store.load(1), undefined);
});
