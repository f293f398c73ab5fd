// OCSP (RFC 6960): asks an authority whether a certificate still holds, and reads its signed answer.
import { createHash, verify, X509Certificate } from "node:crypto";
import { parseZuluDate } from "../../protocol/zulu-date.js";
import { DerError, type DerValue, derValues, oidText } from "./der.js";

/** An answer that cannot be used. */
export class OcspError extends Error {
  override readonly name = "OcspError";
  readonly code = "AUTH_OCSP";
}

export interface OcspAnswer {
  readonly status: "good" | "revoked" | "unknown";
  readonly thisUpdateMs: number;
  /** Until when it counts; undefined: newer answers are there at any time. */
  readonly nextUpdateMs: number | undefined;
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTETS = 0x04;
const ENUMERATED = 0x0a;
const UTC_TIME = 0x17;
const FIFTIES = 0x35;
const VERSION = 0xa0;
const CERTIFICATES = 0xa0;
const GOOD = 0x80;
const REVOKED = 0xa1;
const SHA1_ALGORITHM = Buffer.from("300906052b0e03021a0500", "hex");
const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
const MUST_STAPLE = "1.3.6.1.5.5.7.1.24";
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
const DIGESTS: Readonly<Record<string, string | null>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": null,
};

/** Where the certificate says that its status can be asked for; empty when it does not. */
export function respondersOf(certificate: X509Certificate): string[] {
  return [...(certificate.infoAccess ?? "").matchAll(/^OCSP - URI:(http\S+)$/gm)].map(([, url]) => url);
}

/** Whether clients may expect the status with the certificate (RFC 7633). */
export function mustStaple(certificate: X509Certificate): boolean {
  const extensions = bodyOf(certificate).find(({ tag }) => tag === 0xa3);
  if (extensions === undefined) return false;
  return derValues(derValues(extensions.content)[0].content).some(
    ({ content }) => oidText(derValues(content)[0].content) === MUST_STAPLE,
  );
}

/** The question, in DER. */
export function ocspRequest(certificate: X509Certificate, issuer: X509Certificate): Buffer {
  return sequence(sequence(sequence(sequence(certificateId(certificate, issuer)))));
}

/**
 * Reads an answer and checks that it is about the certificate, and signed by its issuer or by somebody that the issuer has
 * authorised for it; not whether it still counts.
 * @throws {OcspError}
 */
export function readOcspAnswer(
  der: Buffer,
  certificate: X509Certificate,
  issuer: X509Certificate,
  nowMs: number,
): OcspAnswer {
  try {
    return readAnswer(der, certificate, issuer, nowMs);
  } catch (error) {
    if (!(error instanceof DerError) && !(error instanceof TypeError)) throw error;
    throw new OcspError("the answer cannot be read", { cause: error });
  }
}

/** What keeps an answer from counting at a time; undefined: nothing. The clocks may differ by `skewMs`. */
export function timeFault(
  { thisUpdateMs, nextUpdateMs = Number.POSITIVE_INFINITY }: OcspAnswer,
  nowMs: number,
  skewMs: number,
): "of the past" | "of the future" | undefined {
  if (nextUpdateMs < nowMs - skewMs) return "of the past";
  return thisUpdateMs > nowMs + skewMs ? "of the future" : undefined;
}

function readAnswer(der: Buffer, certificate: X509Certificate, issuer: X509Certificate, nowMs: number): OcspAnswer {
  const [status, wrapped] = derValues(derValues(der)[0].content);
  if (status.tag !== ENUMERATED || status.content[0] !== 0 || wrapped === undefined) {
    throw new OcspError(`the responder refuses to answer (${status.content[0]})`);
  }
  const [type, octets] = derValues(derValues(wrapped.content)[0].content);
  if (oidText(type.content) !== BASIC_RESPONSE) throw new OcspError("an answer of an unknown kind");
  const [data, algorithm, signature, others] = derValues(derValues(octets.content)[0].content);
  checkSignature(data.whole, algorithm, signature, signersOf(others, issuer, nowMs));
  const wanted = certificateId(certificate, issuer);
  const fields = derValues(data.content);
  if (fields[0].tag === VERSION) fields.shift();
  for (const single of derValues(fields[2].content)) {
    const [id, state, thisUpdate, nextUpdate] = derValues(single.content);
    if (!id.whole.equals(wanted)) continue;
    const thisUpdateMs = timeOf(thisUpdate);
    const nextUpdateMs = nextUpdate?.tag === VERSION ? timeOf(derValues(nextUpdate.content)[0]) : undefined;
    const known = state.tag === GOOD ? "good" : state.tag === REVOKED ? "revoked" : "unknown";
    return { status: known, thisUpdateMs, nextUpdateMs };
  }
  throw new OcspError("the answer is about another certificate");
}

function signersOf(others: DerValue | undefined, issuer: X509Certificate, nowMs: number): X509Certificate[] {
  if (others?.tag !== CERTIFICATES) return [issuer];
  const delegated = derValues(derValues(others.content)[0].content)
    .map(({ whole }) => new X509Certificate(whole))
    .filter((one) => one.keyUsage?.includes(OCSP_SIGNING) && isValidAt(one, nowMs) && one.verify(issuer.publicKey));
  return [issuer, ...delegated];
}

function isValidAt(certificate: X509Certificate, nowMs: number): boolean {
  const [, , , validity] = bodyOf(certificate);
  const [fromMs, toMs] = derValues(validity.content).map(timeOf);
  return fromMs <= nowMs && nowMs <= toMs;
}

function checkSignature(
  signed: Buffer,
  algorithm: DerValue,
  signature: DerValue,
  signers: readonly X509Certificate[],
): void {
  const digest = DIGESTS[oidText(derValues(algorithm.content)[0].content)];
  if (digest === undefined || signature.tag !== BIT_STRING) throw new OcspError("a signature of an unknown kind");
  const bytes = signature.content.subarray(1);
  if (!signers.some(({ publicKey }) => verify(digest, signed, publicKey, bytes))) {
    throw new OcspError("the answer is not signed by the issuer");
  }
}

function certificateId(certificate: X509Certificate, issuer: X509Certificate): Buffer {
  const [serial, , issuerName] = bodyOf(certificate);
  const [, , , , , issuerKey] = bodyOf(issuer);
  const [, key] = derValues(issuerKey.content);
  return sequence(
    SHA1_ALGORITHM,
    tagged(OCTETS, sha1(issuerName.whole)),
    tagged(OCTETS, sha1(key.content.subarray(1))),
    tagged(INTEGER, serial.content),
  );
}

// Serial number, algorithm, issuer, validity, subject, key, and the rest.
function bodyOf({ raw }: X509Certificate): DerValue[] {
  const fields = derValues(derValues(derValues(raw)[0].content)[0].content);
  if (fields[0].tag === VERSION) fields.shift();
  return fields;
}

// YYYYMMDDHHMMSSZ, in certificates also with two digits of the year (RFC 5280, 4.1.2.5.1).
function timeOf({ tag, content }: DerValue): number {
  const century = tag !== UTC_TIME ? "" : content[0] < FIFTIES ? "20" : "19";
  const text = (century + content.toString("latin1")).replace(
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\dZ)$/,
    "$1-$2-$3T$4:$5:$6",
  );
  const ms = parseZuluDate(text);
  if (ms === undefined) throw new OcspError("a time that is none");
  return ms;
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return tagged(SEQUENCE, ...contents);
}

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function sha1(bytes: Buffer): Buffer {
  return createHash("sha1").update(bytes).digest();
}
