// What an X.509 certificate (RFC 5280) says of its holder: the names that may be those of a user, and its fingerprints.
import { createHash } from "node:crypto";
import { DerError, derValues, oidText } from "./der.js";
import { readSubject, type SubjectName } from "./distinguished-name.js";

export interface Certificate {
  readonly subject: SubjectName;
  readonly issuer: SubjectName;
  /** The alternative names, in order. */
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** SHA-256 of the public key with its algorithm (SubjectPublicKeyInfo), and of the whole certificate; hexadecimal. */
  readonly publicKeySha256: string;
  readonly sha256: string;
}

const SEQUENCE = 0x30;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const EMAIL = 0x81;
const DNS_NAME = 0x82;
const URI = 0x86;

/**
 * Reads a certificate.
 * @throws {DerError} it is none
 */
export function readCertificate(der: Uint8Array): Certificate {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const [certificate] = derValues(bytes);
  const [body] = derValues(certificate?.content ?? bytes);
  const fields = derValues(body?.content ?? bytes);
  if (fields[0]?.tag === VERSION) fields.shift();
  const [, , issuer, , subject, publicKey] = fields;
  if (subject?.tag !== SEQUENCE || publicKey?.tag !== SEQUENCE) throw new DerError("not a certificate");
  const names = alternativeNames(fields.find(({ tag }) => tag === EXTENSIONS)?.content);
  const ofKind = (kind: number): string[] => names.filter(({ tag }) => tag === kind).map(({ text }) => text);
  return {
    subject: readSubject(subject.content),
    issuer: readSubject(issuer.content),
    emails: ofKind(EMAIL),
    dnsNames: ofKind(DNS_NAME),
    uris: ofKind(URI),
    publicKeySha256: sha256(publicKey.whole),
    sha256: sha256(certificate.whole),
  };
}

function alternativeNames(extensions: Buffer | undefined): { tag: number; text: string }[] {
  if (extensions === undefined) return [];
  for (const extension of derValues(derValues(extensions)[0].content)) {
    const parts = derValues(extension.content);
    if (oidText(parts[0].content) !== SUBJECT_ALTERNATIVE_NAME) continue;
    const [list] = derValues(parts[parts.length - 1].content);
    return derValues(list.content).map(({ tag, content }) => ({ tag, text: content.toString("latin1") }));
  }
  return [];
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
