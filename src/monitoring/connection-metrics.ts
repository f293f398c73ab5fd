// The connections as metrics, added up and, where asked for, one by one. Not from the page /connz: its times are text, and
// most scrapes need no list.
import { GLOBAL_ACCOUNT } from "../accounts/accounts.js";
import {
  type ConnectionStatus,
  type ConnectionTotals,
  collectConnections,
  collectConnectionTotals,
  nextTurn,
} from "../server/connection-status.js";
import type { Server } from "../server/server.js";
import { labelsText, type MetricsText, type MetricType } from "./metrics-text.js";
import { DEFAULT_LIMIT, page } from "./paging.js";

/** Connections whose lines are written in one turn of the loop. */
const PER_TURN = 128;

const TOTALS: readonly (readonly [name: string, type: MetricType, value: (totals: ConnectionTotals) => number])[] = [
  ["num_connections", "gauge", ({ connections }) => connections],
  ["total", "gauge", ({ connections }) => connections],
  ["pending_bytes", "gauge", ({ pendingBytes }) => pendingBytes],
  ["subscriptions", "gauge", ({ subscriptions }) => subscriptions],
  ["in_bytes", "counter", ({ inBytes }) => inBytes],
  ["out_bytes", "counter", ({ outBytes }) => outBytes],
  ["in_msgs", "counter", ({ inMsgs }) => inMsgs],
  ["out_msgs", "counter", ({ outMsgs }) => outMsgs],
];

type Detail = readonly [
  name: string,
  help: string,
  type: MetricType,
  value: (one: ConnectionStatus, nowMs: number) => number,
];

const DETAILS: readonly Detail[] = [
  ["pending_bytes", "pending_bytes", "gauge", ({ pendingBytes }) => pendingBytes],
  ["subscriptions", "subscriptions", "gauge", ({ subscriptionCount }) => subscriptionCount],
  ["in_bytes", "in_bytes", "counter", ({ inBytes }) => inBytes],
  ["out_bytes", "out_bytes", "counter", ({ outBytes }) => outBytes],
  ["in_msgs", "in_msgs", "counter", ({ inMsgs }) => inMsgs],
  ["out_msgs", "out_msgs", "counter", ({ outMsgs }) => outMsgs],
  ["start", "epoch time at which the connection was started", "untyped", (one) => Math.floor(one.startedMs)],
  [
    "last_activity",
    "epoch time at which the last activity was registred",
    "untyped",
    (one) => Math.floor(one.lastActivityMs),
  ],
  ["rtt", "response time latency in microseconds", "gauge", ({ rttMs }) => Math.floor(rttMs * 1000)],
  ["uptime", "uptime duration in milliseconds", "untyped", (one, nowMs) => Math.floor(nowMs - one.startedMs)],
  ["idle", "idle time duration in milliseconds", "gauge", (one, nowMs) => Math.floor(nowMs - one.lastActivityMs)],
];

/** @param shown which connections are shown one by one, in the order of their ids; none when absent */
export async function addConnections(
  metrics: MetricsText,
  server: Server,
  shown?: { readonly offset: number; readonly limit: number },
): Promise<void> {
  const totals = await collectConnectionTotals(server);
  const labels = labelsText({ server_id: server.id });
  for (const [name, type, value] of TOTALS)
    metrics.family(`gnatsd_connz_${name}`, name, type).add(labels, value(totals));
  const { offset = 0, limit = 0 } = shown ?? {};
  metrics.family("gnatsd_connz_offset", "offset").add(labels, Math.max(0, offset));
  metrics.family("gnatsd_connz_limit", "limit").add(labels, limit > 0 ? limit : DEFAULT_LIMIT);
  if (shown === undefined) return;
  const { connections } = await collectConnections(server, { state: "open" });
  connections.sort((a, b) => a.id - b.id);
  const nowMs = server.runtime.clock.nowMs();
  for (const [at, one] of page(connections, offset, limit).entries()) {
    if (at > 0 && at % PER_TURN === 0) await nextTurn(server);
    addConnection(metrics, server.id, one, nowMs);
  }
}

function addConnection(metrics: MetricsText, serverId: string, one: ConnectionStatus, nowMs: number): void {
  const account = one.account === GLOBAL_ACCOUNT ? "" : one.account;
  const labels = labelsText({
    account,
    account_id: account,
    cid: String(one.id),
    ip: one.host,
    kind: one.kind,
    lang: one.lang,
    name: one.name,
    name_tag: one.account,
    port: String(one.port),
    server_id: serverId,
    tls_cipher_suite: one.tls?.cipherSuite ?? "",
    tls_version: one.tls?.version ?? "",
    type: one.type ?? "",
    version: one.version,
  });
  for (const [name, help, type, value] of DETAILS) {
    metrics.family(`gnatsd_connz_${name}`, help, type).add(labels, value(one, nowMs));
  }
}
