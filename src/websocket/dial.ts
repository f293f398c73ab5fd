// The client's side of a WebSocket: the request on a connection that was dialled, what may be wrong with the answer, and the
// way through an HTTP proxy before it (RFC 6455, section 4.1; RFC 9110, section 9.3.6).
import type { Transport } from "../runtime/network.js";
import type { Runtime } from "../runtime/runtime.js";
import { WebsocketDialError } from "./errors.js";
import { MAX_REQUEST_HEAD_BYTES } from "./limits.js";
import { headEnd } from "./request-head.js";
import { WebsocketTransport } from "./transport.js";
import { acceptOf } from "./upgrade.js";

export interface WebsocketRequest {
  /** Of the `Host` header: host[:port]. */
  readonly host: string;
  readonly path: string;
  /** Whether permessage-deflate is offered. */
  readonly compression: boolean;
  /** Whether to ask for frames without masks in this direction. */
  readonly noMasking: boolean;
  /** The time for the answer. */
  readonly timeoutMs: number;
  /** Most bytes of one compressed message, inflated. */
  readonly maxInflatedBytes: () => number;
  /** The code of the close frame, for the owner's reason to end. */
  readonly closeCode: (reason: string) => number;
}

export interface DialledWebsocket {
  readonly transport: Transport;
  /** Whether permessage-deflate was agreed on. */
  readonly compressed: boolean;
  readonly masked: boolean;
}

export interface ProxyLogin {
  readonly username?: string;
  readonly password?: string;
}

const KEY_BYTES = 16;
const EXTENSION = "permessage-deflate";
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n/;

/**
 * Upgrades a connection that was not started yet, after TLS if there is any.
 * Rejects with a WebsocketDialError; the connection is destroyed then.
 */
export async function openWebsocket(
  lower: Transport,
  { clock, random }: Runtime,
  request: WebsocketRequest,
): Promise<DialledWebsocket> {
  const key = Buffer.from(random.bytes(KEY_BYTES)).toString("base64");
  const lines = [
    `GET ${request.path} HTTP/1.1`,
    `Host: ${request.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    ...(request.compression
      ? [`Sec-WebSocket-Extensions: ${EXTENSION}; server_no_context_takeover; client_no_context_takeover`]
      : []),
    ...(request.noMasking ? ["Nats-No-Masking: true"] : []),
  ];
  const head = await ask(lower, `${lines.join("\r\n")}\r\n\r\n`, request.timeoutMs, clock);
  const value = (name: string): string => headerOf(head, name);
  const fault =
    statusOf(head) !== 101
      ? `invalid websocket connection: ${statusText(head)}`
      : value("upgrade").toLowerCase() !== "websocket" || !/\bupgrade\b/i.test(value("connection"))
        ? "invalid websocket connection: no upgrade"
        : value("sec-websocket-accept") !== acceptOf(key)
          ? "invalid websocket connection: wrong key"
          : undefined;
  if (fault !== undefined) throw failed(lower, fault);
  const compressed = request.compression && value("sec-websocket-extensions").includes(EXTENSION);
  const masked = !(request.noMasking && value("nats-no-masking").toLowerCase() === "true");
  const transport = new WebsocketTransport(lower, {
    clock,
    compression: compressed,
    mustMask: false,
    nextMask: masked ? () => random.below(2 ** 32) | 0 : undefined,
    maxInflatedBytes: request.maxInflatedBytes,
    closeCode: request.closeCode,
  });
  // What comes before the owner has started it waits with the platform.
  lower.start(transport);
  lower.pause();
  return { transport, compressed, masked };
}

/**
 * Asks the proxy at the other end of a connection, not started yet, for a way to `target` (host:port).
 * Rejects with a WebsocketDialError; the connection is destroyed then.
 */
export async function tunnel(
  proxy: Transport,
  { clock }: Runtime,
  target: string,
  { username, password }: ProxyLogin,
  timeoutMs: number,
): Promise<void> {
  const login = Buffer.from(`${username ?? ""}:${password ?? ""}`).toString("base64");
  const lines = [
    `CONNECT ${target} HTTP/1.1`,
    `Host: ${target}`,
    ...(username === undefined ? [] : [`Proxy-Authorization: Basic ${login}`]),
  ];
  const head = await ask(proxy, `${lines.join("\r\n")}\r\n\r\n`, timeoutMs, clock);
  if (statusOf(head) !== 200) throw failed(proxy, `proxy CONNECT failed: ${statusText(head)}`);
}

// Sends a request and takes the head of the answer, and not a byte more.
async function ask(transport: Transport, request: string, timeoutMs: number, clock: Runtime["clock"]): Promise<string> {
  if (transport.firstBytes === undefined) throw failed(transport, "the transport cannot be upgraded");
  const until = clock.monotonicMs() + timeoutMs;
  transport.write([Buffer.from(request)]);
  for (let seen = 0; ; ) {
    const bytes = await transport.firstBytes(Math.max(0, until - clock.monotonicMs()), seen);
    if (bytes === undefined) throw failed(transport, "EOF");
    if (bytes.length <= seen) throw failed(transport, `no answer within ${timeoutMs} ms`);
    const end = headEnd(bytes, Math.max(0, seen - 2));
    if (end > 0) {
      transport.skipBytes?.(end);
      return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString("latin1");
    }
    if (bytes.length > MAX_REQUEST_HEAD_BYTES) throw failed(transport, "the answer's header is too large");
    seen = bytes.length;
  }
}

function failed(transport: Transport, message: string): WebsocketDialError {
  transport.destroy();
  return new WebsocketDialError(message);
}

function statusOf(head: string): number {
  return Number(STATUS_LINE.exec(head)?.[1] ?? 0);
}

function statusText(head: string): string {
  const [, status, text = ""] = STATUS_LINE.exec(head) ?? [];
  return status === undefined ? "no HTTP answer" : `${status} ${text}`.trim();
}

function headerOf(head: string, name: string): string {
  const line = head.split(/\r?\n/).find((one) => one.toLowerCase().startsWith(`${name}:`));
  return line === undefined ? "" : line.slice(name.length + 1).trim();
}
