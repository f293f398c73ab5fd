// INFO for clients: what the server says of itself to each of them (https://docs.nats.io/reference/reference-protocols/nats-protocol#info).
import type { ServerInfo } from "../protocol/info.js";
import { API_LEVEL, COMPATIBILITY_VERSION, NATSNODE_VERSION } from "../protocol/version.js";
import type { ClientConnection } from "./clients/client.js";
import { payloadLimit } from "./clients/client-limits.js";
import type { Server } from "./server.js";

/** INFO for a client, with what is known of it by now. */
export function infoFor(server: Server, client: ClientConnection): ServerInfo {
  const { options, advertised } = server;
  return {
    server_id: server.id,
    server_name: server.name,
    version: COMPATIBILITY_VERSION,
    proto: 1,
    git_commit: NATSNODE_VERSION,
    go: server.runtime.process.engine,
    host: advertised.host,
    port: advertised.port,
    headers: !options.noHeaderSupport,
    jetstream: server.jetStream === undefined ? undefined : true,
    auth_required: authRequired(server, client),
    ...(client.wayIn?.info() ?? server.listener.tls.infoFor(client)),
    max_payload: options.maxPayloadBytes,
    client_id: client.id,
    client_ip: client.awaitsProxyHeader ? undefined : client.remoteAddress,
    nonce: client.connected ? "" : client.nonce,
    cluster: server.clusterName,
    domain: server.jetStream?.domain,
    connect_urls: toldUrls(server, client.connectionType === "WEBSOCKET"),
    ldm: server.state === "lame duck",
    // Their places; accountInfoFor fills them.
    connect_info: undefined,
    remote_account: undefined,
    acc_is_sys: undefined,
    api_lvl: API_LEVEL,
    xkey: server.identity.xkey,
  };
}

/** The same for a client that has logged in, with what it learns of its account. */
export function accountInfoFor(server: Server, client: ClientConnection): ServerInfo {
  const info = infoFor(server, client);
  const { account } = client;
  if (account === undefined) return info;
  return {
    ...info,
    max_payload: payloadLimit(client),
    connect_info: true,
    remote_account: account.name,
    acc_is_sys: account === server.accounts.system,
  };
}

/**
 * Where clients are told that they may connect to; undefined where nothing is told. A server that was always alone tells of
 * none; one that is leaving tells of the others.
 */
export function toldUrls(server: Server, isWebSocket: boolean): string[] | undefined {
  const { clients, webSockets, hadOthers } = server.clientUrls;
  if (!hadOthers) return undefined;
  const others = isWebSocket ? webSockets : clients;
  if (server.draining || server.options.cluster?.noAdvertise) return others;
  return [...(isWebSocket ? server.ownWebSocketUrls() : server.ownClientUrls()), ...others];
}

function authRequired(
  { authenticator, options }: Server,
  { connectionType, connected, wayIn }: ClientConnection,
): boolean {
  if (!authenticator.requires(connectionType)) return false;
  return wayIn !== undefined || connected || options.noAuthUser === undefined;
}
