// The URL of a hub: nats-leaf://[user[:password]@]host[:port]; tls:// for TLS, ws:// and wss:// for WebSocket.
import { DEFAULT_LEAF_PORT } from "./limits.js";

export interface LeafUrl {
  readonly text: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
  readonly webSocket: boolean;
  /** As it is asked for over WebSocket. */
  readonly path: string;
}

/** Reads a URL; undefined when it is none. */
export function parseLeafUrl(text: string): LeafUrl | undefined {
  let url: URL;
  try {
    url = new URL(text.includes("://") ? text : `nats-leaf://${text}`);
  } catch {
    return undefined;
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "") return undefined;
  const { protocol, username, password } = url;
  const webSocket = protocol === "ws:" || protocol === "wss:";
  const standard = protocol === "ws:" ? 80 : protocol === "wss:" ? 443 : DEFAULT_LEAF_PORT;
  return {
    text,
    host,
    port: url.port === "" ? standard : Number(url.port),
    user: username === "" ? undefined : decodeURIComponent(username),
    password: password === "" ? undefined : decodeURIComponent(password),
    tls: protocol === "tls:" || protocol === "wss:",
    webSocket,
    path: `${url.pathname.replace(/\/+$/, "")}/leafnode`,
  };
}
