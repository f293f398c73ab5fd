// Public nkeys: their text (base32 of a prefix byte, a key of 32 bytes and a checksum) and signatures by them
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth).
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { encodeNkey } from "../protocol/nkey.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const KEY_BYTES = 32;
const NKEY_CHARS = 56;
const SEED_CHARS = 58;
const SEED_PREFIX = 18 << 3;
// PKCS #8 up to the secret itself (RFC 8410).
const ED25519_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SIGNATURE_BYTES = 64;

const PREFIXES = {
  account: 0,
  cluster: 2 << 3,
  server: 13 << 3,
  operator: 14 << 3,
  user: 20 << 3,
  curve: 23 << 3,
} as const;

/** Whose key an nkey is, as its first letter tells. */
export type NkeyKind = keyof typeof PREFIXES;

const KINDS = Object.keys(PREFIXES) as NkeyKind[];

/** The key behind a public user nkey; undefined when the text is none. */
export function userKey(nkey: string): KeyObject | undefined {
  return verifyingKey(nkey, "user");
}

/** The ed25519 key behind a public nkey of that kind; undefined when the text is none. */
export function verifyingKey(nkey: string, kind: Exclude<NkeyKind, "curve">): KeyObject | undefined {
  const key = publicKeyBytes(nkey, kind);
  return key && ed25519Key(key);
}

/** The ed25519 key behind a public nkey of any kind; undefined when the text is none, or the nkey of a curve key. */
export function verifyingKeyOfAny(nkey: string): KeyObject | undefined {
  const found = readNkey(nkey);
  return found === undefined || found.kind === "curve" ? undefined : ed25519Key(found.key);
}

/** Whether the text is a public nkey of any kind. */
export function isAnyPublicNkey(nkey: string): boolean {
  return readNkey(nkey) !== undefined;
}

/** The 32 bytes of a public nkey of that kind; undefined when the text is none. */
export function publicKeyBytes(nkey: string, kind: NkeyKind): Buffer | undefined {
  const found = readNkey(nkey);
  return found?.kind === kind ? found.key : undefined;
}

/** The text of a public nkey of 32 bytes. */
export function publicNkey(kind: NkeyKind, bytes: Uint8Array): string {
  return encodeNkey(PREFIXES[kind], bytes);
}

/** Whether the text is a public nkey of that kind. */
export function isPublicNkey(nkey: string, kind: NkeyKind): boolean {
  return publicKeyBytes(nkey, kind) !== undefined;
}

/** Whether `signature` (base64, URL-safe or not) is this key's for the text. */
export function signed(key: KeyObject, text: string, signature: string): boolean {
  if (!/^[A-Za-z0-9+/_-]+=*$/.test(signature)) return false;
  const bytes = Buffer.from(signature, "base64url");
  return bytes.length === SIGNATURE_BYTES && verify(null, Buffer.from(text, "latin1"), key, bytes);
}

/** A key that signs. */
export interface SigningKey {
  /** The public nkey. */
  readonly publicKey: string;
  /** The signature of a text, base64 for URLs without padding. */
  sign(text: string): string;
}

/** The user's key behind a seed; undefined when the text is none. */
export function userSigningKey(seed: string): SigningKey | undefined {
  const bytes = decodeBase32(seed, SEED_CHARS);
  if (bytes === undefined || (bytes[0] & 0xf8) !== SEED_PREFIX) return undefined;
  const prefix = ((bytes[0] & 7) << 5) | (bytes[1] >> 3);
  const checked = bytes.subarray(0, 2 + KEY_BYTES);
  if (prefix !== PREFIXES.user || bytes.readUInt16LE(2 + KEY_BYTES) !== crc16(checked)) return undefined;
  const key = createPrivateKey({
    key: Buffer.concat([ED25519_HEAD, checked.subarray(2)]),
    format: "der",
    type: "pkcs8",
  });
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return {
    publicKey: publicNkey("user", Buffer.from(x, "base64url")),
    sign: (text) => sign(null, Buffer.from(text, "latin1"), key).toString("base64url"),
  };
}

function readNkey(nkey: string): { readonly kind: NkeyKind; readonly key: Buffer } | undefined {
  const bytes = decodeBase32(nkey, NKEY_CHARS);
  const kind = KINDS.find((one) => PREFIXES[one] === bytes?.[0]);
  if (bytes === undefined || kind === undefined) return undefined;
  const checked = bytes.subarray(0, 1 + KEY_BYTES);
  return bytes.readUInt16LE(1 + KEY_BYTES) === crc16(checked) ? { kind, key: checked.subarray(1) } : undefined;
}

function ed25519Key(key: Buffer): KeyObject {
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: key.toString("base64url") }, format: "jwk" });
}

function decodeBase32(text: string, chars: number): Buffer | undefined {
  if (text.length !== chars) return undefined;
  const bytes = Buffer.alloc(Math.floor((chars * 5) / 8));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const char of text) {
    const value = ALPHABET.indexOf(char);
    if (value < 0) return undefined;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
    }
  }
  return bytes;
}

// CRC-16/XMODEM.
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
