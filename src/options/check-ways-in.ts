// What makes a server with WebSocket or MQTT refuse to start; see check.ts.
import { checkNoAuthUser, checkOwnLogin, refuse } from "./check-users.js";
import type { ResolvedOptions } from "./options.js";

export function checkMqtt(options: ResolvedOptions): void {
  const { mqtt, cluster, gateway, leafnodes } = options;
  if (!mqtt || mqtt.port === 0) return;
  const hasPeers = Boolean(cluster?.port) || Boolean(gateway?.port);
  if (!options.serverName && hasPeers) {
    refuse("serverName", "mqtt requires server name to be explicitly set");
  }
  checkNoAuthUser(options, "mqtt.noAuthUser", mqtt.noAuthUser);
  checkOwnLogin(options, "mqtt.authorization", "mqtt", mqtt.authorization);
  if (mqtt.ackWaitMs < 0) refuse("mqtt.ackWaitMs", "ack wait must be a positive value");
  if (mqtt.jsApiTimeoutMs < 0) refuse("mqtt.jsApiTimeoutMs", "JS API timeout must be a positive value");
  const hasLeafs = Boolean(leafnodes?.port) || Boolean(leafnodes?.remotes.length);
  if (!options.jetstream?.enabled && !hasPeers && !hasLeafs) {
    refuse("jetstream", "mqtt requires JetStream to be enabled if running in standalone mode");
  }
}

const OWN_HEADERS = ["host", "content-length", "connection", "upgrade", "nats-no-masking"];

export function checkWebsocket(options: ResolvedOptions): void {
  const { websocket } = options;
  if (!websocket || websocket.port === 0) return;
  if (!websocket.tls && !websocket.noTls) refuse("websocket.tls", "websocket requires TLS configuration");
  for (const origin of websocket.allowedOrigins ?? []) {
    const fault = originFault(origin);
    if (fault) refuse("websocket.allowedOrigins", `unable to parse allowed origin ${fault}`);
  }
  checkNoAuthUser(options, "websocket.noAuthUser", websocket.noAuthUser);
  checkOwnLogin(options, "websocket.authorization", "websocket", websocket.authorization);
  if (websocket.jwtCookie && !options.operators?.length && !options.trustedKeys?.length) {
    const needed = "trusted operators or trusted keys configuration is required for JWT authentication";
    refuse("websocket.jwtCookie", `${needed} via cookie "${websocket.jwtCookie}"`);
  }
  for (const header of Object.keys(websocket.headers ?? {})) {
    const name = header.toLowerCase();
    if (OWN_HEADERS.includes(name)) refuse("websocket.headers", `websocket: invalid header "${header}" not allowed`);
    if (name.startsWith("sec-websocket-")) {
      refuse("websocket.headers", `websocket: invalid header "${header}", "Sec-WebSocket-" prefix not allowed`);
    }
  }
}

/** Whoever's certificate is to be asked about has to show one. */
export function checkOcspPeers({ tls, websocket, mqtt, leafnodes }: ResolvedOptions): void {
  const blocks = { tls, "websocket.tls": websocket?.tls, "mqtt.tls": mqtt?.tls, "leafnodes.tls": leafnodes?.tls };
  for (const [path, block] of Object.entries(blocks)) {
    if (!block?.ocspPeer?.verify || block.verify || block.verifyAndMap) continue;
    const needed = "requires TLS verify (mTLS) to be enabled";
    refuse(`${path}.ocspPeer`, `OCSP peer verification for client connections ${needed}`);
  }
}

function originFault(origin: string): string | undefined {
  if (!URL.canParse(origin)) return `"${origin}"`;
  const { protocol, host } = new URL(origin);
  if (protocol !== "http:" && protocol !== "https:") {
    return `"${origin}": allowed origins must be absolute URLs with http or https scheme`;
  }
  return host === "" ? `"${origin}": host is required` : undefined;
}
