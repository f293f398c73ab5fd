// TLS as the rest of the house sees it: what a side brings to a handshake, what a handshake agreed on, and how it fails.

/** A certificate chain, the own certificate first, and its private key; PEM. */
export interface TlsPair {
  readonly certificate: string;
  readonly key: string;
}

export interface TlsSettings {
  /** A server chooses among several by the name that the client asks for and by the kinds of keys that it knows. */
  readonly pairs: readonly TlsPair[];
  /** PEM. Undefined: the authorities that the platform trusts. */
  readonly authorities: string | undefined;
  /** Whether a server wants a certificate of these authorities from its clients. */
  readonly verify: boolean;
  readonly minVersion: "1.2" | "1.3";
  /** IANA names, best first; those that the platform does not know are passed over. Undefined: all that are secure. */
  readonly cipherSuites: readonly string[] | undefined;
  /** Names as in the configuration (`X25519`, `CurveP256`, ...), best first. Undefined: the platform's choice. */
  readonly curves: readonly string[] | undefined;
  /** Asked in handshakes as a server, when the client wants the status of the certificate. */
  readonly staple?: Staple;
  readonly admit?: Admit;
}

/** Gives the signed status (OCSP, DER) to show with a certificate (DER); undefined: none. */
export type Staple = (certificate: Uint8Array) => Buffer | undefined;

/**
 * Asked when a handshake is done, before any byte goes on; `peer` says which side the other one is. A rejection ends the
 * connection, and `Transport.secure` rejects with it. With it every connection shows its certificates: none goes on with the
 * session of another one.
 */
export type Admit = (session: TlsSession, peer: "client" | "server") => Promise<void>;

/** Settings that are ready for handshakes; belongs to the network that made it. */
export interface TlsContext {
  readonly settings: TlsSettings;
  /** Wall-clock time at which the first certificate expires; undefined without one. */
  readonly expiresMs: number | undefined;
}

/** Who is expected at the other end of a connection that was dialled. */
export interface TlsPeer {
  /** The name (or address) that its certificate must be for. */
  readonly serverName: string;
  /** Accepts every certificate. */
  readonly insecure: boolean;
}

export interface TlsSession {
  readonly version: "1.2" | "1.3";
  /** The IANA name. */
  readonly cipherSuite: string;
  /** What the other side sent, in DER, its own certificate first; empty when it showed none. */
  readonly peerCertificates: readonly Uint8Array[];
  /**
   * The certificates (DER) by which the other side was verified: its own one first, the authority that is trusted last; empty
   * when it was not. Only there for `Admit`.
   */
  readonly verifiedChain?: readonly Uint8Array[];
}

/**
 * - `TLS_SETTINGS`: certificates, keys or names that cannot be used
 * - `TLS_NOT_TLS`: the other side does not speak TLS
 * - `TLS_CERTIFICATE`: its certificate is missing or not trusted
 * - `TLS_CLOSED`: it closed the connection
 * - `TLS_TIMEOUT`: the handshake took too long
 * - `TLS_HANDSHAKE`: anything else that kept the two sides from agreeing
 */
export type TlsErrorCode =
  | "TLS_SETTINGS"
  | "TLS_NOT_TLS"
  | "TLS_CERTIFICATE"
  | "TLS_CLOSED"
  | "TLS_TIMEOUT"
  | "TLS_HANDSHAKE";

/** Why there is no TLS; the message is in the words of nats-server where it has some. */
export class TlsError extends Error {
  override readonly name = "TlsError";
  readonly code: TlsErrorCode;

  constructor(code: TlsErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
