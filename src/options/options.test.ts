import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionsError } from "./errors.js";
import { resolveOptions, type ServerOptions } from "./options.js";

const rejects = (input: unknown, code: string, path: string, words: RegExp): void => {
  assert.throws(
    () => resolveOptions(input as ServerOptions),
    (error) => error instanceof OptionsError && error.code === code && error.path === path && words.test(error.message),
  );
};

test("no options are the reference's defaults", () => {
  const options = resolveOptions({});
  assert.equal(options.host, "0.0.0.0");
  assert.equal(options.httpHost, "0.0.0.0");
  assert.equal(options.port, 4222);
  assert.equal(options.maxPayloadBytes, 1_048_576);
  assert.equal(options.pingIntervalMs, 120_000);
  assert.equal(options.maxConnections, 65_536);
  assert.equal(options.authorization.timeoutMs, 2_000);
  assert.deepEqual(options.accounts, {});
  assert.equal(options.cluster, undefined);
});

test("a zero counts as not given where the reference says so", () => {
  const options = resolveOptions({ port: 0, pingMax: 0, maxPayloadBytes: 0, maxConnections: 0, maxSubscriptions: 0 });
  assert.equal(options.port, 4222);
  assert.equal(options.pingMax, 2);
  assert.equal(options.maxPayloadBytes, 1_048_576);
  assert.equal(options.maxConnections, -1);
  assert.equal(options.maxSubscriptions, 0);
});

test("blocks that are given get their defaults", () => {
  const options = resolveOptions({
    cluster: { name: "c" },
    accounts: { A: { exports: [{ service: "s" }], limits: { maxConnections: 3 } } },
    authorization: { defaultPermissions: { allowResponses: {} } },
  });
  assert.equal(options.cluster?.poolSize, 3);
  assert.deepEqual(options.accounts.A.exports[0], {
    service: "s",
    responseType: "Singleton",
    thresholdMs: 120_000,
    accountTokenPosition: 0,
    allowTrace: false,
  });
  assert.equal(options.accounts.A.limits.maxConnections, 3);
  assert.equal(options.accounts.A.limits.maxSubscriptions, -1);
  assert.deepEqual(options.authorization.defaultPermissions?.allowResponses, { maxMsgs: 1, expiresMs: 120_000 });
});

test("tls gives a connection more time to authenticate", () => {
  assert.equal(resolveOptions({ tls: { timeoutMs: 5_000 } }).authorization.timeoutMs, 6_000);
  const own = resolveOptions({ tls: {}, authorization: { timeoutMs: 500 } });
  assert.equal(own.authorization.timeoutMs, 500);
});

test("tracing headers or verbosely is tracing", () => {
  assert.equal(resolveOptions({ traceVerbose: true }).trace, true);
  assert.equal(resolveOptions({ traceHeaders: true }).trace, true);
});

test("the snapshot is frozen to the bottom", () => {
  const options = resolveOptions({ authorization: { users: [{ user: "u" }] }, serverMetadata: { a: "b" } });
  assert.equal(Object.isFrozen(options), true);
  assert.equal(Object.isFrozen(options.authorization), true);
  assert.equal(Object.isFrozen(options.authorization.users), true);
  assert.equal(Object.isFrozen(options.authorization.users?.[0]), true);
  assert.equal(Object.isFrozen(options.serverMetadata), true);
});

test("subjects become their UTF-8 bytes, other text does not", () => {
  const options = resolveOptions({
    accounts: { é: { exports: [{ stream: "é.>" }] } },
    mappings: { ü: [{ destination: "ü.x" }] },
    authorization: { defaultPermissions: { publish: { allow: ["a\udcff"] } } },
  });
  assert.equal(options.accounts["é"].exports[0].stream, "\xc3\xa9.>");
  assert.deepEqual(options.mappings["\xc3\xbc"], [{ destination: "\xc3\xbc.x", weight: 100 }]);
  assert.deepEqual(options.authorization.defaultPermissions?.publish?.allow, ["a\xff"]);
});

test("a value of another type is named by its path", () => {
  rejects({ port: "4222" }, "OPTIONS_TYPE", "port", /port must be an integer, got string/);
  rejects({ authorization: { users: [{ user: 1 }] } }, "OPTIONS_TYPE", "authorization.users[0].user", /a string/);
  rejects({ authorization: { users: {} } }, "OPTIONS_TYPE", "authorization.users", /an array/);
  rejects({ cluster: [] }, "OPTIONS_TYPE", "cluster", /an object, got an array/);
  rejects({ serverMetadata: { a: 1 } }, "OPTIONS_TYPE", "serverMetadata.a", /a string/);
  rejects({ pingIntervalMs: Number.NaN }, "OPTIONS_TYPE", "pingIntervalMs", /milliseconds/);
  rejects(null, "OPTIONS_TYPE", "", /an object, got null/);
});

test("a value out of its range says the range", () => {
  rejects({ maxSubTokens: 256 }, "OPTIONS_VALUE", "maxSubTokens", /0 to 255/);
  rejects({ lameDuckDurationMs: 1_000 }, "OPTIONS_VALUE", "lameDuckDurationMs", /at least 30000/);
  rejects({ maxPayloadBytes: 2 ** 31 }, "OPTIONS_VALUE", "maxPayloadBytes", /at most 2147483647/);
  rejects({ writeTimeout: "never" }, "OPTIONS_VALUE", "writeTimeout", /default, close, retry/);
  rejects({ serverName: "a b" }, "OPTIONS_VALUE", "serverName", /spaces/);
});

test("an unknown name comes with the nearest known one", () => {
  rejects({ maxPaylodBytes: 1 }, "OPTIONS_UNKNOWN", "maxPaylodBytes", /did you mean "maxPayloadBytes"/);
  rejects({ jetstream: { domian: "x" } }, "OPTIONS_UNKNOWN", "jetstream.domian", /did you mean "domain"/);
  rejects({ listen: "x:1" }, "OPTIONS_UNKNOWN", "listen", /unknown option "listen"/);
  rejects({ zzzzzzzz: 1 }, "OPTIONS_UNKNOWN", "zzzzzzzz", /option "zzzzzzzz"$/);
  assert.equal(resolveOptions({ nothing: undefined } as ServerOptions).port, 4222);
});
