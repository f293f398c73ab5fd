import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricsText } from "./metrics-text.js";
import { addAccountz, addAccstatz, addGatewayz, addHealthz, addJsz, addLeafz, addPage } from "./page-metrics.js";

/** The samples, without what they are. */
function samples(add: (metrics: MetricsText) => void): string[] {
  const metrics = new MetricsText();
  add(metrics);
  return String(metrics)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

test("a page is flattened: numbers, a few texts, times in milliseconds", () => {
  const page = {
    server_name: "north",
    start: "2026-01-02T03:04:05.006Z",
    now: "2026-01-02T03:04:05.006Z",
    go: "node",
    auth_required: true,
    tags: ["a"],
    in_msgs: 3,
    max: 2n ** 60n,
    http_req_stats: new Map([
      ["/", 1],
      ["/varz", 2],
    ]),
    metadata: new Map([
      ["name", "one"],
      ["bad-name", "two"],
    ]),
    cluster: { name: "C", cluster_port: 1, pool_size: 3 },
    leaf: { port: 7422 },
  };
  assert.deepEqual(
    samples((metrics) => addPage(metrics, "varz", page, "N1")),
    [
      'gnatsd_varz_server_name{server_id="N1",value="north"} 1',
      'gnatsd_varz_start{server_id="N1"} 1767323045006',
      'gnatsd_varz_in_msgs{server_id="N1"} 3',
      'gnatsd_varz_max{server_id="N1"} 1152921504606846976',
      'gnatsd_varz_http_req_stats{server_id="N1"} 1',
      'gnatsd_varz_http_req_stats_varz{server_id="N1"} 2',
      'gnatsd_varz_metadata_name{server_id="N1",value="one"} 1',
      'gnatsd_varz_cluster_name{server_id="N1",value="C"} 1',
      'gnatsd_varz_cluster_pool_size{server_id="N1"} 3',
    ],
  );
});

test("keys that make one name are shown once, and keys that make none are not", () => {
  const metadata = new Map([
    ["a", { "b-c": 1 }],
    ["a/x", { d: 2 }],
    ["a_x", { d: 3 }],
  ] as [string, unknown][]);
  assert.deepEqual(
    samples((metrics) => addPage(metrics, "varz", { metadata }, "N1")),
    ['gnatsd_varz_metadata_a_x_d{server_id="N1"} 2'],
  );
});

test("health is 0 under its old name and 1 under the new", () => {
  const well = ['gnatsd_healthz_status{server_id="N1"} 0', 'gnatsd_healthz_status_value{server_id="N1",value="ok"} 1'];
  assert.deepEqual(
    samples((metrics) => addHealthz(metrics, "ok", "N1")),
    well,
  );
  const ill = [
    'gnatsd_healthz_status{server_id="N1"} 1',
    'gnatsd_healthz_status_value{server_id="N1",value="error"} 0',
  ];
  assert.deepEqual(
    samples((metrics) => addHealthz(metrics, "error", "N1")),
    ill,
  );
});

test("accounts are labelled by key and by name", () => {
  const account = { acc: "AKEY", name: "A", conns: 1, total_conns: 2, num_subscriptions: 3, leafnodes: 4 };
  const traffic = { sent: { msgs: 5, bytes: 6 }, received: { msgs: 7, bytes: 8 }, slow_consumers: 9 };
  const found = samples((metrics) => addAccstatz(metrics, { account_statz: [{ ...account, ...traffic }] }, "N1"));
  const labels = '{account="AKEY",account_id="AKEY",account_name="A",server_id="N1"}';
  const names = ["current_connections", "total_connections", "subscriptions", "leaf_nodes"];
  names.push("sent_messages", "sent_bytes", "received_messages", "received_bytes", "slow_consumers");
  assert.deepEqual(
    found,
    names.map((name, at) => `gnatsd_accstatz_${name}${labels} ${at + 1}`),
  );
});

test("an account's details are shown with the limits of its JWT", () => {
  const detail = {
    ...{ account_name: "AKEY", name_tag: "A", client_connections: 1, leafnode_connections: 2, subscriptions: 3 },
    ...{ is_system: true, expired: false, complete: true, jetstream_enabled: false },
  };
  const limits = { subs: 4, data: -1, payload: 5, imports: 6, exports: 7, wildcards: true, conn: 8, leaf: 9 };
  const jwt = { decoded_jwt: { nats: { limits } } };
  const names = ["client_connections", "leafnode_connections", "subscriptions", "is_system", "expired", "complete"];
  names.push("jetstream_enabled", ...Object.keys(limits).map((name) => `limit_${name}`));
  const shown = (values: readonly number[]): string[] =>
    names.map((name, at) => {
      const labels = '{account_id="AKEY",account_name="A",server_id="N1"}';
      return `gnatsd_accountz_${name}${labels} ${values[at]}`;
    });
  assert.deepEqual(
    samples((metrics) => addAccountz(metrics, { ...detail, ...jwt }, "N1")),
    shown([1, 2, 3, 1, 0, 1, 0, 4, -1, 5, 6, 7, 1, 8, 9]),
  );
  assert.deepEqual(
    samples((metrics) => addAccountz(metrics, { ...detail, is_system: undefined }, "N1")),
    shown([1, 2, 3, 0, 0, 1, 0, ...Array(8).fill(0)]),
  );
});

const CONNECTION = {
  ...{ cid: 7, start: "2026-01-02T03:04:05.9Z", last_activity: "2026-01-02T03:05:05Z", uptime: "1m1s", idle: "1s" },
  ...{ rtt: "1.5ms", pending_bytes: 1, in_msgs: 2, out_msgs: 3, in_bytes: 4, out_bytes: 5, subscriptions: 6 },
};

test("gateways are shown by direction and remote name", () => {
  const gateway = { configured: true, connection: CONNECTION };
  const page = { name: "north", outbound_gateways: { south: gateway }, inbound_gateways: { south: [gateway] } };
  const found = samples((metrics) => addGatewayz(metrics, page, "N1"));
  const labels = '{cid="7",gateway_name="north",remote_gateway_name="south",server_id="N1"}';
  const values = [
    ...[`configured${labels} 1`, `conn_start_time_seconds${labels} 1767323045`],
    ...[`conn_last_activity_seconds${labels} 1767323105`, `conn_uptime_seconds${labels} 61`],
    ...[`conn_idle_seconds${labels} 1`, `conn_rtt${labels} 0.0015`, `conn_pending_bytes${labels} 1`],
    ...[`conn_in_msgs${labels} 2`, `conn_out_msgs${labels} 3`, `conn_in_bytes${labels} 4`],
    ...[`conn_out_bytes${labels} 5`, `conn_subscriptions${labels} 6`],
  ];
  const expected = ["outbound", "inbound"].flatMap((way) =>
    values.map((value) => `gnatsd_gatewayz_${way}_gateway_${value}`),
  );
  assert.deepEqual(found, expected);
});

test("leaf nodes are counted and shown", () => {
  const leaf = { ...CONNECTION, name: "edge", account: "A", ip: "::1", port: 1234 };
  const found = samples((metrics) => addLeafz(metrics, { leafnodes: 1, leafs: [leaf] }, "N1"));
  const labels = '{account="A",account_id="A",ip="::1",name="edge",port="1234",server_id="N1"}';
  assert.deepEqual(found, [
    'gnatsd_leafz_conn_nodes_total{server_id="N1"} 1',
    ...[`gnatsd_leafz_info${labels} 1`, `gnatsd_leafz_conn_rtt${labels} 0.0015`],
    ...[`gnatsd_leafz_conn_in_msgs${labels} 2`, `gnatsd_leafz_conn_out_msgs${labels} 3`],
    ...[`gnatsd_leafz_conn_in_bytes${labels} 4`, `gnatsd_leafz_conn_out_bytes${labels} 5`],
    `gnatsd_leafz_conn_subscriptions_total${labels} 6`,
  ]);
});

test("JetStream is labelled with its cluster, and a server alone leads", () => {
  const page = { config: { max_memory: 1, max_storage: 2 }, streams: 3, consumers: 4, messages: 5, bytes: 6 };
  const alone = samples((metrics) => addJsz(metrics, { ...page, disabled: true }, "N1", "a"));
  const own = 'cluster="",domain="",is_meta_leader="true",meta_leader="",server_id="N1",server_name="a"';
  assert.equal(alone[0], `jetstream_server_jetstream_disabled{${own}} 1`);
  const config = { ...page.config, domain: "hub" };
  const clustered = { ...page, config, meta_cluster: { name: "C", leader: "b" } };
  const labels = '{cluster="C",domain="hub",is_meta_leader="false",meta_leader="b",server_id="N1",server_name="a"}';
  assert.deepEqual(
    samples((metrics) => addJsz(metrics, clustered, "N1", "a")),
    [
      ...[`jetstream_disabled${labels} 0`, `total_streams${labels} 3`, `total_consumers${labels} 4`],
      ...[`total_messages${labels} 5`, `total_message_bytes${labels} 6`],
      ...[`max_memory${labels} 1`, `max_storage${labels} 2`],
    ].map((sample) => `jetstream_server_${sample}`),
  );
});
