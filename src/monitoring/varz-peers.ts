// What /varz shows of the configuration for other servers and other ways in. Defaults appear only where something listens.
import type { ResolvedOptions } from "../options/options.js";
import { nanoseconds } from "../protocol/durations.js";
import { bytesAsText } from "../protocol/json.js";

const ANY_HOST = "0.0.0.0";
const DEFAULT_TLS_TIMEOUT_MS = 2_000;
const DEFAULT_AUTH_TIMEOUT_MS = 2_000;
const DEFAULT_POOL_SIZE = 3;
const DEFAULT_LEAFNODE_PORT = 7422;
const DEFAULT_LEAFNODE_URL = `nats://127.0.0.1:${DEFAULT_LEAFNODE_PORT}`;
const DEFAULT_ACK_WAIT_MS = 30_000;
const DEFAULT_MAX_ACK_PENDING = 1_024;

interface Tls {
  readonly timeoutMs: number;
  readonly verify: boolean;
  readonly verifyAndMap: boolean;
}

/** Where rooms listen, by kind (`Server.addresses`): the port that a wish for any free one (-1) has become. */
export type Listening = Readonly<Record<string, { readonly port: number }>>;

interface Listens {
  readonly host: string;
  readonly port: number;
  readonly tls?: Tls;
  readonly authorization?: { readonly timeoutMs?: number };
  readonly writeDeadlineMs?: number;
  readonly writeTimeout: string;
}

export function clusterVarz({ cluster }: ResolvedOptions, name: string | undefined, listening: Listening): object {
  if (cluster === undefined) return { name };
  const { port, poolSize, routes } = cluster;
  return {
    name,
    addr: host(cluster),
    cluster_port: portOf(cluster, listening["cluster"]),
    auth_timeout: authTimeout(cluster),
    urls: routes.length > 0 ? routes.map((url) => hostOf(url)) : undefined,
    tls_timeout: tlsTimeout(cluster),
    tls_required: cluster.tls === undefined ? undefined : true,
    tls_verify: cluster.tls === undefined ? undefined : true,
    pool_size: port !== 0 || poolSize !== DEFAULT_POOL_SIZE ? poolSize : undefined,
    ...writes(cluster),
  };
}

export function gatewayVarz({ gateway }: ResolvedOptions, listening: Listening): object {
  if (gateway === undefined) return {};
  const remotes = gateway.gateways.map(({ name, tls, url, urls = [] }) => {
    const all = [...(url === undefined ? [] : [url]), ...urls].map((one) => hostOf(one));
    return { name, tls_timeout: tls && tls.timeoutMs / 1000, urls: all.length > 0 ? all : undefined };
  });
  return {
    name: gateway.name || undefined,
    host: host(gateway),
    port: portOf(gateway, listening["gateway"]),
    auth_timeout: authTimeout(gateway),
    tls_timeout: tlsTimeout(gateway),
    tls_required: gateway.tls === undefined ? undefined : true,
    tls_verify: gateway.tls === undefined ? undefined : true,
    advertise: gateway.advertise || undefined,
    connect_retries: gateway.connectRetries || undefined,
    gateways: remotes.length > 0 ? remotes : undefined,
    reject_unknown: gateway.rejectUnknown || undefined,
    ...writes(gateway),
  };
}

export function leafnodesVarz({ leafnodes }: ResolvedOptions, listening: Listening): object {
  if (leafnodes === undefined) return {};
  const { tls } = leafnodes;
  const remotes = leafnodes.remotes.map((remote) => ({
    local_account: remote.account,
    tls_timeout: remote.tls && remote.tls.timeoutMs / 1000,
    urls: (remote.urls ?? [DEFAULT_LEAFNODE_URL]).map((url) => hostOf(url, DEFAULT_LEAFNODE_PORT)),
    deny: remote.denyExports?.length || remote.denyImports?.length ? denied(remote) : undefined,
    tls_ocsp_peer_verify: remote.tls?.ocspPeer?.verify || undefined,
  }));
  return {
    host: host(leafnodes),
    port: portOf(leafnodes, listening["leafnode"]),
    auth_timeout: authTimeout(leafnodes),
    tls_timeout: tlsTimeout(leafnodes),
    tls_required: tls === undefined ? undefined : true,
    tls_verify: tls?.verify || tls?.verifyAndMap || undefined,
    remotes: remotes.length > 0 ? remotes : undefined,
    tls_ocsp_peer_verify: tls?.ocspPeer?.verify || undefined,
    ...writes(leafnodes),
  };
}

export function mqttVarz({ mqtt }: ResolvedOptions): object {
  if (mqtt === undefined) return {};
  const timeoutMs = mqtt.authorization?.timeoutMs;
  return {
    host: host(mqtt),
    port: mqtt.port || undefined,
    no_auth_user: mqtt.noAuthUser || undefined,
    auth_timeout: timeoutMs ? timeoutMs / 1000 : undefined,
    tls_map: mqtt.tls?.verifyAndMap || undefined,
    tls_timeout: tlsTimeout(mqtt),
    tls_pinned_certs: mqtt.tls?.pinnedCerts,
    js_domain: mqtt.jsDomain || undefined,
    ack_wait: mqtt.ackWaitMs === DEFAULT_ACK_WAIT_MS ? undefined : nanoseconds(mqtt.ackWaitMs),
    max_ack_pending: mqtt.maxAckPending === DEFAULT_MAX_ACK_PENDING ? undefined : mqtt.maxAckPending,
    tls_ocsp_peer_verify: mqtt.tls?.ocspPeer?.verify || undefined,
  };
}

export function websocketVarz({ websocket }: ResolvedOptions, listening: Listening): object {
  if (websocket === undefined) return {};
  const { handshakeTimeoutMs, authorization, allowedOrigins } = websocket;
  return {
    host: host(websocket),
    port: portOf(websocket, listening["websocket"]),
    advertise: websocket.advertise || undefined,
    no_auth_user: websocket.noAuthUser || undefined,
    jwt_cookie: websocket.jwtCookie || undefined,
    handshake_timeout: handshakeTimeoutMs ? nanoseconds(handshakeTimeoutMs) : undefined,
    auth_timeout: authorization?.timeoutMs ? authorization.timeoutMs / 1000 : undefined,
    no_tls: websocket.noTls || undefined,
    tls_map: websocket.tls?.verifyAndMap || undefined,
    tls_pinned_certs: websocket.tls?.pinnedCerts,
    tls_ocsp_peer_verify: websocket.tls?.ocspPeer?.verify || undefined,
    same_origin: websocket.sameOrigin || undefined,
    allowed_origins: allowedOrigins?.length ? allowedOrigins : undefined,
    compression: websocket.compression || undefined,
  };
}

function host(listens: { readonly host: string; readonly port: number }): string | undefined {
  return listens.port !== 0 || listens.host !== ANY_HOST ? listens.host : undefined;
}

function portOf({ port }: { readonly port: number }, listening: Listening[string] | undefined): number | undefined {
  return port === 0 ? undefined : (listening?.port ?? port);
}

/** Seconds. */
function authTimeout({ port, tls, authorization }: Listens): number | undefined {
  const timeoutMs = authorization?.timeoutMs;
  if (timeoutMs) return timeoutMs / 1000;
  if (port === 0) return undefined;
  return (tls === undefined ? DEFAULT_AUTH_TIMEOUT_MS : tls.timeoutMs + 1_000) / 1000;
}

/** Seconds. */
function tlsTimeout({ port, tls }: Pick<Listens, "port" | "tls">): number | undefined {
  if (tls !== undefined) return tls.timeoutMs / 1000;
  return port === 0 ? undefined : DEFAULT_TLS_TIMEOUT_MS / 1000;
}

function writes({ writeDeadlineMs, writeTimeout }: Listens): object {
  return {
    write_deadline: writeDeadlineMs ? nanoseconds(writeDeadlineMs) : undefined,
    write_timeout: writeTimeout === "default" ? undefined : writeTimeout,
  };
}

function denied(remote: {
  readonly denyExports?: readonly string[];
  readonly denyImports?: readonly string[];
}): object {
  const texts = (subjects: readonly string[] | undefined): string[] | undefined =>
    subjects?.length ? subjects.map(bytesAsText) : undefined;
  return { exports: texts(remote.denyExports), imports: texts(remote.denyImports) };
}

/** host:port of a URL, without user and path. */
export function hostOf(url: string, defaultPort?: number): string {
  const place = url
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, "")
    .replace(/[/?#].*$/s, "")
    .replace(/^.*@/s, "");
  return defaultPort === undefined || /:\d+$/.test(place) ? place : `${place}:${defaultPort}`;
}
