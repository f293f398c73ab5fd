import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { durationText, uptimeText } from "../protocol/durations.js";
import { formatMs } from "../protocol/rfc3339.js";
import { durationMs, timeMs } from "./page-values.js";

test("a time is read as it was written, without the fraction of its millisecond", () => {
  const time = fc.integer({ min: Date.UTC(1, 0), max: Date.UTC(9999, 11, 31) });
  fc.assert(fc.property(time, (ms) => timeMs(formatMs(ms)) === ms));
  assert.equal(timeMs("2026-02-28T23:59:59.123999999Z"), Date.UTC(2026, 1, 28, 23, 59, 59, 123));
  for (const text of ["", "2.15.1", "2026-02-28", "2026-02-28T23:59:59"]) assert.equal(timeMs(text), undefined);
});

test("a duration is read as it was written", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e12 }), (ms) => durationMs(uptimeText(ms)) === ms - (ms % 1000)));
  const short = fc.integer({ min: 0, max: 1e8 });
  fc.assert(fc.property(short, (us) => Math.abs(durationMs(durationText(us / 1000)) - us / 1000) < 1e-6));
  assert.equal(durationMs("1y1d1h1m1s"), 31_626_061_000);
});
