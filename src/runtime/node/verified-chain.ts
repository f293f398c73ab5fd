// By which certificates the other side was verified. Node does not tell what OpenSSL found, only who of those that were sent names
// whom as its issuer, so that the other side has a say in it: all of it is proven again.
import { X509Certificate } from "node:crypto";
import { type DetailedPeerCertificate, rootCertificates } from "node:tls";

const PEM_CERTIFICATE = /-----BEGIN (X509 )?CERTIFICATE-----[^-]+-----END (X509 )?CERTIFICATE-----/g;

/** The authorities of PEM text, or those that come with the platform; what is no certificate OpenSSL passes over, too. */
export function authoritiesOf(pem: string | undefined): X509Certificate[] {
  return (pem?.match(PEM_CERTIFICATE) ?? rootCertificates).flatMap((one) => {
    try {
      return [new X509Certificate(one)];
    } catch {
      return [];
    }
  });
}

/**
 * The certificates (DER) from the other side's own one up to an authority; empty when one of them has not signed the one before,
 * does not hold at `nowMs`, or when the last is none of the trusted ones.
 */
export function verifiedChain(
  first: DetailedPeerCertificate,
  trusted: readonly X509Certificate[],
  nowMs: number,
): Uint8Array[] {
  const chain = completed(
    namedChain(first).map((der) => new X509Certificate(der)),
    trusted,
  );
  const isProven = chain.every((one, at) => holdsAt(one, nowMs) && (at === 0 || hasIssued(one, chain[at - 1])));
  // Old authorities do not say that they are one.
  const areAuthorities = chain.slice(1, -1).every(({ ca }) => ca);
  const last = chain.at(-1);
  const isTrusted = last !== undefined && isAmong(trusted, last);
  return isProven && areAuthorities && isTrusted ? chain.map(({ raw }) => raw) : [];
}

// The certificates that Node shows; from Node 24 on these may be without any issuer.
function namedChain(first: DetailedPeerCertificate): Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (let one = first; one?.raw !== undefined; one = one.issuerCertificate) {
    chain.push(one.raw);
    if (one.issuerCertificate === one) break;
  }
  return chain;
}

// Up to one that has issued itself, by authorities that are trusted.
function completed(chain: readonly X509Certificate[], trusted: readonly X509Certificate[]): X509Certificate[] {
  const whole = [...chain];
  for (let last = whole.at(-1); last !== undefined && !last.checkIssued(last); last = whole.at(-1)) {
    const below = last;
    const issuer = trusted.find((one) => hasIssued(one, below));
    if (issuer === undefined || isAmong(whole, issuer)) break;
    whole.push(issuer);
  }
  return whole;
}

function isAmong(certificates: readonly X509Certificate[], { raw }: X509Certificate): boolean {
  return certificates.some((one) => one.raw.equals(raw));
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
