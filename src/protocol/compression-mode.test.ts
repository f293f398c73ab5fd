import assert from "node:assert/strict";
import { test } from "node:test";
import { agreedCompression, type CompressionMode, compressionForRtt, compressionMode } from "./compression-mode.js";

test("all names of a mode", () => {
  const names: Record<string, CompressionMode> = {
    On: "s2_fast",
    enabled: "s2_fast",
    TRUE: "s2_fast",
    off: "off",
    disabled: "off",
    false: "off",
    not_supported: "not supported",
    accept: "accept",
    Auto: "s2_auto",
    s2_auto: "s2_auto",
    fast: "s2_fast",
    s2_better: "s2_better",
    best: "s2_best",
  };
  for (const [name, mode] of Object.entries(names)) assert.equal(compressionMode(name, "s2_fast"), mode, name);
  for (const name of ["", "zstd", "s2_uncompressed"]) assert.equal(compressionMode(name, "s2_fast"), undefined, name);
});

test("what follows from the modes of both sides", () => {
  const cases: [CompressionMode, string | undefined, string][] = [
    ["off", "s2_auto", "off"],
    ["not supported", "s2_fast", "off"],
    ["s2_auto", undefined, "off"],
    ["s2_auto", "", "off"],
    ["s2_best", "off", "off"],
    ["s2_best", "not supported", "off"],
    ["accept", "accept", "off"],
    ["accept", "s2_auto", "s2_fast"],
    ["accept", "s2_better", "s2_better"],
    ["accept", "zstd", "off"],
    ["s2_auto", "accept", "s2_auto"],
    ["s2_fast", "accept", "s2_fast"],
    ["s2_auto", "s2_best", "s2_auto"],
    ["s2_fast", "s2_best", "s2_fast"],
  ];
  for (const [own, remote, expected] of cases)
    assert.equal(agreedCompression(own, remote), expected, `${own} ${remote}`);
});

test("s2_auto by the round trip", () => {
  const times = [0, 10, 10.1, 50, 51, 100, 101];
  const modes = ["s2_uncompressed", "s2_uncompressed", "s2_fast", "s2_fast", "s2_better", "s2_better", "s2_best"];
  assert.deepEqual(
    times.map((ms) => compressionForRtt(ms)),
    modes,
  );
  assert.deepEqual(
    times.map((ms) => compressionForRtt(ms, [])),
    modes,
  );
});

test("thresholds of 0 leave modes out, and the last mode given stays", () => {
  const used = (...thresholds: number[]): string =>
    [5, 20, 60, 200].map((ms) => compressionForRtt(ms, thresholds).slice(3)).join(" ");
  assert.equal(used(0, 20, 0, 100), "fast fast best best");
  assert.equal(used(0, 20), "fast fast fast fast");
  assert.equal(used(10), "uncompressed uncompressed uncompressed uncompressed");
  assert.equal(used(1, 2, 3), "best best best best");
  assert.equal(used(10, 20, 100, 150), "uncompressed fast better best");
});
