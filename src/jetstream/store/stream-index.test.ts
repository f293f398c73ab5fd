import assert from "node:assert/strict";
import { test } from "node:test";
import { SlotBlock } from "./slot-block.js";
import { StreamIndex } from "./stream-index.js";

test("a message of one more subject than a stream can have is refused", () => {
  const index = new StreamIndex<undefined>("memory", 2);
  index.blocks.push(new SlotBlock<undefined>(undefined, 1, 0));
  const times = { seconds: 1, nanoseconds: 0, expiresMs: 0 };
  for (const [at, subject] of ["a", "b", "a"].entries()) {
    index.checkNext(at + 1, subject);
    index.add(at + 1, subject, times, false, 50);
  }
  assert.throws(() => index.checkNext(4, "c"), { code: "STORE_FULL", message: "a stream has at most 2 subjects" });
  index.checkNext(4, "b");
  index.remove(2);
  index.checkNext(4, "c");
});
