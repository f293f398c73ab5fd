// The header with which a proxy or load balancer says whose connection it passes on: PROXY protocol, version 1 (a line of
// text) and 2 (binary), of which nats-server takes TCP (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
import { ipAddressText, parseIpAddress } from "./ip-address.js";

/** From this many bytes on it shows whether there is a header. */
export const PROXY_PREFIX_BYTES = 6;
/** Of version 1, CR LF included. */
const LONGEST_LINE_BYTES = 107;
const FIXED_BYTES = 16;
const V1_PREFIX = "PROXY ";
const V2_SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V2_VERSION = 2;
const V2_LOCAL = 0;
const V2_PROXY = 1;
const V2_STREAM = 1;

/** Bytes of an address by the family that the header names; two of them and two ports make up its least data. */
const ADDRESS_BYTES: Readonly<Record<number, { readonly name: string; readonly bytes: number }>> = {
  1: { name: "IPv4", bytes: 4 },
  2: { name: "IPv6", bytes: 16 },
};
const V2_NO_FAMILY = 0;

/** A header that was read whole. */
export interface ProxyHeader {
  /** How long it is; what follows is the client's own. 0: there is no header. */
  readonly bytes: number;
  /** The client's end of its connection; undefined: the proxy speaks for itself, as in a health check, or does not tell. */
  readonly source: { readonly address: string; readonly port: number } | undefined;
}

/**
 * - `PROXY_HEADER_INVALID`: a header that is none of the protocol
 * - `PROXY_HEADER_UNSUPPORTED`: a header for something else than TCP over IPv4 or IPv6
 * - `PROXY_HEADER_TIMEOUT`: it did not come in time, or not whole
 * - `PROXY_HEADER_CLOSED`: the connection ended before
 */
export type ProxyHeaderErrorCode =
  | "PROXY_HEADER_INVALID"
  | "PROXY_HEADER_UNSUPPORTED"
  | "PROXY_HEADER_TIMEOUT"
  | "PROXY_HEADER_CLOSED";

/** Why a connection that may come through a proxy cannot be served; the message is for the log. */
export class ProxyHeaderError extends Error {
  override readonly name = "ProxyHeaderError";
  readonly code: ProxyHeaderErrorCode;

  constructor(code: ProxyHeaderErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Reads the header at the beginning of what came on a connection. A number is how many bytes it takes to say more.
 * @throws {ProxyHeaderError} PROXY_HEADER_INVALID or PROXY_HEADER_UNSUPPORTED
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | number {
  if (bytes.length < PROXY_PREFIX_BYTES) return PROXY_PREFIX_BYTES;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const prefix = buffer.toString("latin1", 0, PROXY_PREFIX_BYTES);
  if (prefix === V1_PREFIX) return readLine(buffer);
  if (V2_SIGNATURE.startsWith(prefix)) return readBinary(buffer);
  return { bytes: 0, source: undefined };
}

function readLine(buffer: Buffer): ProxyHeader | number {
  const end = buffer.subarray(0, LONGEST_LINE_BYTES).indexOf("\r\n");
  if (end < 0) {
    if (buffer.length < LONGEST_LINE_BYTES) return buffer.length + 1;
    throw invalid("v1 line too long");
  }
  const text = buffer.toString("latin1", V1_PREFIX.length, end);
  const words = text.split(/[\t\n\v\f\r ]+/).filter((word) => word !== "");
  const bytes = end + 2;
  if (words[0] === "UNKNOWN") return { bytes, source: undefined };
  if (words.length !== 5) throw invalid("invalid v1 format");
  const [protocol, source, destination, sourcePort, destinationPort] = words;
  const address = parseIpAddress(source);
  if (address === undefined || parseIpAddress(destination) === undefined) throw invalid("invalid address");
  const port = portOf(sourcePort, "source");
  portOf(destinationPort, "dest");
  const [first, second] = [source.includes(":"), destination.includes(":")];
  if (protocol === "TCP4" && (first || second)) throw invalid("TCP4 with IPv6 address");
  if (protocol === "TCP6" && !(first && second)) throw invalid("TCP6 with IPv4 address");
  if (protocol !== "TCP4" && protocol !== "TCP6") throw invalid(`invalid protocol ${JSON.stringify(protocol)}`);
  return { bytes, source: { address: ipAddressText(address), port } };
}

function portOf(text: string, which: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw invalid(`invalid ${which} port ${JSON.stringify(text)}`);
}

function readBinary(buffer: Buffer): ProxyHeader | number {
  if (buffer.length < V2_SIGNATURE.length) return V2_SIGNATURE.length;
  if (buffer.toString("latin1", 0, V2_SIGNATURE.length) !== V2_SIGNATURE) throw invalid("invalid signature");
  if (buffer.length < FIXED_BYTES) return FIXED_BYTES;
  const version = buffer[12] >> 4;
  const command = buffer[12] & 0x0f;
  const family = buffer[13] >> 4;
  const dataBytes = buffer.readUInt16BE(14);
  if (version !== V2_VERSION) throw invalid(`invalid version 0x${(version << 4).toString(16)}`);
  if (command !== V2_LOCAL && command !== V2_PROXY) throw invalid(`unknown command 0x${command.toString(16)}`);
  const known = ADDRESS_BYTES[family];
  if (command === V2_PROXY) {
    if ((buffer[13] & 0x0f) !== V2_STREAM) throw unsupported("only STREAM protocol supported");
    if (known === undefined && family !== V2_NO_FAMILY)
      throw unsupported(`unsupported address family 0x${(family << 4).toString(16)}`);
    if (known !== undefined && dataBytes < 2 * known.bytes + 4) {
      throw invalid(`${known.name} address data too short: ${dataBytes} bytes`);
    }
  }
  const bytes = FIXED_BYTES + dataBytes;
  if (buffer.length < bytes) return bytes;
  if (command === V2_LOCAL || known === undefined) return { bytes, source: undefined };
  const address = ipAddressText(buffer.subarray(FIXED_BYTES, FIXED_BYTES + known.bytes));
  return { bytes, source: { address, port: buffer.readUInt16BE(FIXED_BYTES + 2 * known.bytes) } };
}

function invalid(detail: string): ProxyHeaderError {
  return new ProxyHeaderError("PROXY_HEADER_INVALID", `invalid PROXY protocol header: ${detail}`);
}

function unsupported(detail: string): ProxyHeaderError {
  return new ProxyHeaderError("PROXY_HEADER_UNSUPPORTED", `unsupported PROXY protocol feature: ${detail}`);
}
