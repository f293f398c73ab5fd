import assert from "node:assert/strict";
import { test } from "node:test";
import { changedOptions, diffOptions } from "./diff.js";
import { OptionsError } from "./errors.js";
import { resolveOptions, type ServerOptions } from "./options.js";

const changed = (old: ServerOptions, next: ServerOptions) => changedOptions(resolveOptions(old), resolveOptions(next));

test("equal options are no change", () => {
  const options: ServerOptions = { accounts: { A: { users: [{ user: "u" }] } }, cluster: { routes: ["nats://a"] } };
  assert.deepEqual(changed(options, structuredClone(options)), []);
});

test("a change is named by path and by key", () => {
  assert.deepEqual(changed({}, { maxPayloadBytes: 1024 }), [
    {
      ...{ path: "maxPayloadBytes", key: "max_payload", old: "1048576", shown: "1024" },
      ...{ line: "max_payload = 1024", reloadable: true },
    },
  ]);
  const [logfile] = changed({}, { logfile: "a.log" });
  assert.deepEqual([logfile.old, logfile.shown], ['""', '"a.log"']);
});

test("the log has a line of each change, without secrets, and without what holds many options", () => {
  const lines = (next: ServerOptions): string[] => changed({}, next).map(({ line }) => line);
  assert.deepEqual(lines({ pingIntervalMs: 60_000, writeDeadlineMs: 3500, authorization: { timeoutMs: 3000 } }), [
    "authorization timeout = 3",
    "ping_interval = 1m0s",
    "write_deadline = 3.5s",
  ]);
  assert.deepEqual(lines({ authorization: { token: "hush", users: [{ user: "u", password: "hush" }] } }), [
    "authorization token",
    "authorization users",
  ]);
  assert.deepEqual(lines({ accounts: { A: { users: [{ user: "u", password: "hush" }] } } }), ["accounts"]);
});

test("some options need a restart", () => {
  const needsRestart = (next: ServerOptions): boolean => changed({}, next).some(({ reloadable }) => !reloadable);
  for (const next of [
    { host: "127.0.0.1" },
    { port: 4333 },
    { serverName: "x" },
    { maxPendingBytes: 1 },
    { httpPort: 1 },
    { maxSubscriptions: 1 },
    { lameDuckDurationMs: 60_000 },
    { gateway: { name: "g" } },
    { cluster: { port: 1 } },
  ]) {
    assert.equal(needsRestart(next), true, JSON.stringify(next));
  }
  for (const next of [
    { debug: true },
    { maxConnections: 1 },
    { serverTags: ["a"] },
    { authorization: { users: [{ user: "u" }] } },
    { accounts: { A: {} } },
    { mappings: { a: [{ destination: "b" }] } },
    { port: -1 },
  ]) {
    assert.equal(needsRestart(next), false, JSON.stringify(next));
  }
});

test("inside a block, some options need a restart", () => {
  const cluster = (next: object) => changed({ cluster: { port: 1 } }, { cluster: { port: 1, ...next } })[0].reloadable;
  assert.equal(cluster({ routes: ["nats://a"] }), true);
  assert.equal(cluster({ host: "127.0.0.1" }), false);
});

test("refuses a reload that needs a restart", () => {
  assert.throws(
    () => diffOptions(resolveOptions({}), resolveOptions({ debug: true, port: 4333 })),
    (error) =>
      error instanceof OptionsError &&
      error.path === "port" &&
      error.message === "config reload not supported for port: old=4222, new=4333",
  );
  assert.deepEqual(
    diffOptions(resolveOptions({}), resolveOptions({ debug: true })).map(({ key }) => key),
    ["debug"],
  );
});

test("secrets are not shown", () => {
  const options: ServerOptions = {
    authorization: { user: "u", password: "hush" },
    accounts: { A: { users: [{ user: "a", password: "hush" }] } },
    cluster: { routes: ["nats://me:hush@host:1"] },
  };
  const text = JSON.stringify(changed({}, options));
  assert.equal(text.includes("hush"), false);
  assert.match(text, /\[REDACTED\]/);
  const [password] = changed(options, { ...options, authorization: { user: "u", password: "hush2" } });
  assert.deepEqual(password, {
    path: "authorization.password",
    key: "authorization.pass",
    old: "[REDACTED]",
    shown: "[REDACTED]",
    line: "authorization pass",
    reloadable: true,
  });
});
