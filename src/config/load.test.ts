import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions } from "../options/options.js";
import { ConfigSyntaxError } from "./errors.js";
import { ConfigFileError, loadConfig } from "./load.js";
import { ACCOUNT_KEY, errorOf, load, optionsOf, USER_KEY, warningsOf } from "./test-config.js";

test("plain values, aliases, any case, units", () => {
  const options = optionsOf(`
    NET: "127.0.0.1", Port: 4333, max_payload: 2MB, debug: on
    ping_interval: "1m30s", lame_duck_duration: "1h", server_tags: one, trusted_keys: []
    authorization { timeout: 1.5 }, jetstream { max_mem: "64M", sync: always }
  `);
  assert.deepEqual(options, {
    host: "127.0.0.1",
    port: 4333,
    maxPayloadBytes: 2 * 1024 * 1024,
    debug: true,
    pingIntervalMs: 90_000,
    lameDuckDurationMs: 3_600_000,
    serverTags: ["one"],
    trustedKeys: [],
    authorization: { timeoutMs: 1_500 },
    jetstream: { maxMemoryStoreBytes: 64 * 1024 * 1024, syncIntervalMs: undefined, syncAlways: true },
  });
});

test("addresses set host and port", () => {
  const options = optionsOf('listen: "[::1]:4333"\nhttp: ":8222"\nhttps: 8443\ncluster { listen: "a:6222" }');
  assert.equal(options.host, "::1");
  assert.equal(options.port, 4333);
  assert.equal(options.httpPort, 8222);
  assert.equal(options.httpsPort, 8443);
  assert.equal(options.httpHost, undefined);
  assert.deepEqual(options.cluster, { host: "a", port: 6222 });
  for (const [address, words] of [
    ['"::1:4222"', /could not parse address string "::1:4222"/],
    ['"host:"', /could not parse port ""/],
    ["4222.5", /expected port or host:port/],
  ] as const) {
    assert.match(errorOf(`listen: ${address}`), words);
  }
});

test("an error has the place, the key and the nearest known key", () => {
  assert.equal(
    errorOf("port: 4222\n  max_paylod: 1MB"),
    'server.conf:2:3: unknown field "max_paylod", did you mean "max_payload"?',
  );
  assert.equal(errorOf("host: 12"), 'server.conf:1:1: expected a string for "host", got an integer (12)');
});

test("all errors are listed, each with the block it stands in", () => {
  const lines = errorOf("cluster {\n alpha: 1\n}\njetstream {\n key: 2\n}").split("\n");
  assert.equal(lines.length, 2);
  assert.match(lines[0], /^server\.conf:2:2: unknown field "alpha".* \(in "cluster", server\.conf:1:1\)$/);
  assert.match(lines[1], /^server\.conf:5:2: expected a string for "key".*\(in "jetstream", server\.conf:4:1\)$/);
});

test("a key that a variable takes its value from needs no other meaning", () => {
  assert.equal(optionsOf("N: 4333\nport: $N").port, 4333);
  assert.match(errorOf("tls { n: 5, connection_rate_limit: $n }"), /unknown field "n"/);
});

test("numbers for durations are seconds, with a warning", () => {
  const { options, warnings } = load("write_deadline: 5");
  assert.equal(options.writeDeadlineMs, 5_000);
  assert.equal(
    warnings[0].message,
    'invalid use of field "write_deadline": write_deadline should be converted to a duration',
  );
  assert.equal(warnings[0].position?.line, 1);
  assert.match(errorOf('write_deadline: "5 s"'), /unknown unit " s" in duration "5 s"/);
  assert.match(errorOf('write_deadline: "5"'), /missing unit/);
  assert.match(errorOf("lame_duck_duration: 120"), /lame_duck_duration/);
});

test("an empty file is a warning", () => {
  assert.deepEqual(warningsOf("# nothing"), ["server.conf: config has no values or is empty"]);
});

test("positions tell where an option was set", () => {
  const { positions } = load(
    'authorization {\n users = [ {user: a} ]\n}\ntls {}\njetstream {\n domain: d }\nhttp: ":1"',
  );
  const lineOf = (path: string): number | undefined => positions.get(path)?.line;
  assert.equal(lineOf("authorization.users"), 2);
  assert.equal(lineOf("authorization.users[0].user"), 2);
  assert.equal(lineOf("tls"), 4);
  assert.equal(lineOf("jetstream.domain"), 6);
  assert.equal(lineOf("httpPort"), 7);
});

test("users", () => {
  const { authorization } = optionsOf(`authorization { users = [
    {user: a, password: b, permissions: {publish: "p.>", subscribe: {allow: ["s q"], deny: x}, allow_responses: true}},
    {nkey: ${USER_KEY}, clients: [mqtt, standard]} ] }`);
  assert.deepEqual(authorization?.users, [
    {
      user: "a",
      password: "b",
      permissions: {
        publish: { allow: ["p.>"] },
        subscribe: { allow: ["s q"], deny: ["x"] },
        allowResponses: {},
      },
    },
    { nkey: USER_KEY, allowedConnectionTypes: ["MQTT", "STANDARD"] },
  ]);
  for (const [users, words] of [
    ["[ {password: p} ]", /User entry requires a user/],
    ["[ {nkey: UABC} ]", /Not a valid public nkey for a user/],
    [`[ {nkey: ${USER_KEY}, user: u} ]`, /Nkey users do not take usernames/],
    ["[ {user: a}, {user: a} ]", /Duplicate user "a"/],
    ["{ user: a }", /Expected users field to be an array/],
    ["[ {user: a, clients: carrier_pigeon} ]", /invalid connection types \["CARRIER_PIGEON"\]/],
    ['[ {user: a, permissions {publish: "a..b"}} ]', /subject "a..b" is not a valid subject/],
    ['[ {user: a, permissions {publish: "a q"}} ]', /subject "a q" is not a valid subject/],
  ] as const) {
    assert.match(errorOf(`authorization { users = ${users} }`), words);
  }
});

test("one user, a token and a list do not go together", () => {
  assert.match(errorOf("authorization { token: t, users = [] }"), /token and a users array/);
  assert.match(errorOf("accounts { A { users = [{user: a}] } }\nauthorization { user: b }"), /single user\/pass/);
  assert.match(errorOf("authorization { user: a, token: t }"), /Cannot have a user\/pass and token/);
});

test("the auth callout is complete", () => {
  assert.match(errorOf(`authorization { auth_callout { issuer: ${ACCOUNT_KEY} } }`), /require authorized users/);
  assert.match(errorOf("authorization { auth_callout { auth_users: [a] } }"), /require an issuer/);
  const allowed = `authorization { auth_callout { issuer: ${ACCOUNT_KEY}, auth_users: [a], allowed_accounts: [NOPE] } }`;
  assert.match(errorOf(allowed), /allowed account "NOPE" not found/);
  assert.equal(errorOf(`${allowed}\naccounts: [NOPE]`), "accepted");
});

test("accounts by map and by list", () => {
  assert.deepEqual(optionsOf("accounts: [A, B]").accounts, { A: {}, B: {} });
  assert.match(errorOf("accounts: [A, A]"), /Duplicate Account Entry: A/);
  assert.match(errorOf('accounts { "$G" { } }'), /"\$G" is a Reserved Account/);
  const { accounts } = optionsOf(
    `accounts {
    A { exports = [ {stream: "s.>"}, {service: q, response: chunk, threshold: "5s", accounts: [B], latency: l} ]
        limits { max_conn: 5 }, jetstream: enabled, mappings { a: b } }
    B { imports = [ {stream: {account: A, subject: "s.x"}, prefix: p}, {service: {account: A, subject: q}, to: r} ] }
  }`.replace(", latency: l", ""),
  );
  assert.deepEqual(accounts?.A.exports, [
    { stream: "s.>" },
    { service: "q", responseType: "Chunked", thresholdMs: 5_000, accounts: ["B"] },
  ]);
  assert.deepEqual(accounts?.A.limits, { maxConnections: 5 });
  assert.deepEqual(accounts?.A.jetstream, {});
  assert.deepEqual(accounts?.A.mappings, { a: [{ destination: "b", weight: 100 }] });
  assert.deepEqual(accounts?.B.imports, [
    { stream: { account: "A", subject: "s.x" }, prefix: "p" },
    { service: { account: "A", subject: "q" }, to: "r" },
  ]);
});

test("an account's name may be __proto__", () => {
  assert.deepEqual(Object.keys(optionsOf("accounts { __proto__ { users = [{user: a}] } }").accounts ?? {}), [
    "__proto__",
  ]);
});

test("exports and imports that make no sense", () => {
  for (const [account, words] of [
    ["exports = [ {stream: a, service: b} ]", /Detected service "b" but already saw a stream/],
    ["exports = [ {stream: a, response: single} ]", /response directive on non-service/],
    ["exports = [ {service: a, response: many} ]", /Unknown response type: "many"/],
    ["exports = [ {service: a, latency: {sampling: 50}} ]", /Latency subject required/],
    ["exports = [ {service: a, latency: {sampling: 101, subject: l}} ]", /bad sampling percentage 101/],
    ["imports = [ {stream: {account: B}} ]", /Expect an account name and a subject/],
    ["imports = [ {service: {account: B, subject: s}, allow_trace: true} ]", /allow_trace directive on a non-stream/],
    ["msg_trace { dest: t, sampling: 101 }", /sampling value 101 is invalid/],
    ["limits { max_fun: 1 }", /Unknown field "max_fun" parsing account limits/],
    ["jetstream { mem: lots }", /"mem", got a string \(lots\)/],
  ] as const) {
    assert.match(errorOf(`accounts { A { ${account} } }`), words);
  }
  assert.deepEqual(warningsOf("accounts { A { msg_trace { sampling: 10 } } }"), [
    "Trace destination sampling ignored since no destination was set",
  ]);
});

test("imports must be exported to them, and form no cycle", () => {
  const with_ = (exports: string, imports: string): string =>
    errorOf(`accounts { A { exports = [ ${exports} ] }, B { imports = [ ${imports} ] } }`);
  const stream = (subject: string): string => `{stream: {account: A, subject: "${subject}"}}`;
  assert.equal(with_('{stream: "s.*"}', stream("s.x")), "accepted");
  assert.match(with_('{stream: "s.*"}', stream("s.>")), /"s.>": stream import not authorized/);
  assert.match(with_("{stream: s, accounts: [A]}", stream("s")), /not authorized/);
  assert.match(with_("{stream: s, accounts: [C]}", stream("s")), /"C" account not defined for stream export/);
  assert.match(with_("{stream: s}", `${stream("s")}, ${stream("s")}`), /already exists/);
  assert.match(with_("{stream: s}", "{stream: {account: C, subject: s}}"), /"C" account not defined for stream import/);
  assert.match(with_("{service: s}", "{service: {account: A, subject: t}}"), /service import not authorized/);
  const tokens = '{stream: "s.*", account_token_position: 2}';
  assert.equal(with_(tokens, stream("s.B")), "accepted");
  assert.match(with_(tokens, stream("s.C")), /not authorized/);
  assert.match(with_('{service: "s.*"}', '{service: {account: A, subject: "s.*"}, to: x}'), /mapping transform/);
  assert.match(
    errorOf(`accounts {
      A { exports = [{stream: ">"}], imports = [{stream: {account: B, subject: ">"}}] }
      B { exports = [{stream: ">"}], imports = [{stream: {account: A, subject: ">"}}] } }`),
    /import forms a cycle/,
  );
  assert.match(
    errorOf(`accounts {
      A { exports = [{service: a}], imports = [{service: {account: B, subject: b}, to: a}] }
      B { exports = [{service: b}], imports = [{service: {account: A, subject: a}, to: b}] } }`),
    /import forms a cycle/,
  );
});

test("latency needs a system account, a place to go and single answers", () => {
  const error = (service: string, more = ""): string =>
    errorOf(`accounts { A { exports = [ {${service}} ] } }\n${more}`);
  assert.match(error("service: s, latency: s"), /invalid publish subject/);
  assert.match(error("service: s, latency: l, response: stream"), /bad service response type/);
  assert.match(error("service: s, latency: l", "no_system_account: true"), /system account not setup/);
  assert.equal(error('service: s, latency: {sampling: "50%", subject: l}'), "accepted");
});

test("mappings", () => {
  const { mappings } = optionsOf(
    'mappings { a: b, "c.*": [ {dest: "d.$1", weight: 40%}, {destination: "e.$1", weight: "10%", cluster: x} ] }',
  );
  assert.deepEqual(mappings, {
    a: [{ destination: "b", weight: 100 }],
    "c.*": [
      { destination: "d.$1", weight: 40 },
      { destination: "e.$1", weight: 10, cluster: "x" },
    ],
  });
  assert.match(errorOf("mappings { a: [ {dest: b} ] }"), /Missing weight for mapping destination "b"/);
  assert.match(errorOf("mappings { a: [ {dest: b, weight: 80}, {dest: c, weight: 30} ] }"), /total weight/);
  assert.match(errorOf('mappings { a: "b..c" }'), /Error adding mapping for "a"/);
  assert.match(errorOf('mappings { "a..b": c }'), /Subject "a..b" is not a valid subject/);
  assert.match(errorOf("mappings: x"), /expected a map for "mappings"/);
});

test("what cannot be read or parsed has its own errors", () => {
  const nothing = {
    readSync: (): Buffer => {
      throw Object.assign(new Error("no"), { code: "ENOENT" });
    },
    statSync: () => undefined,
  };
  assert.throws(
    () => loadConfig("none.conf", { disk: nothing, env: () => undefined }),
    (error) => error instanceof ConfigFileError && error.message === "open none.conf: no such file or directory",
  );
  assert.throws(() => load("cluster {"), ConfigSyntaxError);
});

test("the digest does not depend on how the file is written", () => {
  const { digest } = load("port: 4222\nmax_payload: 1KB");
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  assert.equal(load('{ "max_payload": 1024, "port": 4222 }').digest, digest);
});

test("includes are read from the disk handed in", () => {
  assert.equal(load("include inc.conf", { "inc.conf": "port: 4333" }).options.port, 4333);
});

test("what is decoded can be resolved", () => {
  const text = `
    accounts { A { exports = [{service: s, latency: l}], users = [{user: a}], jetstream { mem: 1MB } } }
    cluster { compression: on, routes: ["nats://a"] }, gateway { gateways: [{name: h, url: "nats://h"}] }
    leafnodes { remotes = [{}] }, websocket { no_tls: true }, mqtt { ack_wait: "1s" }, jetstream { sync: always }
    ocsp: true, ocsp_cache: true, resolver: MEM, tls { handshake_first: auto }, max_pending: 1E`;
  const options = resolveOptions(optionsOf(text));
  assert.equal(options.maxPendingBytes, 1e18);
  assert.equal(options.tls?.handshakeFirstFallbackMs, 50);
});
