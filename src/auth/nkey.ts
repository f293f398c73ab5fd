// Public user nkeys: their text (base32 of a prefix byte, an ed25519 key and a checksum) and signatures of nonces
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth).
import { createPublicKey, type KeyObject, verify } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const USER_PREFIX = 20 << 3;
const KEY_BYTES = 32;
const NKEY_CHARS = 56;
const SIGNATURE_BYTES = 64;

/** The key behind a public user nkey; undefined when the text is none. */
export function userKey(nkey: string): KeyObject | undefined {
  const bytes = decodeBase32(nkey);
  if (bytes === undefined || bytes[0] !== USER_PREFIX) return undefined;
  const checked = bytes.subarray(0, 1 + KEY_BYTES);
  if (bytes.readUInt16LE(1 + KEY_BYTES) !== crc16(checked)) return undefined;
  const x = checked.subarray(1).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

/** Whether `signature` (base64, URL-safe or not) is this key's for the text. */
export function signed(key: KeyObject, text: string, signature: string): boolean {
  if (!/^[A-Za-z0-9+/_-]+=*$/.test(signature)) return false;
  const bytes = Buffer.from(signature, "base64url");
  return bytes.length === SIGNATURE_BYTES && verify(null, Buffer.from(text, "latin1"), key, bytes);
}

function decodeBase32(text: string): Buffer | undefined {
  if (text.length !== NKEY_CHARS) return undefined;
  const bytes = Buffer.alloc((NKEY_CHARS * 5) / 8);
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
