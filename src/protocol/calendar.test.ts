// The calendar against the platform's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { calendar, offsetText } from "./calendar.js";

test("the calendar agrees with the platform's", () => {
  const years1to9999 = fc.date({ min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true });
  fc.assert(
    fc.property(years1to9999, fc.integer({ min: -840, max: 840 }), (date, offsetMinutes) => {
      const shown = new Date(date.getTime() + offsetMinutes * 60_000);
      assert.deepEqual(calendar(date.getTime(), offsetMinutes), {
        year: shown.getUTCFullYear(),
        month: shown.getUTCMonth() + 1,
        day: shown.getUTCDate(),
        hour: shown.getUTCHours(),
        minute: shown.getUTCMinutes(),
        second: shown.getUTCSeconds(),
        offsetMinutes,
      });
    }),
  );
});

test("leap days are on the calendar", () => {
  for (const [year, month, day] of [
    [2000, 2, 29],
    [2024, 2, 29],
    [2100, 3, 1],
    [1970, 1, 1],
    [2024, 12, 31],
  ]) {
    const at = calendar(Date.UTC(year, month - 1, day), 0);
    assert.deepEqual([at.year, at.month, at.day], [year, month, day]);
  }
});

test("an offset is written as in RFC 3339", () => {
  assert.deepEqual([0, 120, -210, 345].map(offsetText), ["Z", "+02:00", "-03:30", "+05:45"]);
});
