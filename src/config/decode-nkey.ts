// Whether a text is an nkey of a kind: base32 of a prefix byte, the key and a checksum.
import { encodeNkey } from "../protocol/nkey.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const PREFIXES = {
  account: 0,
  cluster: 2 << 3,
  server: 13 << 3,
  operator: 14 << 3,
  seed: 18 << 3,
  user: 20 << 3,
  curve: 23 << 3,
} as const;

export type NkeyKind = Exclude<keyof typeof PREFIXES, "seed">;

/** Whether `text` is the public key of something of that kind. */
export function isPublicNkey(text: string, kind: NkeyKind): boolean {
  return nkeyBytes(text)?.[0] === PREFIXES[kind];
}

/** Whether `text` is a public key of any kind. */
export function isAnyPublicNkey(text: string): boolean {
  const prefix = nkeyBytes(text)?.[0];
  return prefix !== PREFIXES.seed && Object.values(PREFIXES).some((known) => known === prefix);
}

/** Whether `text` is the seed of a user's key. */
export function isUserSeed(text: string): boolean {
  const bytes = nkeyBytes(text);
  if (!bytes) return false;
  return (bytes[0] & 0xf8) === PREFIXES.seed && (((bytes[0] & 7) << 5) | (bytes[1] >> 3)) === PREFIXES.user;
}

/** Prefix and key, the checksum left off; undefined when the text or its checksum is wrong. */
export function nkeyBytes(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const char of text) {
    const digit = ALPHABET.indexOf(char);
    if (digit === -1) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  if (bytes.length < 4) return undefined;
  const payload = Uint8Array.from(bytes.slice(0, -2));
  return encodeNkey(payload[0], payload.subarray(1)) === text ? payload : undefined;
}
