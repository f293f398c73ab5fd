import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText, nanoseconds, uptimeText } from "./durations.js";

test("uptimes begin with the largest unit", () => {
  assert.equal(uptimeText(999), "0s");
  assert.equal(uptimeText(63_000), "1m3s");
  assert.equal(uptimeText(3_600_000), "1h0m0s");
  assert.equal(uptimeText(90_061_000), "1d1h1m1s");
  assert.equal(uptimeText(366 * 86_400_000), "1y1d0h0m0s");
});

test("durations look like Go's", () => {
  const texts = [0, 0.0005, 0.326, 1.5, 1500, 120_500, 3_600_000].map(durationText);
  assert.deepEqual(texts, ["0s", "500ns", "326µs", "1.5ms", "1.5s", "2m0.5s", "1h0m0s"]);
  assert.equal(nanoseconds(90_000), 90_000_000_000);
});
