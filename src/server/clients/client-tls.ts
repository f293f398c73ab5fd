// TLS on the client listener: its certificates, what INFO says of it, and handshakes with clients; when, see client-opening.ts
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/tls; conformance/wire, FACTS).
import type { ResolvedOptions } from "../../options/options.js";
import type { ServerInfo } from "../../protocol/info.js";
import { TlsError } from "../../runtime/tls.js";
import { CloseReason } from "../close-reason.js";
import type { Hub } from "../hub.js";
import { RateLimit } from "../rate-limit.js";
import type { Commit } from "../room.js";
import { HandshakeQueue } from "../tls/handshake-queue.js";
import { TlsPort } from "../tls/tls-port.js";
import type { ClientConnection } from "./client.js";

const THROTTLED = "Connection throttling is active. Please try again later.";

interface Opened {
  readonly port: TlsPort;
  readonly rate: RateLimit | undefined;
}

export class ClientTls {
  /** Shared by all listeners of the server. */
  readonly handshakes: HandshakeQueue;
  private readonly hub: Hub;
  private opened: Opened | undefined;

  constructor(hub: Hub) {
    this.hub = hub;
    this.handshakes = new HandshakeQueue(hub.runtime.clock);
  }

  /** Undefined while TLS is off. */
  get port(): TlsPort | undefined {
    return this.opened?.port;
  }

  /**
   * Reads the certificates of options that do not count yet.
   * @throws {CertificateFileError | TlsError} they cannot be used
   */
  prepare({ tls, ocsp }: ResolvedOptions): Commit {
    const { hub, handshakes } = this;
    const { runtime } = hub;
    const port =
      tls &&
      new TlsPort(tls, {
        runtime,
        handshakes,
        ocsp,
        peers: hub.ocspPeers,
        revoked: () => hub.certificateRevoked(),
        get logger() {
          return hub.logger;
        },
      });
    return async () => {
      this.close();
      if (port === undefined) return;
      const { connectionRateLimit } = port.options;
      const rate = connectionRateLimit > 0 ? new RateLimit(runtime.clock, connectionRateLimit) : undefined;
      rate?.report((count) => this.hub.logger.warn(`Rejected ${count} connections due to TLS rate limiting`));
      this.opened = { port, rate };
      await port.open();
    };
  }

  close(): void {
    this.opened?.port.close();
    this.opened?.rate?.close();
    this.opened = undefined;
  }

  /** Closes the clients whose certificates are no longer among `pinned_certs`. */
  dropUnpinned(clients: Iterable<ClientConnection>): void {
    const { port } = this;
    if (!port?.options.pinnedCerts?.length) return;
    for (const client of [...clients]) {
      if (client.wayIn !== undefined) continue;
      const session = client.transport.tls;
      if (session === undefined || !port.accepts(session)) client.close(CloseReason.tlsHandshakeError);
    }
  }

  /** Says at the start what clients are in for. */
  announce(): void {
    const tls = this.port?.options;
    if (tls === undefined) return;
    const { logger, options } = this.hub;
    const handshakeOnly = tls.handshakeFirst && tls.handshakeFirstFallbackMs === 0;
    const must = handshakeOnly || !options.allowNonTls;
    logger.info(`TLS ${must ? "required" : "available"} for client connections`);
    if (handshakeOnly) {
      logger.warn('Clients that are not using "TLS Handshake First" option will fail to connect');
    }
  }

  /** What INFO says of it. */
  infoFor(client: ClientConnection): Pick<ServerInfo, "tls_required" | "tls_verify" | "tls_available"> {
    const tls = this.port?.options;
    if (tls === undefined || client.transport.secure === undefined) return {};
    const { allowNonTls } = this.hub.options;
    return {
      tls_required: !allowNonTls || client.tlsFirst,
      tls_verify: tls.verify || tls.verifyAndMap,
      tls_available: allowNonTls,
    };
  }

  /** Goes on in TLS. False: the connection is over, and the log says why. */
  async secure(client: ClientConnection, port: TlsPort): Promise<boolean> {
    const { logger } = this.hub;
    if (this.opened?.rate?.allows() === false) {
      client.sendError(THROTTLED);
      client.close(CloseReason.maxConnectionsExceeded);
      return false;
    }
    if (logger.debugOn) logger.debug(`${client.label} - Starting TLS client connection handshake`);
    try {
      const { version, cipherSuite } = await port.secure(client.transport);
      if (client.closed) return false;
      if (logger.debugOn) {
        logger.debug(`${client.label} - TLS handshake complete`);
        logger.debug(`${client.label} - TLS version ${version}, cipher suite ${cipherSuite}`);
      }
      return true;
    } catch (error) {
      if (client.closed) return false;
      const line = `${client.label} - TLS handshake error: ${(error as Error).message}`;
      // What scanners and load balancers do all the time.
      const probe = error instanceof TlsError && (error.code === "TLS_NOT_TLS" || error.code === "TLS_TIMEOUT");
      if (probe) logger.debug(line);
      else logger.error(line);
      client.close(CloseReason.tlsHandshakeError);
      return false;
    }
  }
}
