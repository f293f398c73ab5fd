// The TLS side of a listener of any kind: its certificates, reread when their files change, and its handshakes
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/tls).
import { readCertificate } from "../../auth/certificates/certificate.js";
import { type ResolvedTls, readTlsFiles, tlsFilesState } from "../../auth/certificates/certificate-files.js";
import type { Timer } from "../../runtime/clock.js";
import type { Logger } from "../../runtime/logger.js";
import type { Transport } from "../../runtime/network.js";
import type { Runtime } from "../../runtime/runtime.js";
import { type Admit, type TlsContext, TlsError, type TlsPeer, type TlsSession } from "../../runtime/tls.js";
import { hostPort } from "../host-port.js";
import { CERTIFICATE_POLL_MS } from "../limits.js";
import type { HandshakeQueue } from "./handshake-queue.js";
import type { OcspPeerKind, OcspPeers } from "./ocsp-peers.js";
import { type OcspOptions, OcspStaples } from "./ocsp-staples.js";

/** What the ports of a server share. */
export interface TlsPortParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly handshakes: HandshakeQueue;
  /** Whether the status of the certificates is shown with them. */
  readonly ocsp?: OcspOptions;
  /** Where the status of the other side's certificates is asked for, where the options want that. */
  readonly peers?: OcspPeers;
  /** What kind of connection the port is for. Default: a client. */
  readonly kind?: OcspPeerKind;
  /** Called when a certificate must not be shown any more, as it is revoked. */
  readonly revoked?: () => void;
}

/** The first byte of what a TLS client says. */
const HANDSHAKE_RECORD = 0x16;

export class TlsPort {
  readonly options: ResolvedTls;
  private readonly parts: TlsPortParts;
  private contexts: { readonly verifying: TlsContext; readonly plain: TlsContext };
  private filesState: string | undefined;
  private watch: Timer | undefined;
  private staples: OcspStaples | undefined;
  private closed = false;

  /**
   * Reads the certificates.
   * @throws {CertificateFileError} a file cannot be read
   * @throws {TlsError} TLS_SETTINGS: certificates and keys that make no sense
   */
  constructor(options: ResolvedTls, parts: TlsPortParts) {
    this.options = options;
    this.parts = parts;
    this.contexts = this.load();
  }

  /** For handshakes with clients. */
  get context(): TlsContext {
    return this.contexts.verifying;
  }

  /** The same without asking for certificates, as HTTPS has it. */
  get contextForHttps(): TlsContext {
    return this.contexts.plain;
  }

  /** Begins to look at the files. Resolves when the status of the certificates was asked for, where that is wanted. */
  async open(): Promise<void> {
    void tlsFilesState(this.options, this.parts.runtime.disk).then((state) => {
      this.filesState = state;
    });
    this.watch = this.parts.runtime.clock.every(CERTIFICATE_POLL_MS, () => void this.look());
    await this.staples?.start();
  }

  close(): void {
    this.closed = true;
    this.watch?.cancel();
    this.staples?.stop();
  }

  /**
   * Makes the handshake, from the client's first bytes on, within the port's timeout; the time in the queue does not count.
   * Rejects with a TlsError; the transport is destroyed then.
   */
  async secure(transport: Transport): Promise<TlsSession> {
    const { clock } = this.parts.runtime;
    const startedAt = clock.monotonicMs();
    const { timeoutMs } = this.options;
    const first = await transport.firstBytes?.(timeoutMs);
    const leftMs = timeoutMs - (clock.monotonicMs() - startedAt);
    try {
      if (first === undefined) throw new TlsError("TLS_CLOSED", "EOF");
      if (first.length === 0) throw timeoutOf(transport);
      if (!speaksTls(first)) throw new TlsError("TLS_NOT_TLS", "tls: first record does not look like a TLS handshake");
      await this.parts.handshakes.turn();
      const session = await this.within(leftMs, transport);
      if (!this.accepts(session)) throw new TlsError("TLS_CERTIFICATE", "certificate not pinned");
      return session;
    } catch (error) {
      transport.destroy();
      throw error;
    }
  }

  /**
   * Makes the handshake as the side that has dialled, within the port's timeout; the other side's certificate must be for
   * `serverName`. Rejects with a TlsError; the transport is destroyed then.
   */
  async secureAsClient(transport: Transport, serverName: string): Promise<TlsSession> {
    const { timeoutMs, insecure } = this.options;
    try {
      await this.parts.handshakes.turn();
      const session = await this.within(timeoutMs, transport, { serverName, insecure });
      if (!this.accepts(session)) throw new TlsError("TLS_CERTIFICATE", "certificate not pinned");
      return session;
    } catch (error) {
      transport.destroy();
      throw error;
    }
  }

  /** Whether the certificate of a session is one of `pinned_certs`, if there are any. */
  accepts({ peerCertificates }: TlsSession): boolean {
    const { pinnedCerts } = this.options;
    if (!pinnedCerts?.length) return true;
    const [der] = peerCertificates;
    return der !== undefined && pinnedCerts.includes(readCertificate(der).publicKeySha256);
  }

  private async within(leftMs: number, transport: Transport, peer?: TlsPeer): Promise<TlsSession> {
    let timedOut = false;
    const timer = this.parts.runtime.clock.after(leftMs, () => {
      timedOut = true;
      transport.destroy();
    });
    try {
      return await (transport.secure as NonNullable<Transport["secure"]>).call(transport, this.context, peer);
    } catch (error) {
      throw timedOut ? timeoutOf(transport) : error;
    } finally {
      timer.cancel();
    }
  }

  private load(): { verifying: TlsContext; plain: TlsContext } {
    const { disk, network } = this.parts.runtime;
    const read = readTlsFiles(this.options, disk);
    const staples = new OcspStaples(read, this.parts.ocsp, this.parts);
    this.staples = staples;
    const settings = staples.any ? { ...read, staple: (certificate: Uint8Array) => staples.for(certificate) } : read;
    const admit = this.admission();
    const verifying = network.tlsContext(admit === undefined ? settings : { ...settings, admit });
    return { verifying, plain: settings.verify ? network.tlsContext({ ...settings, verify: false }) : verifying };
  }

  private admission(): Admit | undefined {
    const { peers, kind = "Client" } = this.parts;
    const { ocspPeer } = this.options;
    if (peers === undefined || !ocspPeer?.verify) return undefined;
    return (session, peer) => peers.check(session, peer, kind, ocspPeer);
  }

  private async look(): Promise<void> {
    const state = await tlsFilesState(this.options, this.parts.runtime.disk);
    if (this.closed || this.filesState === undefined || state === this.filesState) return;
    // One attempt for each state: while files are being replaced one after the other, they do not fit together.
    this.filesState = state;
    try {
      const before = this.staples;
      this.contexts = this.load();
      before?.stop();
      void this.staples?.start();
      this.parts.logger.info("Reloaded: tls certificates");
    } catch (error) {
      this.parts.logger.error(`TLS certificates have changed and cannot be used: ${(error as Error).message}`);
    }
  }
}

function timeoutOf({ localAddress, localPort, remoteAddress, remotePort }: Transport): TlsError {
  const ends = `${hostPort(localAddress, localPort)}->${hostPort(remoteAddress, remotePort)}`;
  return new TlsError("TLS_TIMEOUT", `read tcp ${ends}: i/o timeout`);
}

/** Whether the first bytes of a connection are those of a TLS client. */
export function speaksTls(first: Uint8Array): boolean {
  return first[0] === HANDSHAKE_RECORD;
}
