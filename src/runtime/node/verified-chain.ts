// By which certificates the other side was verified. Node does not tell what OpenSSL found, only who of those that were sent names
// whom as its issuer, so that the other side has a say in it: all of it is proven again.
import { X509Certificate } from "node:crypto";
import { type DetailedPeerCertificate, rootCertificates } from "node:tls";

const PEM_CERTIFICATE = /-----BEGIN (X509 )?CERTIFICATE-----[^-]+-----END (X509 )?CERTIFICATE-----/g;
const PEM_FRAME = /-----[^-]+-----|\s/g;

/**
 * The certificates (DER) from the other side's own one up to an authority; empty when one of them has not signed the one before,
 * does not hold at `nowMs`, or when the last is none of the authorities.
 * @param authorities PEM; undefined: those that come with the platform
 */
export function verifiedChain(
  first: DetailedPeerCertificate,
  authorities: string | undefined,
  nowMs: number,
): Uint8Array[] {
  const chain = namedChain(first).map((der) => new X509Certificate(der));
  const isProven = chain.every((one, at) => holdsAt(one, nowMs) && (at === 0 || hasIssued(one, chain[at - 1])));
  // Old authorities do not say that they are one.
  const areAuthorities = chain.slice(1, -1).every(({ ca }) => ca);
  const last = chain.at(-1)?.raw.toString("base64");
  const trusted = authorities?.match(PEM_CERTIFICATE) ?? rootCertificates;
  const isTrusted = trusted.some((pem) => pem.replace(PEM_FRAME, "") === last);
  return isProven && areAuthorities && isTrusted ? chain.map(({ raw }) => raw) : [];
}

// Completed by the authorities that are trusted, of which the last one names itself as its issuer; empty without such an end.
function namedChain(first: DetailedPeerCertificate): Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (let one = first; one?.raw !== undefined; one = one.issuerCertificate) {
    chain.push(one.raw);
    if (one.issuerCertificate === one) return chain;
  }
  return [];
}

function holdsAt({ validFrom, validTo }: X509Certificate, nowMs: number): boolean {
  return Date.parse(validFrom) <= nowMs && nowMs <= Date.parse(validTo);
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // A key of a kind that is not known here.
    return false;
  }
}
