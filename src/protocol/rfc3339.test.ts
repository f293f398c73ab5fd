import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatMs, formatNs } from "./rfc3339.js";

test("fractions are as long as they need to be", () => {
  assert.equal(formatMs(0), "1970-01-01T00:00:00Z");
  assert.equal(formatMs(1_767_366_245_120), "2026-01-02T15:04:05.12Z");
  assert.equal(formatNs(1_767_366_245_123_456_789n), "2026-01-02T15:04:05.123456789Z");
  assert.equal(formatNs(1_767_366_245_000_000_001n), "2026-01-02T15:04:05.000000001Z");
});

test("every date is the one of the calendar", () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      const expected = new Date(ms).toISOString().replace(/\.?0*Z$/, "Z");
      assert.equal(formatMs(ms), expected.replace(/(:\d\d)(\.\d+)?Z$/, "$1$2Z"));
    }),
  );
});
