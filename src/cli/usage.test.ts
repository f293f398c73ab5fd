// The usage shows every flag.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAG_GROUPS } from "./flags.js";
import { tlsHelp, usage, versionLine } from "./usage.js";

test("the usage shows every flag with all its names", () => {
  const shown = new Set([...usage().matchAll(/(?<![\w-])--?([a-zA-Z]\w*)/g)].map((match) => match[1]));
  const wanted = FLAG_GROUPS.flatMap((group) => group.flags.flatMap((flag) => flag.names));
  assert.deepEqual([...shown].sort(), [...wanted].sort());
});

test("no line of the usage is wider than a terminal of 110 columns", () => {
  for (const line of usage().split("\n")) assert.ok(line.length <= 110, line);
});

test("the version is nats-server's", () => {
  assert.match(versionLine, /^nats-server: v\d+\.\d+\.\d+\n$/);
});

test("the TLS help names cipher suites and curves", () => {
  for (const name of ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "CurveP256", "X25519"]) {
    assert.ok(tlsHelp().includes(`    ${name}\n`), name);
  }
});
