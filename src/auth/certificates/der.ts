// Reads DER, the encoding of certificates (ITU-T X.690), one value at a time.

export interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
  /** With its tag and length. */
  readonly whole: Buffer;
}

/** Bytes that are not DER. */
export class DerError extends Error {
  override readonly name = "DerError";
  readonly code = "AUTH_DER";
}

/**
 * The values that stand one after the other in `bytes`.
 * @throws {DerError}
 */
export function derValues(bytes: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const value = readValue(bytes, at);
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

function readValue(bytes: Buffer, at: number): DerValue {
  let start = at + 2;
  let length = bytes[at + 1];
  if (length > 0x80 && length <= 0x84 && start + length - 0x80 <= bytes.length) {
    const digits = length - 0x80;
    length = bytes.readUIntBE(start, digits);
    start += digits;
  } else if (length >= 0x80) throw new DerError("a length that is not DER");
  const end = start + length;
  if (!(end <= bytes.length)) throw new DerError("a value that is cut off");
  return { tag: bytes[at], content: bytes.subarray(start, end), whole: bytes.subarray(at, end) };
}

/** An object identifier in dots. */
export function oidText(content: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join(".");
}
