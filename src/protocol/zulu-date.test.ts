import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatMs } from "./rfc3339.js";
import { parseZuluDate } from "./zulu-date.js";

test("dates agree with the platform's, there and back, for all years", () => {
  const first = Date.parse("0000-01-01T00:00:00Z") / 1000;
  const last = Date.parse("9999-12-31T23:59:59Z") / 1000;
  fc.assert(
    fc.property(fc.integer({ min: first, max: last }), (seconds) => {
      const text = new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
      assert.equal(parseZuluDate(text), seconds * 1000);
      assert.equal(formatMs(seconds * 1000), text);
    }),
  );
  assert.equal(formatMs(first * 1000), "0000-01-01T00:00:00Z");
  assert.equal(formatMs(last * 1000), "9999-12-31T23:59:59Z");
});

test("leap days are days, others are not", () => {
  assert.equal(formatMs(parseZuluDate("2024-02-29T12:00:00Z")!), "2024-02-29T12:00:00Z");
  assert.equal(formatMs(parseZuluDate("2000-02-29T12:00:00Z")!), "2000-02-29T12:00:00Z");
  assert.equal(parseZuluDate("2023-02-29T12:00:00Z"), undefined);
  assert.equal(parseZuluDate("1900-02-29T12:00:00Z"), undefined);
});

test("what is no moment is refused", () => {
  const wrong = ["2024-00-01T00:00:00Z", "2024-13-01T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-00T00:00:00Z"];
  wrong.push(
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z",
    "2024-01-01T00:00:60Z",
    "2024-01-01",
    "2024-01-01T00:00:00",
  );
  for (const text of wrong) assert.equal(parseZuluDate(text), undefined, text);
});
