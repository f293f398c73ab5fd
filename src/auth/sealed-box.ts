// Messages sealed for one curve nkey by another (curve25519, XSalsa20 and Poly1305, as NaCl's box), in the form of the
// nkeys libraries: "xkv1", a nonce of 24 bytes, the box (ADR-26).
import { createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { hsalsa, xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { publicKeyBytes } from "./nkey.js";

const VERSION = Buffer.from("xkv1");
const TAG_BYTES = 16;
/** Random bytes for each sealed message. */
export const SEAL_NONCE_BYTES = 24;

/** A message that cannot be opened: another form, another key, or changed on its way. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly code = "SEAL";
}

/** Seals for the public curve nkey `to`; `nonce` must never come again. Throws SealError when `to` is no curve nkey. */
export function seal(plain: Uint8Array, own: KeyObject, to: string, nonce: Uint8Array): Buffer {
  const box = xsalsa20poly1305(sharedKey(own, to), nonce).encrypt(plain);
  return Buffer.concat([VERSION, nonce, box]);
}

/** Opens what the owner of the public curve nkey `from` has sealed for `own`. Throws SealError. */
export function open(sealed: Uint8Array, own: KeyObject, from: string): Buffer {
  const start = VERSION.length + SEAL_NONCE_BYTES;
  if (sealed.length < start + TAG_BYTES) throw new SealError("nkeys: cannot open, not a sealed message");
  if (!VERSION.equals(sealed.subarray(0, VERSION.length))) throw new SealError("nkeys: wrong encrypted version");
  try {
    const nonce = sealed.slice(VERSION.length, start);
    return Buffer.from(xsalsa20poly1305(sharedKey(own, from), nonce).decrypt(sealed.slice(start)));
  } catch (error) {
    if (error instanceof SealError) throw error;
    throw new SealError("nkeys: cannot open, wrong key or changed message");
  }
}

function sharedKey(own: KeyObject, other: string): Uint8Array {
  const bytes = publicKeyBytes(other, "curve");
  if (bytes === undefined) throw new SealError("nkeys: not a public curve nkey");
  const x = bytes.toString("base64url");
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
  const secret = words(diffieHellman({ privateKey: own, publicKey }));
  const key = new Uint32Array(8);
  hsalsa(words(Buffer.from("expand 32-byte k")), secret, new Uint32Array(4), key);
  return bytesOf(key);
}

// hsalsa works on 32-bit words in little-endian order, whatever the machine's is.
function words(bytes: Buffer): Uint32Array {
  return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readUInt32LE(at * 4));
}

function bytesOf(key: Uint32Array): Uint8Array {
  const bytes = Buffer.alloc(key.length * 4);
  for (const [at, word] of key.entries()) bytes.writeUInt32LE(word, at * 4);
  return Uint8Array.from(bytes);
}
