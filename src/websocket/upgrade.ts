// The upgrade of a request to a WebSocket: what is asked for, why it is refused, and the answer (RFC 6455, section 4;
// conformance/wire, FACTS "WebSocket").
import { createHash } from "node:crypto";
import type { OriginCheck } from "./origins.js";
import { RequestError, type RequestHead } from "./request-head.js";

export interface UpgradeRules {
  readonly origins: OriginCheck;
  readonly compression: boolean;
  /** More headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What both sides have agreed on. */
export interface Agreement {
  readonly compression: boolean;
  /** Frames of the client are not masked. */
  readonly noMasking: boolean;
  /** The answer, in full. */
  readonly answer: string;
}

const KEY_BYTES = 16;
const VERSION = "13";
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const EXTENSION = "permessage-deflate";
const AGREED_EXTENSION = `${EXTENSION}; server_no_context_takeover; client_no_context_takeover`;

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
  505: "HTTP Version Not Supported",
};

/**
 * Decides on a request.
 * @param isSecure whether it came over TLS
 * @throws {RequestError} why it is refused
 */
export function agree({ method, headers }: RequestHead, rules: UpgradeRules, isSecure: boolean): Agreement {
  if (method !== "GET") throw new RequestError(405, "request method must be GET");
  const host = headers.get("host");
  if (!host) throw new RequestError(400, "'Host' missing in request");
  if (!holds(headers.get("upgrade"), "websocket")) throw new RequestError(400, "invalid value for header 'Upgrade'");
  if (!holds(headers.get("connection"), "upgrade"))
    throw new RequestError(400, "invalid value for header 'Connection'");
  const key = headers.get("sec-websocket-key") ?? "";
  if (Buffer.from(key, "base64").length !== KEY_BYTES) throw new RequestError(400, "key missing");
  if (!holds(headers.get("sec-websocket-version"), VERSION)) throw new RequestError(400, "invalid version");
  const origin = headers.get("origin") ?? headers.get("sec-websocket-origin");
  const fault = rules.origins.fault(origin, host, isSecure);
  if (fault !== undefined) throw new RequestError(403, `origin not allowed: ${fault}`);

  const compression = rules.compression && offersCompression(headers.get("sec-websocket-extensions"));
  const noMasking = headers.get("nats-no-masking") === "true";
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ...(compression ? [`Sec-WebSocket-Extensions: ${AGREED_EXTENSION}`] : []),
    ...(noMasking ? ["Nats-No-Masking: true"] : []),
    ...Object.entries(rules.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return { compression, noMasking, answer: `${lines.join("\r\n")}\r\n\r\n` };
}

/** The answer to a request that is refused: one that is well-formed learns the version, any other only its status. */
export function refusal(status: number, isWellFormed: boolean): string {
  const text = STATUS_TEXTS[status];
  const type = "Content-Type: text/plain; charset=utf-8";
  const head = `HTTP/1.1 ${status} ${text}\r\n${type}\r\n`;
  if (!isWellFormed) return `${head}Connection: close\r\n\r\n${status} ${text}`;
  const length = text.length + 1;
  const rest = `X-Content-Type-Options: nosniff\r\nContent-Length: ${length}\r\n\r\n${text}\n`;
  return `${head}Sec-Websocket-Version: ${VERSION}\r\n${rest}`;
}

/** The proof that a key was read (RFC 6455, section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash("sha1")
    .update(key + ACCEPT_SUFFIX)
    .digest("base64");
}

function holds(value: string | undefined, wanted: string): boolean {
  return (value ?? "").split(",").some((token) => token.trim().toLowerCase() === wanted);
}

function offersCompression(value: string | undefined): boolean {
  return (value ?? "").split(",").some((offer) => offer.split(";")[0].trim().toLowerCase() === EXTENSION);
}
