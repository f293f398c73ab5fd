import assert from "node:assert/strict";
import { test } from "node:test";
import { connectTimeLeftMs, connectTimesFault } from "./connect-times.js";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 0, 15, 12);

function left(ranges: readonly [string, string][], nowMs: number, timeZone = "UTC", offsetMinutes = 0): number {
  const clock = { nowMs: () => nowMs, utcOffsetMinutes: () => offsetMinutes };
  const times = ranges.map(([start, end]) => ({ start, end }));
  return connectTimeLeftMs(times, timeZone, clock);
}

test("no times are always, and others until their end", () => {
  assert.equal(left([], NOON), Number.POSITIVE_INFINITY);
  assert.equal(left([["08:00:00", "15:00:00"]], NOON), 3 * HOUR);
  assert.equal(left([["08:00:00", "15:00:00"]], NOON + 500), 3 * HOUR - 500);
  assert.equal(left([["08:00:00", "11:00:00"]], NOON), 0);
  assert.equal(left([["13:00:00", "14:00:00"]], NOON), 0);
  assert.equal(left([["12:00:00", "14:00:00"]], NOON), 0, "the start itself is outside");
  const several: [string, string][] = [
    ["11:00:00", "13:00:00"],
    ["10:00:00", "16:00:00"],
    ["20:00:00", "21:00:00"],
  ];
  assert.equal(left(several, NOON), 4 * HOUR, "the last end counts");
});

test("a range may pass midnight", () => {
  const night: [string, string][] = [["22:00:00", "06:00:00"]];
  assert.equal(left(night, NOON), 0);
  assert.equal(left(night, NOON + 11 * HOUR), 7 * HOUR);
  assert.equal(left(night, NOON - 11 * HOUR), 5 * HOUR);
});

test("times are those of a zone, or the server's own", () => {
  const office: [string, string][] = [["08:00:00", "16:00:00"]];
  assert.equal(left(office, NOON, "Asia/Tokyo"), 0);
  assert.equal(left(office, NOON, "America/New_York"), 0, "7 o'clock in January");
  assert.equal(left(office, Date.UTC(2026, 6, 15, 12), "America/New_York"), 0, "8 o'clock sharp");
  assert.equal(left(office, Date.UTC(2026, 6, 15, 13), "America/New_York"), 7 * HOUR, "summer time");
  assert.equal(left(office, NOON, "", 120), 2 * HOUR);
  assert.equal(left(office, NOON, "", -600), 0);
});

test("times that make no sense", () => {
  const fault = (start: string, end: string, zone = ""): string | undefined =>
    connectTimesFault([{ start, end }], zone);
  assert.equal(fault("08:00:00", "9:30:00"), undefined);
  assert.equal(fault("08:00:00", "09:00:00", "Europe/Berlin"), undefined);
  for (const bad of ["", "8", "08:00", "24:00:00", "08:60:00", "x"]) {
    assert.match(fault(bad, "09:00:00") ?? "", /time range/);
    assert.match(fault("09:00:00", bad) ?? "", /time range/);
  }
  assert.match(fault("08:00:00", "09:00:00", "No/Where") ?? "", /time zone/);
});
