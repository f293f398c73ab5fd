import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeRandom } from "./random.js";

test("bytes are of the asked length, never repeat and are nobody else's", () => {
  const random = new NodeRandom();
  const seen = new Set<string>();
  for (let i = 0; i < 1000; i++) {
    const bytes = random.bytes(i % 3 === 0 ? 16 : 22);
    assert.equal(bytes.buffer.byteLength, bytes.length);
    seen.add(Buffer.from(bytes).toString("hex"));
  }
  assert.equal(seen.size, 1000);
  assert.equal(random.bytes(0).length, 0);
  assert.equal(new Set(random.bytes(100_000)).size, 256);
});

test("two generators differ", () => {
  assert.notEqual(new NodeRandom().float(), new NodeRandom().float());
});
