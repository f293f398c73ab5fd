// What a server says of itself to the other servers of its cluster (conformance/topology, WIRE.md section 2).
import type { ResolvedOptions } from "../options/options.js";
import { bytesAsText } from "../protocol/json.js";
import type { PeerConnect, PeerInfo } from "../protocol/peer-info.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import { advertisedAs, hostPort } from "../server/host-port.js";
import type { Server } from "../server/server.js";
import { type RouteConnection, routeCompression } from "./route.js";

/** Who introduces itself. */
export interface Introduced {
  readonly server: Server;
  readonly options: NonNullable<ResolvedOptions["cluster"]>;
  readonly clusterName: string;
  /** Whether the name was drawn, and may give way to another. */
  readonly isDynamic: boolean;
  readonly listening: { readonly host: string; readonly port: number };
}

/** The protocol between servers that this server speaks. */
const PROTOCOL = 3;

/** The INFO of a route. */
export function routeInfo(
  { server, options, clusterName, isDynamic, listening }: Introduced,
  route: RouteConnection,
): PeerInfo {
  const { authorization, poolSize, noAdvertise, permissions } = options;
  const advertised = advertisedAs(options.advertise);
  const { host, port } = { ...listening, ...advertised };
  return {
    server_id: server.id,
    server_name: server.name,
    version: COMPATIBILITY_VERSION,
    proto: PROTOCOL,
    go: server.runtime.process.engine,
    host,
    port,
    headers: !server.options.noHeaderSupport,
    auth_required: authorization?.user !== undefined,
    tls_required: options.tls !== undefined,
    tls_verify: options.tls !== undefined,
    max_payload: server.options.maxPayloadBytes,
    ip: advertised === undefined ? undefined : `nats-route://${hostPort(host, port)}/`,
    cluster: clusterName,
    cluster_dynamic: isDynamic,
    connect_urls: noAdvertise ? [] : server.ownClientUrls(),
    ws_connect_urls: noAdvertise ? [] : server.ownWebSocketUrls(),
    ldm: server.state === "lame duck",
    compression: routeCompression(server.options),
    import: permissions?.publish && textsOf(permissions.publish),
    export: permissions?.subscribe && textsOf(permissions.subscribe),
    lnoc: true,
    lnocu: true,
    route_pool_size: poolSize > 0 ? poolSize : undefined,
    route_pool_idx: route.solicited && route.poolIndex > 0 ? route.poolIndex : undefined,
    route_account: route.solicited ? route.accountText : undefined,
    gossip_mode: route.gossipMode,
    gateway_url: server.gatewayUrl?.(),
    ln: server.leafnodeUrls?.().length ? true : undefined,
    leafnode_urls: server.leafnodeUrls?.(),
  };
}

/** The CONNECT of the end that has dialled. */
export function routeConnect(
  { server, options, clusterName, isDynamic }: Introduced,
  route: RouteConnection,
): PeerConnect {
  const { user, password } = route.solicitation?.url ?? {};
  return {
    echo: true,
    verbose: false,
    pedantic: false,
    user,
    pass: password,
    tls_required: options.tls !== undefined,
    headers: !server.options.noHeaderSupport,
    name: server.id,
    cluster: clusterName,
    cluster_dynamic: isDynamic || undefined,
    lnoc: true,
  };
}

function textsOf({ allow, deny }: { allow?: readonly string[]; deny?: readonly string[] }): {
  allow?: string[];
  deny?: string[];
} {
  return { allow: allow?.map(bytesAsText), deny: deny?.map(bytesAsText) };
}
