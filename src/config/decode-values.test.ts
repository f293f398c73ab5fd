import assert from "node:assert/strict";
import { test } from "node:test";
import { isAnyPublicNkey, isPublicNkey, isUserSeed } from "./decode-nkey.js";
import { splitUrl } from "./decode-url.js";
import { parseDurationMs, splitHostPort } from "./decode-values.js";

test("durations", () => {
  for (const [text, ms] of [
    ["1h1m1.5s", 3_661_500],
    ["-1s", -1_000],
    ["+1s", 1_000],
    [".5s", 500],
    ["1.s", 1_000],
    ["0", 0],
    ["1µs", 0.001],
    ["5ns", 0.000005],
    ["3us", 0.003],
  ] as const) {
    assert.equal(parseDurationMs(text), ms, text);
  }
  for (const [text, words] of [
    ["", /invalid duration ""/],
    [".", /invalid duration "\."/],
    ["1", /missing unit in duration "1"/],
    ["5d", /unknown unit "d"/],
    ["1S", /unknown unit "S"/],
    ["1h 5m", /unknown unit "h " in duration "1h 5m"/],
    ["9999999h", /invalid duration/],
    ["-", /invalid duration/],
  ] as const) {
    assert.throws(() => parseDurationMs(text), words, text);
  }
});

test("host and port", () => {
  assert.deepEqual(splitHostPort("[::1]:1"), { host: "::1", port: "1" });
  assert.deepEqual(splitHostPort(":1"), { host: "", port: "1" });
  for (const address of ["host", "::1:4222", "a:1:2", "[::1]", "a]b:5"])
    assert.equal(splitHostPort(address), undefined);
});

test("URLs", () => {
  for (const url of [
    "nats://a:1",
    "a",
    "",
    "localhost:4222",
    "nats://u:p@ss@a:1",
    "/x",
    "nats://é:1",
    "nats://a?b:c",
  ]) {
    assert.notEqual(splitUrl(url), undefined, url);
  }
  for (const url of [
    "127.0.0.1:4222",
    ":x",
    "nats://a b",
    "nats://a:b",
    "nats://[::1",
    "nats://a/%zz",
    "a:b/c:d\n\x01",
  ]) {
    assert.equal(splitUrl(url), undefined, url);
  }
  assert.deepEqual(splitUrl("wss://a:1/path"), { scheme: "wss", host: "a:1" });
});

test("nkeys", () => {
  const user = "UBF5UVMESVVDIRKT7GROVNBYVTKK32V2355X3IPSU6TR7ZEA42IH6NEY";
  assert.equal(isPublicNkey(user, "user"), true);
  assert.equal(isPublicNkey(user, "account"), false);
  assert.equal(isPublicNkey(user.replace("BF5", "BF6"), "user"), false);
  assert.equal(isPublicNkey(user.toLowerCase(), "user"), false);
  assert.equal(isPublicNkey("", "user"), false);
  const seed = "SUAJOXGVDNITBALC3AZQMTXFYVH2YUE6HLWZTB7HODPRXNDFA62SKFDKH4";
  assert.equal(isUserSeed(seed), true);
  assert.equal(isUserSeed(user), false);
  assert.equal(isAnyPublicNkey(user), true);
  assert.equal(isAnyPublicNkey(seed), false);
});
