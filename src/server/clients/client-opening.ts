// How a client's connection begins, before its first protocol line: INFO, a PROXY header, and TLS, in the order that the
// options ask for (conformance/wire, FACTS; protocol/proxy-header.ts).
import {
  PROXY_PREFIX_BYTES,
  type ProxyHeader,
  ProxyHeaderError,
  readProxyHeader,
} from "../../protocol/proxy-header.js";
import { CloseReason } from "../close-reason.js";
import { hostPort } from "../host-port.js";
import { PROXY_HEADER_MS } from "../limits.js";
import { speaksTls } from "../tls/tls-port.js";
import type { ClientConnection } from "./client.js";
import type { ClientTls } from "./client-tls.js";

/** Greets a client, hears from a proxy where it is, and opens its connection, in TLS where that is asked for. */
export async function openClient(client: ClientConnection, tls: ClientTls): Promise<void> {
  const { transport } = client;
  const port = transport.secure === undefined ? undefined : tls.port;
  const { handshakeFirst = false, handshakeFirstFallbackMs = 0, timeoutMs = 0 } = port?.options ?? {};
  client.tlsFirst = handshakeFirst;
  if (handshakeFirst && handshakeFirstFallbackMs > 0) {
    const first = await transport.firstBytes?.(handshakeFirstFallbackMs);
    client.tlsFirst = first === undefined || first.length > 0;
  }
  if (client.closed) return;
  if (!client.tlsFirst) {
    client.info.greet();
    client.flush();
  }
  if (client.awaitsProxyHeader && !(await takeProxyHeader(client))) return;
  let secured = port !== undefined;
  if (secured && !client.tlsFirst && client.hub.options.allowNonTls) {
    const first = await transport.firstBytes?.(timeoutMs);
    secured = first !== undefined && speaksTls(first);
  }
  if (client.closed || (secured && port !== undefined && !(await tls.secure(client, port)))) return;
  if (client.tlsFirst) client.info.greet();
  client.begin();
}

// A client that begins with something else has come without a proxy.
async function takeProxyHeader(client: ClientConnection): Promise<boolean> {
  const { transport, hub } = client;
  try {
    const { bytes, source } = await nextProxyHeader(client);
    if (client.closed) return false;
    if (bytes > 0) transport.skipBytes?.(bytes);
    client.awaitsProxyHeader = false;
    if (source !== undefined) {
      client.remoteAddress = source.address;
      client.remotePort = source.port;
    }
    return true;
  } catch (error) {
    if (!(error instanceof ProxyHeaderError)) throw error;
    if (client.closed) return false;
    const from = hostPort(transport.remoteAddress, transport.remotePort);
    hub.logger.warn(`Error reading PROXY protocol header from ${from}: ${error.message}`);
    client.close(CloseReason.protocolViolation);
    return false;
  }
}

async function nextProxyHeader({ transport, hub }: ClientConnection): Promise<ProxyHeader> {
  const { clock } = hub.runtime;
  let first = await transport.firstBytes?.(PROXY_HEADER_MS, PROXY_PREFIX_BYTES - 1);
  const endsAt = clock.monotonicMs() + (first?.length === 0 ? 0 : PROXY_HEADER_MS);
  for (;;) {
    if (first === undefined) throw new ProxyHeaderError("PROXY_HEADER_CLOSED", "the connection has ended");
    const header = readProxyHeader(first);
    if (typeof header !== "number") return header;
    const leftMs = endsAt - clock.monotonicMs();
    if (leftMs <= 0) throw new ProxyHeaderError("PROXY_HEADER_TIMEOUT", "timeout reading PROXY protocol header");
    first = await transport.firstBytes?.(leftMs, header - 1);
  }
}
