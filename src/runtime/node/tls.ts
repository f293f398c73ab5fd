// TLS on Node: contexts made of PEM texts, and handshakes on sockets that are open already.
import { constants, X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import tls from "node:tls";
import { type TlsContext, TlsError, type TlsPair, type TlsPeer, type TlsSession, type TlsSettings } from "../tls.js";
import { askedName } from "./client-hello.js";
import { handshakeError } from "./tls-errors.js";
import { authoritiesOf, verifiedChain } from "./verified-chain.js";

/** TLS 1.3 is always on, with all of its suites; what a configuration chooses among are those of TLS 1.2. */
const TLS13_SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

const SECURE_SUITES = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
  "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

const CURVE_NAMES: Record<string, string> = { CurveP256: "P-256", CurveP384: "P-384", CurveP521: "P-521" };

const VERSIONS = { "1.2": "TLSv1.2", "1.3": "TLSv1.3" } as const;

const LONGEST_HELLO_BYTES = 64 * 1024;

/** A TLSSocket knows the socket that it encrypts. */
interface Wrapper {
  _parent?: unknown;
}

interface Handshake {
  resolve(socket: tls.TLSSocket): void;
  reject(error: TlsError): void;
}

export class NodeTlsContext implements TlsContext {
  readonly settings: TlsSettings;
  readonly expiresMs: number | undefined;
  readonly #options: tls.SecureContextOptions;
  readonly #names: readonly X509Certificate[];
  readonly #servers = new Map<string, tls.Server>();
  readonly #handshakes = new WeakMap<object, Handshake>();
  #authorities: readonly X509Certificate[] | undefined;

  /** @throws {TlsError} TLS_SETTINGS */
  constructor(settings: TlsSettings) {
    this.settings = settings;
    try {
      this.#options = {
        ca: settings.authorities,
        minVersion: VERSIONS[settings.minVersion],
        maxVersion: "TLSv1.3",
        ciphers: openSslNames(settings.cipherSuites),
        honorCipherOrder: true,
        ecdhCurve: knownCurves(settings.curves),
        secureOptions: settings.admit && constants.SSL_OP_NO_TICKET,
      };
      this.#names = settings.pairs.map(({ certificate }) => new X509Certificate(certificate));
      this.expiresMs = this.#names.length === 0 ? undefined : Date.parse(this.#names[0].validTo);
      tls.createSecureContext({ ...this.#options, ...together(oneOfEachKind(settings.pairs, this.#names)) });
    } catch (error) {
      if (error instanceof TlsError) throw error;
      throw new TlsError("TLS_SETTINGS", `tls: ${(error as Error).message}`);
    }
  }

  /** Who is trusted to have issued the other side's certificate; read when it is first needed. */
  get authorities(): readonly X509Certificate[] {
    this.#authorities ??= authoritiesOf(this.settings.authorities);
    return this.#authorities;
  }

  /** What a client brings to a handshake. */
  get clientOptions(): tls.SecureContextOptions {
    return { ...this.#options, ...together(this.settings.pairs.slice(0, 1)) };
  }

  /** Makes the server's handshake on a connection. Rejects with a TlsError; the socket is destroyed then. */
  async accept(socket: Socket): Promise<tls.TLSSocket> {
    // Who closes in the middle of a handshake has ended it.
    socket.allowHalfOpen = false;
    const several = this.settings.pairs.length > 1;
    const server = this.#serverFor(several ? await takeName(socket) : "");
    if (socket.destroyed) throw new TlsError("TLS_CLOSED", "EOF");
    return new Promise((resolve, reject) => {
      this.#handshakes.set(socket, { resolve, reject });
      server.emit("connection", socket);
    });
  }

  /** Makes the client's handshake on a connection. Rejects with a TlsError; the socket is destroyed then. */
  connect(socket: Socket, peer: TlsPeer): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const { serverName, insecure } = peer;
      const isAddress = /^[\d.]+$|:/.test(serverName);
      const secured = tls.connect({
        ...this.clientOptions,
        socket,
        servername: isAddress ? "" : serverName,
        checkServerIdentity: (_, certificate) => tls.checkServerIdentity(serverName, certificate),
        rejectUnauthorized: !insecure,
      });
      const fail = (error: Error): void => {
        secured.destroy();
        reject(handshakeError(error));
      };
      const closed = (): void => fail(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
      secured.once("error", fail);
      secured.once("close", closed);
      secured.once("secureConnect", () => {
        secured.removeListener("error", fail);
        secured.removeListener("close", closed);
        resolve(secured);
      });
    });
  }

  // Of the certificates for a name one of each kind of key; when none is for it, of all.
  #serverFor(name: string): tls.Server {
    const pairs = this.settings.pairs.map((pair, i) => ({ pair, certificate: this.#names[i] }));
    const fitting = pairs.filter(({ certificate }) => name !== "" && certificate.checkHost(name, { subject: "never" }));
    const chosen = fitting.length > 0 ? fitting : pairs;
    const key = chosen.map((one) => pairs.indexOf(one)).join();
    let server = this.#servers.get(key);
    if (server === undefined) {
      server = this.#createServer(
        chosen.map(({ pair }) => pair),
        chosen.map(({ certificate }) => certificate),
      );
      this.#servers.set(key, server);
    }
    return server;
  }

  // It never listens: its part is to make handshakes on the connections that it is given.
  #createServer(pairs: readonly TlsPair[], names: readonly X509Certificate[]): tls.Server {
    const { verify } = this.settings;
    const server = tls.createServer({
      ...this.#options,
      ...together(oneOfEachKind(pairs, names)),
      requestCert: verify,
      rejectUnauthorized: verify,
    });
    const handshakeOf = (socket: tls.TLSSocket): Handshake | undefined => {
      const raw = (socket as Wrapper)._parent as object;
      const handshake = this.#handshakes.get(raw);
      this.#handshakes.delete(raw);
      return handshake;
    };
    const { staple } = this.settings;
    if (staple !== undefined) {
      server.on("OCSPRequest", (certificate, _, answer) => answer(null, staple(certificate) ?? Buffer.alloc(0)));
    }
    server.on("secureConnection", (socket) => {
      socket.disableRenegotiation();
      handshakeOf(socket)?.resolve(socket);
    });
    server.on("tlsClientError", (error, socket) => {
      socket.destroy();
      handshakeOf(socket)?.reject(handshakeError(error, socket.authorizationError));
    });
    return server;
  }
}

// Reads as far as the name that the client asks for, and puts back what it read; "" when the connection ends before.
function takeName(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let taken: Buffer = Buffer.alloc(0);
    const settle = (name: string): void => {
      socket.removeListener("readable", look);
      socket.removeListener("close", gone);
      if (taken.length > 0 && !socket.destroyed) socket.unshift(taken);
      resolve(name);
    };
    const gone = (): void => settle("");
    const look = (): void => {
      const bytes: Buffer | null = socket.read();
      if (bytes === null) {
        gone();
        return;
      }
      taken = taken.length === 0 ? bytes : Buffer.concat([taken, bytes]);
      const name = taken.length > LONGEST_HELLO_BYTES ? "" : askedName(taken);
      if (name !== undefined) settle(name);
    };
    socket.on("readable", look);
    socket.once("close", gone);
    if (socket.destroyed) gone();
  });
}

/** What a finished handshake agreed on. */
export function sessionOf(socket: tls.TLSSocket, context: NodeTlsContext): TlsSession {
  // Before the other call, which takes the certificates out of OpenSSL's list.
  const isVerified = context.settings.admit !== undefined && socket.authorized;
  const chain = isVerified
    ? verifiedChain(socket.getPeerCertificate(true), context.authorities, Date.now())
    : undefined;
  const peerCertificates: Uint8Array[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined) {
    peerCertificates.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  const version = socket.getProtocol() === "TLSv1.2" ? "1.2" : "1.3";
  return { version, cipherSuite: socket.getCipher().standardName, peerCertificates, verifiedChain: chain };
}

// OpenSSL takes one certificate for each kind of key and chooses by what the client can verify.
function oneOfEachKind(pairs: readonly TlsPair[], names: readonly X509Certificate[]): TlsPair[] {
  const kinds = new Map<string | undefined, TlsPair>();
  pairs.forEach((pair, i) => {
    const kind = names[i].publicKey.asymmetricKeyType;
    if (!kinds.has(kind)) kinds.set(kind, pair);
  });
  return [...kinds.values()];
}

function together(pairs: readonly TlsPair[]): { cert: string[]; key: string[] } | undefined {
  if (pairs.length === 0) return undefined;
  return { cert: pairs.map(({ certificate }) => certificate), key: pairs.map(({ key }) => key) };
}

/** The suites of TLS 1.2 by OpenSSL's names: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256. */
function openSslNames(suites: readonly string[] = SECURE_SUITES): string {
  const built = new Set(tls.getCiphers());
  const names = suites
    .filter((suite) => !TLS13_SUITES.includes(suite))
    .map((suite) =>
      suite
        .replace(/^TLS_(?:RSA_WITH_)?/, "")
        .replace("_WITH_", "_")
        .replace("3DES_EDE_CBC", "DES_CBC3")
        .replace(/CHACHA20_POLY1305_SHA256$/, "CHACHA20_POLY1305")
        .replace(/AES_(\d+)_CBC/, "AES$1")
        .replace(/AES_(\d+)/, "AES$1")
        .replaceAll("_", "-"),
    );
  return [...TLS13_SUITES, ...names.filter((name) => built.has(name.toLowerCase()))].join(":");
}

function knownCurves(curves: readonly string[] | undefined): string | undefined {
  if (curves === undefined || curves.length === 0) return undefined;
  const known = curves.map((curve) => CURVE_NAMES[curve] ?? curve).filter(isKnownCurve);
  if (known.length > 0) return known.join(":");
  throw new TlsError("TLS_SETTINGS", `tls: none of the curves ${curves.join(", ")} is known to this platform`);
}

function isKnownCurve(ecdhCurve: string): boolean {
  try {
    tls.createSecureContext({ ecdhCurve });
    return true;
  } catch {
    return false;
  }
}
