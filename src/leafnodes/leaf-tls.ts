// TLS on leaf links: after INFO, or before it with handshake_first, as on client connections
// (conformance/topology, WIRE.md section 1).
import type { ResolvedTls } from "../auth/certificate-files.js";
import type { ResolvedOptions } from "../options/options.js";
import type { Transport } from "../runtime/network.js";
import { CloseReason } from "../server/close-reason.js";
import { HandshakeQueue } from "../server/handshake-queue.js";
import type { Commit } from "../server/room.js";
import type { Server } from "../server/server.js";
import { TlsPort } from "../server/tls-port.js";
import type { LeafConnection } from "./leaf.js";
import type { LeafUrl } from "./leaf-url.js";

const DEFAULT_TLS_MS = 2_000;

export class LeafTls {
  readonly #server: Server;
  readonly #handshakes: HandshakeQueue;
  #port: TlsPort | undefined;

  constructor(server: Server) {
    this.#server = server;
    this.#handshakes = new HandshakeQueue(server.runtime.clock);
  }

  /** The options of the listener; undefined while TLS is off. */
  get options(): ResolvedTls | undefined {
    return this.#port?.options;
  }

  /**
   * Reads the certificates of options that do not count yet.
   * @throws {CertificateFileError | TlsError} they cannot be used
   */
  prepare({ leafnodes }: ResolvedOptions): Commit {
    const port = leafnodes?.tls && this.#portOf(leafnodes.tls);
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

  /** Makes the handshake with a leaf node. False: the link is over. */
  async accept(link: LeafConnection): Promise<boolean> {
    const port = this.#port;
    return port === undefined || this.#secured(link, () => port.secure(link.transport));
  }

  /** Makes the handshake with a hub. */
  async dial(link: LeafConnection, url: LeafUrl): Promise<boolean> {
    return this.#secured(link, () => this.secureTo(link.transport, link.remote?.options.tls, url.host));
  }

  /**
   * Makes the client's handshake with `host`; without options, with the platform's authorities.
   * Rejects with a TlsError; the transport is destroyed then.
   */
  async secureTo(transport: Transport, tls: ResolvedTls | undefined, host: string): Promise<void> {
    await this.#portOf(tls ?? PLAIN_TLS).secureAsClient(transport, host);
  }

  #portOf(tls: ResolvedTls): TlsPort {
    const server = this.#server;
    return new TlsPort(tls, {
      runtime: server.runtime,
      handshakes: this.#handshakes,
      ocsp: server.options.ocsp,
      revoked: () => server.certificateRevoked(),
      get logger() {
        return server.logger;
      },
    });
  }

  async #secured(link: LeafConnection, handshake: () => Promise<unknown>): Promise<boolean> {
    try {
      await handshake();
      return !link.closed;
    } catch (error) {
      this.#server.logger.error(`${link.label} - TLS leafnode handshake error: ${(error as Error).message}`);
      link.close(CloseReason.tlsHandshakeError);
      return false;
    }
  }
}

/** A hub that wants TLS from a remote without a tls block gets it with the platform's authorities. */
const PLAIN_TLS = Object.freeze({
  verify: false,
  verifyAndMap: false,
  insecure: false,
  timeoutMs: DEFAULT_TLS_MS,
}) as unknown as ResolvedTls;
