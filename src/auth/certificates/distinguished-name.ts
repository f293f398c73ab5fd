// Distinguished names as text (RFC 4514, before that RFC 2253): how a certificate's subject is written, and when the name
// of a user means the same.
import { derValues, oidText } from "./der.js";

/** `value` is undefined when it is no text. */
export interface NameAttribute {
  readonly oid: string;
  readonly value: string | undefined;
}

/** A subject: sets of attributes, nearly always of one each, in the order of the certificate (country first, by habit). */
export type SubjectName = readonly (readonly NameAttribute[])[];

/** A name for comparison: sets of "type=value" with the type in upper case, the most particular set first. */
export type DistinguishedName = readonly ReadonlySet<string>[];

const DOMAIN_COMPONENT = "0.9.2342.19200300.100.1.25";

const TYPES: Record<string, string> = {
  "2.5.4.6": "C",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.17": "POSTALCODE",
  "2.5.4.3": "CN",
  "2.5.4.5": "SERIALNUMBER",
};

/** The types that text has, in the order in which it has them from right to left. */
const ORDER = Object.entries(TYPES);
/** Of these a text has only the last. */
const SINGLE = new Set(["CN", "SERIALNUMBER"]);

/** Reads the subject of a certificate. */
export function readSubject(der: Buffer): SubjectName {
  return derValues(der).map((set) =>
    derValues(set.content).map((attribute) => {
      const [oid, value] = derValues(attribute.content);
      return { oid: oidText(oid.content), value: stringValue(value.tag, value.content) };
    }),
  );
}

function stringValue(tag: number, content: Buffer): string | undefined {
  switch (tag) {
    case 0x0c:
      return content.toString("utf8");
    case 0x12:
    case 0x13:
    case 0x14:
    case 0x16:
      return content.toString("latin1");
    case 0x1e:
      return Buffer.from(content.subarray(0, content.length & ~1))
        .swap16()
        .toString("utf16le");
    default:
      return undefined;
  }
}

/**
 * The subject as text in a fixed order, SERIALNUMBER and CN first, C last, without other types: "CN=plain,O=wire".
 * Several values of one type stand together: "OU=a+OU=b".
 */
export function subjectText(subject: SubjectName): string {
  return knownParts(subject).reverse().join(",");
}

/** As `subjectText`, followed by the attributes of other types as "1.2.3=#0c0161" (type and value in hexadecimal DER). */
export function fullSubjectText(subject: SubjectName): string {
  const others = subject.flat().filter(({ oid, value }) => TYPES[oid] === undefined && value !== undefined);
  const texts = others.map(({ oid, value }) => `${oid}=#${stringDer(value as string).toString("hex")}`);
  return [...texts, ...knownParts(subject)].reverse().join(",");
}

/** "DC=example,DC=com" in the order of the certificate; "" without any. */
export function domainComponents(subject: SubjectName): string {
  return subject
    .flat()
    .filter(({ oid, value }) => oid === DOMAIN_COMPONENT && value !== undefined)
    .map(({ value }) => `DC=${value}`)
    .join(",");
}

function knownParts(subject: SubjectName): string[] {
  const attributes = subject.flat();
  return ORDER.flatMap(([oid, type]) => {
    const all = attributes.filter((one) => one.oid === oid && one.value !== undefined);
    const shown = SINGLE.has(type) ? all.slice(-1).filter(({ value }) => value !== "") : all;
    return shown.length === 0 ? [] : [shown.map(({ value }) => `${type}=${escaped(value as string)}`).join("+")];
  });
}

function escaped(value: string): string {
  return value.replace(/[,+"\\<>;]|^[ #]| $/g, "\\$&");
}

function stringDer(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  const tag = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? 0x13 : 0x0c;
  const { length } = bytes;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length];
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** The subject for comparison; undefined when it has a type without a name, or a value that is no text. */
export function comparableSubject(subject: SubjectName): DistinguishedName | undefined {
  const sets: Set<string>[] = [];
  for (const attributes of [...subject].reverse()) {
    const set = new Set<string>();
    for (const { oid, value } of attributes) {
      const type = oid === DOMAIN_COMPONENT ? "DC" : TYPES[oid];
      if (type === undefined || value === undefined) return undefined;
      set.add(`${type}=${value}`);
    }
    if (set.size > 0) sets.push(set);
  }
  return sets;
}

/** Reads "CN=a, O=b"; undefined when it is none, or has a value in hexadecimal DER. */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const sets: Set<string>[] = [];
  let set = new Set<string>();
  const parts = /((?:\\[\s\S]|[^\\,+])*)([,+]|$)/y;
  while (parts.lastIndex <= text.length) {
    const match = parts.exec(text);
    if (match === null) return undefined;
    const [, part, end] = match;
    const equals = part.indexOf("=");
    const type = part.slice(0, Math.max(equals, 0)).trim();
    const value = unescaped(part.slice(equals + 1));
    if (type === "" || value === undefined) return undefined;
    set.add(`${type.toUpperCase()}=${value}`);
    if (end !== "+") {
      sets.push(set);
      set = new Set();
    }
    if (end === "") break;
  }
  return sets;
}

// Blanks around a value do not count unless they are escaped; \2C is the byte 2C.
function unescaped(raw: string): string | undefined {
  if (raw.startsWith("#")) return undefined;
  const kept = raw.replace(/^ +/, "").replace(/((?:^|[^\\])(?:\\\\)*(?:\\ )?) +$/, "$1");
  const bytes: Buffer[] = [];
  for (const [piece] of kept.matchAll(/\\[0-9A-Fa-f]{2}|\\?[\s\S]/g)) {
    if (!piece.startsWith("\\")) bytes.push(Buffer.from(piece, "utf8"));
    else if (piece.length === 3) bytes.push(Buffer.from(piece.slice(1), "hex"));
    else if (/^\\[ "#+,;<=>\\]$/.test(piece)) bytes.push(Buffer.from(piece.slice(1), "latin1"));
    else return undefined;
  }
  return Buffer.concat(bytes).toString("utf8");
}

/** Whether two names have the same sets in the same order. */
export function sameName(a: DistinguishedName, b: DistinguishedName): boolean {
  return a.length === b.length && a.every((set, i) => sameSet(set, b[i]));
}

/** Whether two names have the same sets in any order. */
export function sameNameReordered(a: DistinguishedName, b: DistinguishedName): boolean {
  if (a.length !== b.length) return false;
  const left = [...b];
  return a.every((set) => {
    const at = left.findIndex((other) => sameSet(set, other));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((attribute) => b.has(attribute));
}
