// TLS between servers, on routes and gateways: it starts at once in both directions, and both sides show and check
// certificates (conformance/topology, WIRE.md section 1).
import type { ResolvedTls } from "../auth/certificate-files.js";
import { CloseReason } from "./close-reason.js";
import { HandshakeQueue } from "./handshake-queue.js";
import type { PeerConnection } from "./peer-connection.js";
import type { PeerUrl } from "./peer-url.js";
import type { Commit } from "./room.js";
import type { Server } from "./server.js";
import { TlsPort } from "./tls-port.js";

const ADDRESS = /^[\d.]+$|:/;

export class PeerTls {
  readonly #server: Server;
  readonly #what: string;
  readonly #handshakes: HandshakeQueue;
  #port: TlsPort | undefined;

  /** @param what `route` or `gateway`, for the log */
  constructor(server: Server, what: string) {
    this.#server = server;
    this.#what = what;
    this.#handshakes = new HandshakeQueue(server.runtime.clock);
  }

  /**
   * Reads the certificates of options that do not count yet; undefined: no TLS.
   * @throws {CertificateFileError | TlsError} they cannot be used
   */
  prepare(tls: ResolvedTls | undefined): Commit {
    const server = this.#server;
    const port =
      tls &&
      new TlsPort(
        { ...tls, verify: true },
        {
          runtime: server.runtime,
          handshakes: this.#handshakes,
          ocsp: server.options.ocsp,
          revoked: () => server.certificateRevoked(),
          get logger() {
            return server.logger;
          },
        },
      );
    return () => {
      this.close();
      this.#port = port;
      void port?.open();
    };
  }

  close(): void {
    this.#port?.close();
    this.#port = undefined;
  }

  /** Makes the handshake with a server that has dialled. False: the connection is over. */
  async accept(connection: PeerConnection): Promise<boolean> {
    const port = this.#port;
    return port === undefined || this.#secured(connection, () => port.secure(connection.transport));
  }

  /**
   * Makes the handshake with a server that was dialled. One that was learned by its address shows a certificate for the
   * name that the `configured` ones have.
   */
  async dial(connection: PeerConnection, { host }: PeerUrl, configured: readonly PeerUrl[]): Promise<boolean> {
    const port = this.#port;
    if (port === undefined) return true;
    const named = ADDRESS.test(host) ? configured.find((url) => !ADDRESS.test(url.host)) : undefined;
    return this.#secured(connection, () => port.secureAsClient(connection.transport, named?.host ?? host));
  }

  async #secured(connection: PeerConnection, handshake: () => Promise<unknown>): Promise<boolean> {
    try {
      await handshake();
      return !connection.closed;
    } catch (error) {
      const text = `TLS ${this.#what} handshake error: ${(error as Error).message}`;
      this.#server.logger.error(`${connection.label} - ${text}`);
      connection.close(CloseReason.tlsHandshakeError);
      return false;
    }
  }
}
