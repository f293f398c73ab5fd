// What a server says of itself as the leaf end of a link (conformance/topology, WIRE.md section 4).
import type { Account } from "../accounts/account.js";
import type { CompressionMode } from "../protocol/compression-mode.js";
import { bytesAsText } from "../protocol/json.js";
import type { PeerConnect, PeerInfo } from "../protocol/peer-info.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import type { Server } from "../server/server.js";
import type { LeafConnection } from "./leaf.js";
import type { LeafUrl } from "./leaf-url.js";
import type { LeafRemote } from "./remote.js";

/** The protocol between servers that this server speaks. */
export const LEAF_PROTOCOL = 3;

/** What a leaf logs in with at the hub that it has dialled at `url`. */
export function leafConnect(server: Server, link: LeafConnection, url: LeafUrl, hub: PeerInfo): PeerConnect {
  const { hub: isHub, requestIsolation, denyImports } = (link.remote as LeafRemote).options;
  return {
    version: COMPATIBILITY_VERSION,
    ...(link.remote as LeafRemote).login(url, hub),
    server_id: server.id,
    name: server.name,
    cluster: server.clusterName ?? server.name,
    headers: !server.options.noHeaderSupport,
    is_hub: isHub || undefined,
    isolate: requestIsolation || undefined,
    domain: server.options.jetstream?.domain || undefined,
    jetstream: server.options.jetstream?.enabled || undefined,
    deny_pub: denyImports?.length ? denyImports.map(bytesAsText) : undefined,
    compress_mode: link.compression,
    remote_account: (link.account as Account).name,
    protocol: LEAF_PROTOCOL,
  };
}

/** The leaf's answer to INFO where a mode of compression is to be agreed on. */
export function modeInfo(link: LeafConnection, mode: CompressionMode): PeerInfo {
  return {
    server_id: "",
    server_name: "",
    version: "",
    proto: 0,
    go: "",
    host: "",
    port: 0,
    headers: false,
    max_payload: 0,
    client_id: link.id,
    compression: mode,
  };
}
