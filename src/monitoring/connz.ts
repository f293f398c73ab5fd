// /connz: the connections, open and closed (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#connection-information).
import { GLOBAL_ACCOUNT } from "../accounts/accounts.js";
import { encodeSubject } from "../options/subject-bytes.js";
import { durationText, uptimeText } from "../protocol/durations.js";
import { bytesAsText } from "../protocol/json.js";
import { formatMs } from "../protocol/rfc3339.js";
import {
  type ConnectionState,
  type ConnectionStatus,
  collectConnections,
  type SubscriptionStatus,
} from "../server/connection-status.js";
import type { Server } from "../server/server.js";
import { subjectsOverlap } from "../subjects/validity.js";
import { MonitoringError } from "./errors.js";
import { DEFAULT_LIMIT, page } from "./paging.js";

/** What is "" or 0 counts as absent. */
export interface ConnzOptions {
  readonly sort?: string;
  /** Shows who the connections are. */
  readonly auth?: boolean;
  readonly subscriptions?: boolean;
  readonly subscriptionsDetail?: boolean;
  readonly offset?: number;
  readonly limit?: number;
  readonly cid?: number;
  readonly state?: ConnectionState;
  readonly user?: string;
  readonly account?: string;
  /** Only with an account: connections that are interested in a part of this subject. */
  readonly filterSubject?: string;
  readonly mqttClient?: string;
}

type Order = (a: ConnectionStatus, b: ConnectionStatus) => number;

const stopped = (one: ConnectionStatus): number => one.stoppedMs ?? Number.POSITIVE_INFINITY;
const descending =
  (value: (one: ConnectionStatus) => number): Order =>
  (a, b) =>
    value(b) - value(a);

const byId: Order = (a, b) => a.id - b.id;
const byDuration = (nowMs: number): Order => {
  const duration = (one: ConnectionStatus): number => (one.stoppedMs ?? nowMs) - one.startedMs;
  return (a, b) => duration(a) - duration(b);
};
const ORDERS: Readonly<Record<string, (nowMs: number) => Order>> = {
  "": () => byId,
  cid: () => byId,
  start: () => byId,
  subs: () => descending((one) => one.subscriptionCount),
  pending: () => descending((one) => one.pendingBytes),
  msgs_to: () => descending((one) => one.outMsgs),
  msgs_from: () => descending((one) => one.inMsgs),
  bytes_to: () => descending((one) => one.outBytes),
  bytes_from: () => descending((one) => one.inBytes),
  last: () => descending((one) => one.lastActivityMs),
  idle: () => (a, b) => a.lastActivityMs - b.lastActivityMs,
  uptime: byDuration,
  stop: () => descending(stopped),
  reason: () => (a, b) => compareText(a.reason ?? "", b.reason ?? ""),
  rtt: () => descending((one) => one.rttMs),
};

/** @throws MonitoringError for options that make no sense */
export async function connz(server: Server, options: ConnzOptions): Promise<object> {
  const { sort = "", state = "open", account, filterSubject = "" } = options;
  if (!Object.hasOwn(ORDERS, sort)) throw new MonitoringError(`invalid sorting option: ${sort}`);
  if (sort === "stop" || sort === "reason") {
    if (state !== "closed") throw new MonitoringError(`sort by ${sort} only valid on closed connections`);
  }
  const filters = filterSubject !== "" && filterSubject !== ">";
  if (filters && !account) throw new MonitoringError("filter by subject only valid with account filtering");
  const cid = options.cid || undefined;
  const offset = Math.max(0, options.offset ?? 0);
  const limit = cid === undefined ? (options.limit ?? 0) : 1;
  const nowMs = server.runtime.clock.nowMs();
  const head = (id: string, count: number, total: number): object => ({
    server_id: id,
    now: formatMs(nowMs),
    num_connections: count,
    total,
    offset,
    limit: limit > 0 ? limit : DEFAULT_LIMIT,
  });
  if (account && server.accounts.get(account) === undefined) return { ...head("", 0, 0), connections: null };

  const withSubscriptions = options.subscriptions || options.subscriptionsDetail || filters;
  const { user } = options;
  const found = await collectConnections(server, { state, id: cid, account, user, withSubscriptions });
  let { connections } = found;
  if (options.mqttClient) connections = [];
  if (filters) {
    const subject = encodeSubject(filterSubject);
    connections = connections.filter(
      (one) =>
        one.stoppedMs !== undefined || one.subscriptions?.some((other) => subjectsOverlap(subject, other.subject)),
    );
  }
  connections.sort(byId);
  if (sort !== "") connections.sort(ORDERS[sort](nowMs));
  const shown = page(connections, offset, limit).map((one) => connectionInfo(one, nowMs, options));
  return { ...head(server.id, shown.length, found.total), connections: shown };
}

function connectionInfo(one: ConnectionStatus, nowMs: number, options: ConnzOptions): object {
  const { stoppedMs, account, subscriptions = [], tls } = one;
  const untilMs = stoppedMs ?? nowMs;
  const { auth } = options;
  const isGlobal = account === GLOBAL_ACCOUNT;
  const detailed = options.subscriptionsDetail && subscriptions.length > 0;
  const listed = options.subscriptions && !detailed && subscriptions.length > 0;
  const certificates = (tls?.peerCertificates ?? []).map(({ subject, publicKeySha256, sha256 }) => ({
    subject,
    subject_pk_sha256: publicKeySha256,
    cert_sha256: sha256,
  }));
  return {
    cid: one.id,
    kind: one.kind,
    type: one.type,
    ip: one.host,
    port: one.port,
    start: formatMs(one.startedMs),
    last_activity: formatMs(one.lastActivityMs),
    stop: stoppedMs === undefined ? undefined : formatMs(stoppedMs),
    reason: one.reason,
    rtt: durationText(Math.trunc(one.rttMs * 1000) / 1000),
    uptime: uptimeText(untilMs - one.startedMs),
    idle: uptimeText(untilMs - one.lastActivityMs),
    pending_bytes: one.pendingBytes,
    in_msgs: one.inMsgs,
    out_msgs: one.outMsgs,
    in_bytes: one.inBytes,
    out_bytes: one.outBytes,
    subscriptions: one.subscriptionCount,
    name: one.name || undefined,
    lang: one.lang || undefined,
    version: one.version || undefined,
    tls_version: tls?.version,
    tls_cipher_suite: tls?.cipherSuite,
    tls_peer_certs: auth && certificates.length > 0 ? certificates : undefined,
    tls_first: tls?.first || undefined,
    authorized_user: auth ? one.user || undefined : undefined,
    account: auth && !isGlobal ? account : undefined,
    subscriptions_list: listed ? subscriptions.map(({ subject }) => bytesAsText(subject)) : undefined,
    subscriptions_list_detail: detailed ? subscriptions.map(subscriptionDetail) : undefined,
    issuer_key: auth || stoppedMs !== undefined ? one.issuerKey || undefined : undefined,
    jwt: auth ? one.jwt || undefined : undefined,
    tags: auth && one.tags.length > 0 ? one.tags : undefined,
    name_tag: auth && (stoppedMs === undefined || !isGlobal) ? one.accountLabel : undefined,
    proxy: one.proxyKey === undefined ? undefined : { key: one.proxyKey },
  };
}

/** A subscription as /connz and /subsz show it. */
export function subscriptionDetail(one: SubscriptionStatus): object {
  return {
    subject: bytesAsText(one.subject),
    qgroup: one.queue === undefined ? undefined : bytesAsText(one.queue),
    sid: bytesAsText(one.sid),
    msgs: one.delivered,
    max: one.max || undefined,
    cid: one.connection,
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
