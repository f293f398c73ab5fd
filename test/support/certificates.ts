// Certificates for tests, made on the spot: an authority, and certificates of it with the names that a test wants (RFC 5280,
// the DER written by hand since Node reads certificates but does not make them).
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface MadeCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly der: Buffer;
  /** SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal. */
  readonly publicKeySha256: string;
}

export interface CertificateNames {
  /** Pairs of an object identifier and a value, in order; a list within it is one set of several. */
  readonly subject?: readonly (readonly [oid: string, value: string] | readonly (readonly [string, string])[])[];
  readonly dns?: readonly string[];
  readonly emails?: readonly string[];
  readonly uris?: readonly string[];
  /** Default: from a day ago to a hundred days from now. */
  readonly validFromMs?: number;
  readonly validToMs?: number;
  /** Default: P-256. */
  readonly rsa?: boolean;
  /** Where its status can be asked for. */
  readonly ocspUrl?: string;
  /** Clients may expect its status with it. */
  readonly mustStaple?: boolean;
  /** It signs answers about the status of others instead of being for servers and clients. */
  readonly ocspSigning?: boolean;
}

export const OID = {
  commonName: "2.5.4.3",
  country: "2.5.4.6",
  organization: "2.5.4.10",
  unit: "2.5.4.11",
  domainComponent: "0.9.2342.19200300.100.1.25",
  email: "1.2.840.113549.1.9.1",
} as const;

const DAY_MS = 86_400_000;
const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

const SHA1_ID = Buffer.from("300906052b0e03021a0500", "hex");

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** An authority that signs with a P-256 key; its own certificate is of `issuer`, or its own work. */
export class CertificateAuthority {
  readonly name: string;
  /** Its own certificate, PEM. */
  readonly certificate: string;
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });

  constructor(name = "test authority", issuer?: CertificateAuthority, ocspUrl?: string) {
    this.name = name;
    const extensions = authorityExtensions();
    if (ocspUrl !== undefined) extensions.push(statusAt(ocspUrl));
    const made = (issuer ?? this).#sign(subjectOf([[OID.commonName, name]]), this.#keys, extensions, {});
    this.certificate = pem(made);
  }

  /** A certificate (PEM) of its name and key that names another issuer, but is its own work; nobody can be asked for its status. */
  claim(issuer: CertificateAuthority, times: Pick<CertificateNames, "validFromMs" | "validToMs">): string {
    const subject = subjectOf([[OID.commonName, this.name]]);
    return pem(this.#sign(subject, this.#keys, authorityExtensions(), times, issuer.name));
  }

  /** Makes a certificate for servers and clients. Default: for CN=localhost, localhost and 127.0.0.1. */
  issue(names: CertificateNames = { dns: ["localhost"] }): MadeCertificate {
    const keys: Keys = names.rsa
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
    const usages = names.ocspSigning
      ? sequence(oid("1.3.6.1.5.5.7.3.9"))
      : sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2"));
    const alternatives = [
      ...(names.emails ?? []).map((name) => der(0x81, Buffer.from(name, "latin1"))),
      ...(names.dns ?? []).map((name) => der(0x82, Buffer.from(name, "latin1"))),
      ...(names.uris ?? []).map((name) => der(0x86, Buffer.from(name, "latin1"))),
      ...(names.dns?.includes("localhost") ? [der(0x87, [127, 0, 0, 1])] : []),
    ];
    const extensions = [extension("2.5.29.15", bits([0x80])), extension("2.5.29.37", usages)];
    if (alternatives.length > 0) extensions.push(extension("2.5.29.17", sequence(...alternatives)));
    if (names.ocspUrl !== undefined) extensions.push(statusAt(names.ocspUrl));
    if (names.mustStaple) extensions.push(extension("1.3.6.1.5.5.7.1.24", sequence(der(2, [5]))));
    const subject = subjectOf(names.subject ?? [[OID.commonName, names.dns?.[0] ?? "test"]]);
    const made = this.#sign(subject, keys, extensions, names);
    const spki = keys.publicKey.export({ type: "spki", format: "der" });
    return {
      certificate: pem(made),
      key: keys.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
      der: made,
      publicKeySha256: createHash("sha256").update(spki).digest("hex"),
    };
  }

  /** The answer (OCSP, RFC 6960) to a request, signed by the authority or, if given, by another one or with a certificate; `nextUpdateMs` null: without an end. */
  answerOcsp(
    request: Buffer,
    status: "good" | "revoked" | "unknown",
    {
      thisUpdateMs = Date.now(),
      nextUpdateMs = (Date.now() + DAY_MS) as number | null,
      signedBy = this as CertificateAuthority | MadeCertificate,
    } = {},
  ): Buffer {
    // OCSPRequest, TBSRequest, requestList and Request each begin with four bytes at most here.
    const id = request.subarray(request.indexOf(SHA1_ID) - 2);
    const now = time(Date.now());
    const state = status === "good" ? der(0x80) : status === "revoked" ? der(0xa1, now) : der(0x82);
    const end = nextUpdateMs === null ? Buffer.alloc(0) : der(0xa0, time(nextUpdateMs));
    const single = sequence(id, state, time(thisUpdateMs), end);
    const responder = der(0xa2, der(4, createHash("sha1").update(this.name).digest()));
    const data = sequence(responder, now, sequence(single));
    const key = signedBy instanceof CertificateAuthority ? signedBy.#keys.privateKey : signedBy.key;
    const signature = bits(sign("sha256", data, key));
    const signer = signedBy instanceof CertificateAuthority ? [] : [der(0xa0, sequence(signedBy.der))];
    const basic = sequence(data, ECDSA_SHA256, signature, ...signer);
    return sequence(der(0x0a, [0]), der(0xa0, sequence(oid("1.3.6.1.5.5.7.48.1.1"), der(4, basic))));
  }

  #sign(subject: Buffer, keys: Keys, extensions: Buffer[], times: CertificateNames, issuer = this.name): Buffer {
    const { validFromMs = Date.now() - DAY_MS, validToMs = Date.now() + 100 * DAY_MS } = times;
    const body = sequence(
      der(0xa0, der(2, [2])),
      der(2, Buffer.concat([Buffer.from([1]), randomBytes(12)])),
      ECDSA_SHA256,
      subjectOf([[OID.commonName, issuer]]),
      sequence(certificateTime(validFromMs), certificateTime(validToMs)),
      subject,
      keys.publicKey.export({ type: "spki", format: "der" }),
      der(0xa3, sequence(...extensions)),
    );
    return sequence(body, ECDSA_SHA256, bits(sign("sha256", body, this.#keys.privateKey)));
  }
}

function authorityExtensions(): Buffer[] {
  return [extension("2.5.29.19", sequence(der(1, [255]))), extension("2.5.29.15", bits([6]))];
}

function subjectOf(sets: NonNullable<CertificateNames["subject"]>): Buffer {
  return sequence(
    ...sets.map((set) => {
      const attributes = (typeof set[0] === "string" ? [set] : set) as readonly (readonly [string, string])[];
      return der(
        0x31,
        ...attributes.map(([type, value]) => sequence(oid(type), der(0x0c, Buffer.from(value, "utf8")))),
      );
    }),
  );
}

function pem(made: Buffer): string {
  const lines = made.toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...parts: (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

function bits(bytes: Uint8Array | readonly number[]): Buffer {
  return der(3, [0], bytes);
}

function extension(type: string, value: Buffer): Buffer {
  return sequence(oid(type), der(4, value));
}

function statusAt(ocspUrl: string): Buffer {
  const place = der(0x86, Buffer.from(ocspUrl, "latin1"));
  return extension("1.3.6.1.5.5.7.1.1", sequence(sequence(oid("1.3.6.1.5.5.7.48.1"), place)));
}

// Before 2050 with two digits of the year (RFC 5280, 4.1.2.5).
function certificateTime(ms: number): Buffer {
  const whole = time(ms);
  return ms < Date.UTC(2050, 0, 1) ? der(0x17, whole.subarray(4)) : whole;
}

function time(ms: number): Buffer {
  return der(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, ""), "latin1"));
}

function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return der(6, bytes);
}
