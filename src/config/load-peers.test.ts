import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT_KEY, errorOf, load, OPERATOR_JWT, optionsOf, USER_KEY, USER_SEED, warningsOf } from "./test-config.js";

test("routes and other URLs", () => {
  assert.deepEqual(optionsOf('cluster { routes: ["nats://u:p@a:1", "nats://[::1]:2"] }').cluster?.routes, [
    "nats://u:p@a:1",
    "nats://[::1]:2",
  ]);
  assert.match(errorOf('cluster { routes: ["127.0.0.1:4222"] }'), /error parsing route url/);
  assert.match(errorOf('cluster { routes: ["nats://a:b"] }'), /error parsing route url/);
  assert.match(warningsOf('cluster { routes: ["nats://a", "nats://a"] }')[0], /Duplicate route entry detected/);
});

test("clusters and gateways take one user", () => {
  assert.deepEqual(optionsOf("cluster { authorization { user: a, timeout: 1 } }").cluster?.authorization, {
    user: "a",
    timeoutMs: 1_000,
  });
  assert.match(
    errorOf("cluster { authorization { users = [] } }"),
    /Cluster authorization does not allow multiple users/,
  );
  assert.match(errorOf("gateway { authorization { token: t } }"), /Gateway authorization does not support tokens/);
  assert.match(errorOf("cluster { permissions { allow_responses: true } }"), /do not support dynamic responses/);
  assert.match(errorOf('cluster { permissions { export: "a q" } }'), /cluster export allow/);
});

test("compression is a mode, a boolean or a map", () => {
  const compressionOf = (value: string): unknown => optionsOf(`cluster { compression: ${value} }`).cluster?.compression;
  assert.deepEqual(compressionOf("s2_best"), { mode: "s2_best" });
  assert.deepEqual(compressionOf("true"), { mode: "s2_fast" });
  assert.deepEqual(compressionOf("off"), { mode: "off" });
  assert.deepEqual(compressionOf('{ mode: s2_auto, rtts: ["10ms", "1s"] }'), {
    mode: "s2_auto",
    rttThresholdsMs: [10, 1_000],
  });
});

test("leaf node remotes", () => {
  const { leafnodes } = optionsOf(`leafnodes { remotes = [ {
    url: "nats://a", nkey: ${USER_SEED}, deny_imports: [x, "y.>"], js_cluster_migrate { leader_migrate_delay: "5s" } } ] }`);
  assert.deepEqual(leafnodes?.remotes, [
    {
      urls: ["nats://a"],
      nkey: USER_SEED,
      denyImports: ["x", "y.>"],
      jetstreamClusterMigrate: true,
      jetstreamClusterMigrateDelayMs: 5_000,
    },
  ]);
  for (const [remote, words] of [
    [`nkey: ${USER_KEY}`, /not a valid seed/],
    [`nkey: ${USER_SEED}, creds: "x"`, /can not have both creds and nkey/],
    ['url: "ws://a", proxy { url: "ftp://b" }', /must be http or https, got: ftp/],
    ["proxy { username: a }", /proxy URL must be specified/],
  ] as const) {
    assert.match(errorOf(`leafnodes { remotes = [ { ${remote} } ] }`), words);
  }
  assert.match(errorOf("leafnodes { remotes = [ {}, {} ] }"), /duplicate remote/);
  const { warnings } = load('leafnodes { remotes = [ { url: "nats://a", proxy { url: "http://b" } } ] }');
  assert.equal(warnings[0].tolerated, true);
  assert.match(errorOf('leafnodes { min_version: "2.7.0" }'), /at least 2\.8\.0/);
  assert.match(errorOf("leafnodes { authorization { users = [{user: a}, {user: a}] } }"), /duplicate user "a"/);
});

test("jetstream", () => {
  assert.deepEqual(optionsOf("jetstream: enabled").jetstream, { enabled: true });
  assert.deepEqual(optionsOf("jetstream: false").jetstream, { enabled: false });
  for (const [value, words] of [
    ["maybe", /'enabled' or 'disabled'/],
    ["{ store: a, store_dir: b }", /Duplicate 'store_dir'/],
    ['{ max_mem: "2X" }', /must end in K, M, G, T/],
    ["{ max_concurrent_io: 2 }", /max_concurrent_io/],
    ["{ meta_compact: -1 }", /absolute size for "meta_compact"/],
    ["{ cipher: rot13 }", /Unknown cipher type: "rot13"/],
  ] as const) {
    assert.match(errorOf(`jetstream: ${value}`), words);
  }
  assert.match(errorOf("jetstream { store_dir: a }\nstore_dir: b"), /Duplicate 'store_dir'/);
});

test("websocket and mqtt", () => {
  assert.equal(optionsOf("ws { handshake_timeout: 3 }").websocket?.handshakeTimeoutMs, 3_000);
  assert.deepEqual(optionsOf('ws { headers { "X-A": b } }').websocket?.headers, { "X-A": "b" });
  assert.match(errorOf('ws { headers { "X-A": 5 } }'), /header key X-A/);
  assert.deepEqual(optionsOf("ws { authorization { timeout: true } }").websocket?.authorization, { timeoutMs: 1_000 });
  assert.match(errorOf("mqtt { max_ack_pending: -1 }"), /max_ack_pending/);
  assert.match(warningsOf("mqtt { consumer_replicas: 1 }")[0], /ignored in this server version/);
});

test("operators bring their system account", () => {
  const options = optionsOf(`operator: ${OPERATOR_JWT}`);
  assert.deepEqual(options.operators, [OPERATOR_JWT]);
  assert.match(options.systemAccount ?? "", /^AA22IQN4/);
  assert.deepEqual(optionsOf(`operator: ${OPERATOR_JWT}\nresolver: MEM`).resolver, { type: "MEMORY" });
  assert.match(errorOf(`operator: ${OPERATOR_JWT.slice(0, -4)}AAAA`), /signature verification/);
  assert.match(errorOf("operator: nofile"), /open nofile: no such file or directory/);
  assert.match(errorOf(`resolver_preload { ${ACCOUNT_KEY}: ${OPERATOR_JWT} }`), /invalid account JWT/);
  assert.match(errorOf(`trusted: ${ACCOUNT_KEY}`), /public operator nkey/);
  const decorated = `-----BEGIN NATS OPERATOR JWT-----\n${OPERATOR_JWT}\n------END NATS OPERATOR JWT------\n`;
  assert.deepEqual(load("operator: op.jwt", { "op.jwt": decorated }).options.operators, [OPERATOR_JWT]);
});

test("resolvers", () => {
  assert.deepEqual(optionsOf('resolver: URL("http://a/")').resolver, { type: "URL", url: "http://a/" });
  assert.deepEqual(optionsOf("resolver { type: full, dir: d, other: 1 }").resolver, { type: "FULL", dir: "d" });
  assert.match(errorOf("resolver: SOMETHING"), /should be MEM/);
  assert.match(errorOf("resolver { type: full }"), /dir has no value/);
  assert.match(errorOf("resolver { type: cache, dir: d, allow_delete: true }"), /CACHE does not accept allow_delete/);
  assert.match(errorOf("resolver { type: full, dir: d, hard_delete: true }"), /hard_delete has no effect/);
});
