// The login of another server: one user and password of the options, which may be a bcrypt hash, or the names in its certificate
// (https://docs.nats.io/running-a-nats-service/configuration/clustering/cluster_config).
import { type Certificate, readCertificate } from "../../auth/certificates/certificate.js";
import type { ResolvedTls } from "../../auth/certificates/certificate-files.js";
import { subjectText } from "../../auth/certificates/distinguished-name.js";
import { sameText } from "../../auth/secret.js";
import type { Server } from "../server.js";
import type { PeerConnection } from "./peer-connection.js";

/** What the options say. */
export interface PeerLogin {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** What the options of routes, or of gateways, ask of servers that dial. */
export interface PeerGate {
  readonly authorization: PeerLogin | undefined;
  readonly tls: ResolvedTls | undefined;
  /** Hosts of the URLs in the options. */
  readonly knownHosts: readonly string[];
}

/**
 * Whether a server that has dialled is let in: by a name of its certificate where the options say so, else by its login,
 * where they have one.
 */
export function admitsPeer(
  server: Server,
  connection: PeerConnection,
  { authorization, tls, knownHosts }: PeerGate,
  said: { readonly user?: string | undefined; readonly pass?: string | undefined },
): boolean | Promise<boolean> {
  const { verifyCertAndCheckKnownUrls = false, verifyAndMap = false } = tls ?? {};
  if (verifyCertAndCheckKnownUrls || verifyAndMap) {
    const certificate = certificateOf(connection);
    if (certificate === undefined) return false;
    const { dnsNames, emails, uris, subject } = certificate;
    if (verifyCertAndCheckKnownUrls && dnsNames.some((name) => knownHosts.some((host) => standsFor(name, host)))) {
      return true;
    }
    const names = [...emails, ...dnsNames, ...uris, subjectText(subject)];
    return verifyAndMap && authorization?.user !== undefined && names.includes(authorization.user);
  }
  return authorization?.user === undefined || fitsPeerLogin(server, connection, authorization, said);
}

function certificateOf({ transport }: PeerConnection): Certificate | undefined {
  const der = transport.tls?.peerCertificates[0];
  try {
    return der && readCertificate(der);
  } catch {
    return undefined;
  }
}

/** Whether a DNS name of a certificate is that of a host; `*` stands for its first part. */
export function standsFor(name: string, host: string): boolean {
  const wanted = host.toLowerCase().split(".");
  const labels = name.toLowerCase().split(".");
  return labels.length === wanted.length && labels.every((one, at) => one === wanted[at] || (at === 0 && one === "*"));
}

/** Whether what the other side says is the login of the options. A promise only for a hash; false where it cannot be compared. */
export function fitsPeerLogin(
  server: Server,
  connection: PeerConnection,
  { user, password = "" }: PeerLogin,
  said: { readonly user?: string | undefined; readonly pass?: string | undefined },
): boolean | Promise<boolean> {
  const isUser = sameText(user ?? "", said.user ?? "");
  const place = {
    source: connection.transport.remoteAddress,
    name: isUser ? (user ?? "") : "",
    isGone: () => connection.closed,
  };
  const fits = server.secrets.fits(password, said.pass ?? "", place);
  if (!(fits instanceof Promise)) return isUser && fits;
  return fits.then((fitted) => isUser && fitted).catch(() => false);
}
