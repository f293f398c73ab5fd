// TLS on routes: it starts at once in both directions, and both sides show and check certificates
// (conformance/topology, WIRE.md section 1).
import type { ResolvedOptions } from "../options/options.js";
import { CloseReason } from "../server/close-reason.js";
import { HandshakeQueue } from "../server/handshake-queue.js";
import type { Commit } from "../server/room.js";
import type { Server } from "../server/server.js";
import { TlsPort } from "../server/tls-port.js";
import type { RouteConnection } from "./route.js";
import { parseRouteUrl, type RouteUrl } from "./route-url.js";

const ADDRESS = /^[\d.]+$|:/;

export class RouteTls {
  readonly #server: Server;
  readonly #handshakes: HandshakeQueue;
  #port: TlsPort | undefined;

  constructor(server: Server) {
    this.#server = server;
    this.#handshakes = new HandshakeQueue(server.runtime.clock);
  }

  /**
   * Reads the certificates of options that do not count yet.
   * @throws {CertificateFileError | TlsError} they cannot be used
   */
  prepare({ cluster }: ResolvedOptions): Commit {
    const server = this.#server;
    const tls = cluster?.tls;
    const port =
      tls &&
      new TlsPort(
        { ...tls, verify: true },
        {
          runtime: server.runtime,
          handshakes: this.#handshakes,
          get logger() {
            return server.logger;
          },
        },
      );
    return () => {
      this.close();
      this.#port = port;
      port?.open();
    };
  }

  close(): void {
    this.#port?.close();
    this.#port = undefined;
  }

  /** Makes the handshake with a server that has dialled. False: the connection is over. */
  async accept(route: RouteConnection): Promise<boolean> {
    const port = this.#port;
    return port === undefined || this.#secured(route, () => port.secure(route.transport));
  }

  /** Makes the handshake with a server that was dialled. */
  async dial(route: RouteConnection, url: RouteUrl): Promise<boolean> {
    const port = this.#port;
    if (port === undefined) return true;
    return this.#secured(route, () => port.secureAsClient(route.transport, this.#nameOf(url)));
  }

  async #secured(route: RouteConnection, handshake: () => Promise<unknown>): Promise<boolean> {
    try {
      await handshake();
      return !route.closed;
    } catch (error) {
      this.#server.logger.error(`${route.label} - TLS route handshake error: ${(error as Error).message}`);
      route.close(CloseReason.tlsHandshakeError);
      return false;
    }
  }

  // Servers that were learned by address show a certificate for the name that the configured ones have.
  #nameOf({ host }: RouteUrl): string {
    if (!ADDRESS.test(host)) return host;
    const routes = this.#server.options.cluster?.routes ?? [];
    const named = routes.map(parseRouteUrl).find((url) => url !== undefined && !ADDRESS.test(url.host));
    return named?.host ?? host;
  }
}
