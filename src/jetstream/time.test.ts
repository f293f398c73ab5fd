import assert from "node:assert/strict";
import { test } from "node:test";
import { goDuration, parseDuration, parseTime, timeText, ZERO_TIME } from "./time.js";

test("times are read to the nanosecond, in any zone", () => {
  assert.equal(parseTime("1970-01-01T00:00:01.000000002Z"), 1_000_000_002n);
  assert.equal(parseTime("2024-02-29T12:00:00.5+02:00"), 1_709_200_800_500_000_000n);
  assert.equal(timeText(parseTime("2024-02-29T12:00:00.5+02:00") as bigint), "2024-02-29T10:00:00.5Z");
  assert.ok((parseTime(ZERO_TIME) as bigint) < 0n);
  for (const text of ["", "2023-02-29T00:00:00Z", "2024-01-01T25:00:00Z", "2024-01-01", "later"]) {
    assert.equal(parseTime(text), undefined);
  }
});

test("durations are read and written as Go does", () => {
  const texts: [string, bigint][] = [
    ["20s", 20_000_000_000n],
    ["1m0s", 60_000_000_000n],
    ["1.5ms", 1_500_000n],
    ["1h2m3.5s", 3_723_500_000_000n],
    ["0s", 0n],
  ];
  for (const [text, ns] of texts) {
    assert.equal(parseDuration(text), ns);
    assert.equal(goDuration(ns), text);
  }
  for (const text of ["", "5", "1d", "s", "1.2.3s"]) assert.equal(parseDuration(text), undefined);
});
