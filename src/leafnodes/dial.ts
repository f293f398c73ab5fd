// The way to a hub: TCP, or WebSocket with what lies below it, a proxy and TLS (conformance/topology, WIRE.md 4.4).
import type { Transport } from "../runtime/network.js";
import { TlsError } from "../runtime/tls.js";
import { hostPort } from "../server/host-port.js";
import type { PeerTls } from "../server/peers/peer-tls.js";
import { S2Transport } from "../server/peers/s2-transport.js";
import type { Server } from "../server/server.js";
import { closeCodeFor } from "../websocket/close-codes.js";
import { openWebsocket, tunnel } from "../websocket/dial.js";
import type { LeafUrl } from "./leaf-url.js";
import { WEBSOCKET_ANSWER_MS } from "./limits.js";
import type { RemoteOptions } from "./remote.js";

/** What is particular about a leaf link over WebSocket. */
export interface OverWebsocket {
  /** Whether the WebSocket compresses; S2 does not, then. */
  readonly compressed: boolean;
  /** What carries its frames: S2 compresses them whole. */
  readonly below: S2Transport;
}

export interface DialledHub {
  readonly transport: Transport;
  readonly webSocket?: OverWebsocket;
}

/**
 * Connects to the hub at `url`.
 * Rejects with the platform's error, a TlsError or a WebsocketDialError.
 */
export async function dialHub(
  server: Server,
  tls: PeerTls,
  options: RemoteOptions,
  url: LeafUrl,
  timeoutMs: number,
): Promise<DialledHub> {
  const { runtime } = server;
  const { host, port } = url;
  if (!url.webSocket) return { transport: await runtime.network.dial({ host, port, timeoutMs }) };
  const transport = await dialThrough(server, tls, options, url, timeoutMs);
  if (url.tls || options.tls !== undefined) await tls.secureTo(transport, host, options.tls);
  const below = new S2Transport(transport, runtime.clock);
  const opened = await openWebsocket(below, runtime, {
    host: hostPort(host, port),
    path: url.path,
    compression: options.wsCompression,
    noMasking: options.wsNoMasking,
    timeoutMs: WEBSOCKET_ANSWER_MS,
    maxInflatedBytes: () => server.options.maxPendingBytes,
    closeCode: closeCodeFor,
  });
  return { transport: opened.transport, webSocket: { compressed: opened.compressed, below } };
}

async function dialThrough(
  { runtime }: Server,
  tls: PeerTls,
  { proxy }: RemoteOptions,
  { host, port }: LeafUrl,
  timeoutMs: number,
): Promise<Transport> {
  if (!proxy?.url) return runtime.network.dial({ host, port, timeoutMs });
  const at = new URL(proxy.url);
  const secure = at.protocol === "https:";
  const transport = await runtime.network.dial({
    host: at.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(at.port) || (secure ? 443 : 80),
    timeoutMs: proxy.timeoutMs || timeoutMs,
  });
  if (secure) await tls.secureTo(transport, at.hostname, undefined);
  await tunnel(transport, runtime, hostPort(host, port), proxy, proxy.timeoutMs || WEBSOCKET_ANSWER_MS);
  return transport;
}

/** What of an error of a dial the log says. */
export function dialFault(error: unknown): string {
  const text = (error as Error).message;
  return error instanceof TlsError ? `TLS leafnode handshake error: ${text}` : text;
}
