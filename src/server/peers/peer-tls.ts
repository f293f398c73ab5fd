// TLS between servers: the certificates of one listener, and the handshakes on connections in both directions. On routes and
// gateways it starts at once, and both sides show and check certificates (conformance/topology, WIRE.md section 1).
import type { ResolvedTls } from "../../auth/certificates/certificate-files.js";
import type { Transport } from "../../runtime/network.js";
import { CloseReason } from "../close-reason.js";
import type { Commit } from "../room.js";
import type { Server } from "../server.js";
import { HandshakeQueue } from "../tls/handshake-queue.js";
import { TlsPort } from "../tls/tls-port.js";
import type { PeerConnection } from "./peer-connection.js";
import type { PeerUrl } from "./peer-url.js";

const DEFAULT_TLS_MS = 2_000;
const ADDRESS = /^[\d.]+$|:/;

export class PeerTls {
  readonly #server: Server;
  readonly #what: string;
  readonly #mutual: boolean;
  readonly #handshakes: HandshakeQueue;
  #port: TlsPort | undefined;

  /**
   * @param what `route`, `gateway` or `leafnode`, for the log
   * @param mutual whether servers that dial must show a certificate, whatever the options say; default: yes
   */
  constructor(server: Server, what: string, { mutual = true } = {}) {
    this.#server = server;
    this.#what = what;
    this.#mutual = mutual;
    this.#handshakes = new HandshakeQueue(server.runtime.clock);
  }

  /** The options of the listener; undefined while TLS is off. */
  get options(): ResolvedTls | undefined {
    return this.#port?.options;
  }

  /**
   * Reads the certificates of options that do not count yet; undefined: no TLS.
   * @throws {CertificateFileError | TlsError} they cannot be used
   */
  prepare(tls: ResolvedTls | undefined): Commit {
    const port = tls && this.#portOf(this.#mutual ? { ...tls, verify: true } : tls);
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

  /** Makes the handshake with `host` by these options, or without any by the platform's authorities. False: the connection is over. */
  dialAt(connection: PeerConnection, host: string, tls: ResolvedTls | undefined): Promise<boolean> {
    return this.#secured(connection, () => this.secureTo(connection.transport, host, tls));
  }

  /** The same before there is a connection. Rejects with a TlsError; the transport is destroyed then. */
  async secureTo(transport: Transport, host: string, tls: ResolvedTls | undefined): Promise<void> {
    await this.#portOf(tls ?? PLAIN_TLS).secureAsClient(transport, host);
  }

  #portOf(tls: ResolvedTls): TlsPort {
    const server = this.#server;
    return new TlsPort(tls, {
      runtime: server.runtime,
      handshakes: this.#handshakes,
      ocsp: server.options.ocsp,
      // Between servers of a cluster and of a super-cluster there are staples instead.
      peers: this.#what === "leafnode" ? server.ocspPeers : undefined,
      kind: "Leafnode",
      revoked: () => server.certificateRevoked(),
      get logger() {
        return server.logger;
      },
    });
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

/** Of who has no options for it. */
const PLAIN_TLS = Object.freeze({
  verify: false,
  verifyAndMap: false,
  insecure: false,
  timeoutMs: DEFAULT_TLS_MS,
}) as unknown as ResolvedTls;
