import assert from "node:assert/strict";
import { test } from "node:test";
import { newKeyPair } from "./key-pair.js";
import { countOf, dateText, durationMsOf, momentOf, sizeOf, subjectOf, userKeyOf, yesNoOf } from "./values.js";

const NOW = 1_800_000_000;

test("counts and sizes", () => {
  assert.deepEqual(
    ["0", "17", "unlimited", "-1"].map((text) => countOf("n", text)),
    [0, 17, -1, -1],
  );
  assert.deepEqual(
    ["0", "512", "1K", "64MB", "2GiB", "1t", "unlimited"].map((text) => sizeOf("n", text)),
    [0, 512, 1024, 64 * 1024 ** 2, 2 * 1024 ** 3, 1024 ** 4, -1],
  );
  for (const text of ["", "-2", "1.5", "x", "99999999999999999999"]) {
    assert.throws(() => countOf("n", text), {
      code: "COMMAND_INVALID",
      message: /^--n ".*": it must be a whole number/,
    });
  }
  for (const text of ["", "-2", "MB", "1.5MB", "1X", "9999999999T"]) {
    assert.throws(() => sizeOf("n", text), { code: "COMMAND_INVALID" }, text);
  }
});

test("yes and no", () => {
  assert.deepEqual([yesNoOf("n", "yes"), yesNoOf("n", "no"), yesNoOf("n", "true")], [true, false, true]);
  assert.throws(() => yesNoOf("n", "maybe"), { code: "COMMAND_INVALID" });
});

test("durations", () => {
  assert.deepEqual(
    ["250ms", "90s", "1h30m", "30d", "1y"].map((text) => durationMsOf("n", text)),
    [250, 90_000, 5_400_000, 30 * 86_400_000, 365 * 86_400_000],
  );
  for (const text of ["", "5", "h", "1h 2m", "-1h", "1w"]) {
    assert.throws(() => durationMsOf("n", text), { code: "COMMAND_INVALID" }, text);
  }
});

test("moments are never, dates, or durations from now", () => {
  assert.equal(momentOf("n", "never", NOW), 0);
  assert.equal(momentOf("n", "90s", NOW), NOW + 90);
  assert.equal(dateText(momentOf("n", "2032-02-29", NOW)), "2032-02-29T00:00:00Z");
  assert.equal(dateText(momentOf("n", "2030-01-31T12:00:05Z", NOW)), "2030-01-31T12:00:05Z");
  for (const text of ["2031-02-29", "2030-13-01", "2030-01-31 12:00", "tomorrow"]) {
    assert.throws(() => momentOf("n", text, NOW), { code: "COMMAND_INVALID" }, text);
  }
});

test("subjects and public keys", () => {
  assert.equal(subjectOf("n", "a.*.>"), "a.*.>");
  for (const text of ["", "a..b", "a b", ">.a"]) {
    assert.throws(() => subjectOf("n", text), { code: "COMMAND_INVALID" }, text);
  }
  const keyOf = (kind: "user" | "account") => newKeyPair(kind, { bytes: () => Buffer.alloc(32, 1) }).publicKey;
  assert.equal(userKeyOf("n", keyOf("user")), keyOf("user"));
  assert.throws(() => userKeyOf("n", keyOf("account")), { code: "COMMAND_INVALID" });
});
