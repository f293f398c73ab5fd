// Pages as metrics, under the names that the NATS exporter for Prometheus gave them and dashboards know:
// https://github.com/nats-io/prometheus-nats-exporter.
import { labelsText, type MetricsText } from "./metrics-text.js";
import { durationMs, timeMs } from "./page-values.js";

/** A page, or a part of it. */
export type Page = object;

/** Numbers that are settings of little use; `leaf` and `trusted_operators_claim` with all they hold. */
const LEFT_OUT = new Set([
  "leaf",
  "trusted_operators_claim",
  "cluster_tls_timeout",
  "cluster_cluster_port",
  "cluster_auth_timeout",
  "gateway_port",
  "gateway_auth_timeout",
  "gateway_tls_timeout",
  "gateway_connect_retries",
]);
/** Texts that are shown, as the label of a sample with the value 1; times as milliseconds since 1970. */
const SHOWN_TEXTS = new Set([
  "server_id",
  "server_name",
  "version",
  "domain",
  "leader",
  "name",
  "start",
  "config_load_time",
]);
const VALID_NAME = /^[A-Za-z0-9_:]+$/;

/** All numbers of a page, and some of its texts, as `gnatsd_PAGE_KEY`; of members in members the keys are joined. */
export function addPage(metrics: MetricsText, pageName: string, page: Page, serverId: string): void {
  const labels = labelsText({ server_id: serverId });
  const visit = (part: Page, path: readonly string[]): void => {
    for (const [key, value] of part instanceof Map ? part : Object.entries(part)) {
      const keys = [...path, key];
      const name = keys.join("_").replaceAll("/", "_").replace(/_+/g, "_").replace(/^_|_$/g, "");
      const fullName = `gnatsd_${pageName}_${name}`;
      if (LEFT_OUT.has(name) || !VALID_NAME.test(name)) continue;
      if (typeof value === "object" && value !== null && !Array.isArray(value)) visit(value, keys);
      if (metrics.has(fullName)) continue;
      if (typeof value === "number" || typeof value === "bigint") metrics.family(fullName, name).add(labels, value);
      if (typeof value !== "string" || !SHOWN_TEXTS.has(key)) continue;
      const ms = timeMs(value);
      if (ms !== undefined) metrics.family(fullName, name).add(labels, ms);
      else metrics.family(fullName, name).add(labelsText({ server_id: serverId, value }), 1);
    }
  };
  visit(page, []);
}

/** 0 is well, as `gnatsd_healthz_status` has always had it; `gnatsd_healthz_status_value` has it the other way round. */
export function addHealthz(metrics: MetricsText, status: string, serverId: string): void {
  const isWell = status === "ok";
  metrics.family("gnatsd_healthz_status", "status").add(labelsText({ server_id: serverId }), isWell ? 0 : 1);
  const labels = labelsText({ server_id: serverId, value: status });
  metrics.family("gnatsd_healthz_status_value", "status").add(labels, isWell ? 1 : 0);
}

interface AccountStat {
  readonly acc: string;
  readonly name: string;
  readonly conns: number;
  readonly total_conns: number;
  readonly num_subscriptions: number;
  readonly leafnodes: number;
  readonly sent: { readonly msgs: number; readonly bytes: number };
  readonly received: { readonly msgs: number; readonly bytes: number };
  readonly slow_consumers: number;
}

const ACCOUNT_METRICS: Readonly<Record<string, (account: AccountStat) => number>> = {
  current_connections: ({ conns }) => conns,
  total_connections: ({ total_conns }) => total_conns,
  subscriptions: ({ num_subscriptions }) => num_subscriptions,
  leaf_nodes: ({ leafnodes }) => leafnodes,
  sent_messages: ({ sent }) => sent.msgs,
  sent_bytes: ({ sent }) => sent.bytes,
  received_messages: ({ received }) => received.msgs,
  received_bytes: ({ received }) => received.bytes,
  slow_consumers: ({ slow_consumers }) => slow_consumers,
};

/** /accstatz with the accounts that nobody uses. */
export function addAccstatz(metrics: MetricsText, page: Page, serverId: string): void {
  const { account_statz } = page as { account_statz: readonly AccountStat[] };
  for (const account of account_statz) {
    const { acc, name } = account;
    const labels = labelsText({ account: acc, account_id: acc, account_name: name, server_id: serverId });
    for (const [metric, value] of Object.entries(ACCOUNT_METRICS)) {
      metrics.family(`gnatsd_accstatz_${metric}`, metric).add(labels, value(account));
    }
  }
}

interface AccountDetail {
  readonly account_name: string;
  readonly name_tag: string;
  readonly client_connections: number;
  readonly leafnode_connections: number;
  readonly subscriptions: number;
  readonly is_system?: boolean;
  readonly expired: boolean;
  readonly complete: boolean;
  readonly jetstream_enabled: boolean;
  readonly decoded_jwt?: { readonly nats?: { readonly limits?: Readonly<Record<string, number | boolean>> } };
}

/** What an account's JWT may limit; 0 where it has none. */
const ACCOUNT_LIMITS = ["subs", "data", "payload", "imports", "exports", "wildcards", "conn", "leaf"];

/** The details of one account of /accountz. */
export function addAccountz(metrics: MetricsText, detail: Page, serverId: string): void {
  const account = detail as AccountDetail;
  const labels = labelsText({ account_id: account.account_name, account_name: account.name_tag, server_id: serverId });
  const add = (name: string, value: number | boolean | undefined): void => {
    metrics.family(`gnatsd_accountz_${name}`, name).add(labels, Number(value ?? 0));
  };
  add("client_connections", account.client_connections);
  add("leafnode_connections", account.leafnode_connections);
  add("subscriptions", account.subscriptions);
  add("is_system", account.is_system);
  add("expired", account.expired);
  add("complete", account.complete);
  add("jetstream_enabled", account.jetstream_enabled);
  const limits = account.decoded_jwt?.nats?.limits;
  for (const name of ACCOUNT_LIMITS) add(`limit_${name}`, limits?.[name]);
}

interface PeerConnection {
  readonly cid: number;
  readonly start: string;
  readonly last_activity: string;
  readonly uptime: string;
  readonly idle: string;
  readonly rtt?: string;
  readonly pending_bytes: number;
  readonly in_msgs: number;
  readonly out_msgs: number;
  readonly in_bytes: number;
  readonly out_bytes: number;
  readonly subscriptions: number;
}

interface RemoteGateway {
  readonly configured: boolean;
  readonly connection: PeerConnection;
}

type PeerMetric = readonly [name: string, help: string, value: (peer: PeerConnection) => number];

const wholeSeconds = (time: string): number => Math.floor((timeMs(time) ?? 0) / 1000);
const rttSeconds = ({ rtt = "" }: { readonly rtt?: string }): number => durationMs(rtt) / 1000;

const GATEWAY_METRICS: readonly PeerMetric[] = [
  ["conn_start_time_seconds", "conn_start_time_seconds", ({ start }) => wholeSeconds(start)],
  ["conn_last_activity_seconds", "conn_last_activity_seconds", (peer) => wholeSeconds(peer.last_activity)],
  ["conn_uptime_seconds", "conn_uptime_seconds", ({ uptime }) => durationMs(uptime) / 1000],
  ["conn_idle_seconds", "conn_idle_seconds", ({ idle }) => durationMs(idle) / 1000],
  ["conn_rtt", "rtt", rttSeconds],
  ["conn_pending_bytes", "pending_bytes", (peer) => peer.pending_bytes],
  ["conn_in_msgs", "in_msgs", (peer) => peer.in_msgs],
  ["conn_out_msgs", "out_msgs", (peer) => peer.out_msgs],
  ["conn_in_bytes", "in_bytes", (peer) => peer.in_bytes],
  ["conn_out_bytes", "out_bytes", (peer) => peer.out_bytes],
  ["conn_subscriptions", "subscriptions", ({ subscriptions }) => subscriptions],
];

export function addGatewayz(metrics: MetricsText, page: Page, serverId: string): void {
  const { name, outbound_gateways, inbound_gateways } = page as {
    name?: string;
    outbound_gateways: Readonly<Record<string, RemoteGateway>>;
    inbound_gateways: Readonly<Record<string, readonly RemoteGateway[]>>;
  };
  const add = (direction: string, remote: string, { configured, connection }: RemoteGateway): void => {
    const prefix = `gnatsd_gatewayz_${direction}_gateway`;
    const own = { cid: String(connection.cid), gateway_name: name ?? "" };
    const labels = labelsText({ ...own, remote_gateway_name: remote, server_id: serverId });
    metrics.family(`${prefix}_configured`, "configured").add(labels, configured ? 1 : 0);
    for (const [metric, help, value] of GATEWAY_METRICS) {
      metrics.family(`${prefix}_${metric}`, help).add(labels, value(connection));
    }
  };
  for (const [remote, gateway] of Object.entries(outbound_gateways)) add("outbound", remote, gateway);
  for (const [remote, gateways] of Object.entries(inbound_gateways)) {
    for (const gateway of gateways) add("inbound", remote, gateway);
  }
}

interface Leaf {
  readonly name: string;
  readonly account: string;
  readonly ip: string;
  readonly port: number;
  readonly rtt?: string;
  readonly in_msgs: number;
  readonly out_msgs: number;
  readonly in_bytes: number;
  readonly out_bytes: number;
  readonly subscriptions: number;
}

const LEAF_METRICS: readonly (readonly [name: string, help: string, value: (leaf: Leaf) => number])[] = [
  ["info", "info", () => 1],
  ["conn_rtt", "rtt", rttSeconds],
  ["conn_in_msgs", "in_msgs", (leaf) => leaf.in_msgs],
  ["conn_out_msgs", "out_msgs", (leaf) => leaf.out_msgs],
  ["conn_in_bytes", "in_bytes", (leaf) => leaf.in_bytes],
  ["conn_out_bytes", "out_bytes", (leaf) => leaf.out_bytes],
  ["conn_subscriptions_total", "subscriptions_total", ({ subscriptions }) => subscriptions],
];

export function addLeafz(metrics: MetricsText, page: Page, serverId: string): void {
  const { leafnodes, leafs } = page as { leafnodes: number; leafs: readonly Leaf[] };
  metrics.family("gnatsd_leafz_conn_nodes_total", "nodes_total").add(labelsText({ server_id: serverId }), leafnodes);
  for (const leaf of leafs) {
    const { account, ip, port, name } = leaf;
    const of = { account, account_id: account, ip, name, port: String(port), server_id: serverId };
    const labels = labelsText(of);
    for (const [metric, help, value] of LEAF_METRICS) {
      metrics.family(`gnatsd_leafz_${metric}`, help).add(labels, value(leaf));
    }
  }
}

interface JetStreamPage {
  readonly disabled?: boolean;
  readonly config: { readonly max_memory: number; readonly max_storage: number; readonly domain?: string };
  readonly streams: number;
  readonly consumers: number;
  readonly messages: number;
  readonly bytes: number;
  readonly meta_cluster?: { readonly name: string; readonly leader?: string };
}

const JETSTREAM_METRICS: readonly (readonly [name: string, help: string, value: (page: JetStreamPage) => number])[] = [
  ["jetstream_disabled", "JetStream disabled or not", ({ disabled }) => (disabled === true ? 1 : 0)],
  ["total_streams", "Total number of streams in JetStream", ({ streams }) => streams],
  ["total_consumers", "Total number of consumers in JetStream", ({ consumers }) => consumers],
  ["total_messages", "Total number of stored messages in JetStream", ({ messages }) => messages],
  ["total_message_bytes", "Total number of bytes stored in JetStream", ({ bytes }) => bytes],
  ["max_memory", "JetStream Max Memory", ({ config }) => config.max_memory],
  ["max_storage", "JetStream Max Storage", ({ config }) => config.max_storage],
];

/** /jsz of the server as a whole. */
export function addJsz(metrics: MetricsText, page: Page, serverId: string, serverName: string): void {
  const jetstream = page as JetStreamPage;
  const { config, meta_cluster: meta } = jetstream;
  const labels = labelsText({
    cluster: meta?.name ?? "",
    domain: config.domain ?? "",
    is_meta_leader: String(meta === undefined || meta.leader === serverName),
    meta_leader: meta?.leader ?? "",
    server_id: serverId,
    server_name: serverName,
  });
  for (const [metric, help, value] of JETSTREAM_METRICS) {
    metrics.family(`jetstream_server_${metric}`, help).add(labels, value(jetstream));
  }
}
