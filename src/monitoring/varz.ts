// /varz: the server in general (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#general-information).
import { nanoseconds, uptimeText } from "../protocol/durations.js";
import { formatMs } from "../protocol/rfc3339.js";
import { COMPATIBILITY_VERSION, NATSNODE_VERSION } from "../protocol/version.js";
import { featureFlags } from "../server/feature-flags.js";
import type { Server } from "../server/server.js";
import { toldUrls } from "../server/server-info.js";
import type { OcspCacheStatus } from "../server/tls/ocsp-cache.js";
import { operatorsVarz } from "./claim-info.js";
import { clusterVarz, gatewayVarz, leafnodesVarz, mqttVarz, websocketVarz } from "./varz-peers.js";

/** What /varz shows that the server does not know: requests by page, and the digest of the configuration. */
export interface VarzExtra {
  readonly requests: ReadonlyMap<string, number>;
  readonly configDigest: string;
}

export async function varz(server: Server, extra: VarzExtra): Promise<object> {
  const status = await server.collect();
  const { addresses, options, runtime } = server;
  const { process } = runtime;
  const { tls } = options;
  const sorted = [...extra.requests].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    server_id: status.id,
    server_name: status.name,
    version: COMPATIBILITY_VERSION,
    proto: 1,
    git_commit: NATSNODE_VERSION,
    go: process.engine,
    host: status.host,
    port: status.port,
    auth_required: status.authRequired || undefined,
    connect_urls: toldUrls(server, false),
    ws_connect_urls: toldUrls(server, true)?.length ? toldUrls(server, true) : undefined,
    tls_required: (tls !== undefined && !options.allowNonTls) || undefined,
    tls_verify: tls?.verify || tls?.verifyAndMap || undefined,
    tls_ocsp_peer_verify: (!options.allowNonTls && tls?.ocspPeer?.verify) || undefined,
    max_connections: options.maxConnections,
    max_subscriptions: options.maxSubscriptions || undefined,
    ping_interval: nanoseconds(options.pingIntervalMs),
    ping_max: options.pingMax,
    http_host: options.httpHost,
    http_port: options.httpPort,
    http_base_path: options.httpBasePath,
    https_port: options.httpsPort,
    auth_timeout: options.authorization.timeoutMs / 1000,
    max_control_line: options.maxControlLineBytes,
    max_payload: options.maxPayloadBytes,
    max_pending: options.maxPendingBytes,
    cluster: clusterVarz(options, status.clusterName, addresses),
    gateway: gatewayVarz(options, addresses),
    leaf: leafnodesVarz(options, addresses),
    mqtt: mqttVarz(options),
    websocket: websocketVarz(options, addresses),
    jetstream: server.jetStream?.varz() ?? {},
    tls_timeout: (tls?.timeoutMs ?? 2_000) / 1000,
    tls_cert_not_after: status.certificateExpiresMs === undefined ? undefined : formatMs(status.certificateExpiresMs),
    write_deadline: nanoseconds(options.writeDeadlineMs),
    write_timeout: options.writeTimeout === "default" ? undefined : options.writeTimeout,
    start: formatMs(status.startedMs),
    now: formatMs(status.nowMs),
    uptime: uptimeText(status.nowMs - status.startedMs),
    mem: process.memoryBytes(),
    cores: process.cores,
    gomaxprocs: process.cores,
    cpu: Math.round(process.cpuPercent() * 10) / 10,
    connections: status.connections,
    total_connections: status.totalConnections,
    routes: server.reports.routes().length,
    remotes: server.reports.remoteServers(),
    leafnodes: server.reports.leafs().length,
    in_msgs: status.all.inMsgs,
    in_bytes: status.all.inBytes,
    in_client_msgs: status.inMsgs,
    in_client_bytes: status.inBytes,
    out_msgs: status.all.outMsgs,
    out_bytes: status.all.outBytes,
    out_client_msgs: status.outMsgs,
    out_client_bytes: status.outBytes,
    slow_consumers: status.slowConsumers,
    stale_connections: status.staleConnections,
    stalled_clients: status.stalledClients,
    subscriptions: status.subscriptions,
    http_req_stats: new Map(sorted),
    config_load_time: formatMs(status.configLoadMs),
    config_digest: extra.configDigest,
    tags: options.serverTags.length > 0 ? options.serverTags : undefined,
    metadata: metadata(options.serverMetadata),
    feature_flags: featureFlags(options.featureFlags),
    ...operatorsVarz(options.operators ?? []),
    system_account: status.systemAccount,
    ocsp_peer_cache: ocspCache(server.ocspPeers.cacheStatus),
    slow_consumer_stats: byKind(status.slowConsumers),
    stale_connection_stats: byKind(status.staleConnections),
    disk_io_wait_stats: { waiters: 0, waits: 0, wait_time: 0, max_wait_time: 0 },
    proxies: options.proxies && { trusted: options.proxies.trusted.map(({ key }) => ({ key })) },
  };
}

function ocspCache(status: OcspCacheStatus | undefined): object | undefined {
  if (status === undefined) return undefined;
  const { hits, misses, responses } = status;
  const { good, revoked, unknown } = responses;
  return {
    cache_type: "local",
    cache_hits: hits || undefined,
    cache_misses: misses || undefined,
    cached_responses: good + revoked + unknown || undefined,
    cached_revoked_responses: revoked || undefined,
    cached_good_responses: good || undefined,
    cached_unknown_responses: unknown || undefined,
  };
}

/** Sorted by name; undefined when there is none. */
export function metadata(configured: Readonly<Record<string, string>>): Map<string, string> | undefined {
  const entries = Object.entries(configured).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length > 0 ? new Map(entries) : undefined;
}

/** Counts by kind of connection. */
export function byKind(clients: number): object {
  return { clients, routes: 0, gateways: 0, leafs: 0 };
}
