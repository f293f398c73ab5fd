// Key pairs of nkeys and the text of their seeds: base32 of two prefix bytes, the secret of 32 bytes and a checksum
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth).
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { nkeyBytes } from "../../config/decode-nkey.js";
import { encodeNkey } from "../../protocol/nkey.js";
import type { Random } from "../../runtime/random.js";
import { CommandError } from "../subcommand.js";

const SEED_PREFIX = 18 << 3;
const SECRET_BYTES = 32;
const PREFIXES = {
  operator: 14 << 3,
  account: 0,
  user: 20 << 3,
  server: 13 << 3,
  curve: 23 << 3,
} as const;

/** PKCS #8 up to the secret itself (RFC 8410). */
const ED25519_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const X25519_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");

/** Whose key it is. A curve key seals and opens what an auth callout says; all others sign. */
export type KeyKind = keyof typeof PREFIXES;

export const KEY_KINDS = Object.keys(PREFIXES) as readonly KeyKind[];

export interface KeyPair {
  readonly kind: KeyKind;
  /** The public nkey. */
  readonly publicKey: string;
  /** The secret as text: whoever has it is its owner. */
  readonly seed: string;
  /** For `encodeJwt`. */
  readonly privateKey: KeyObject;
}

export function newKeyPair(kind: KeyKind, random: Pick<Random, "bytes">): KeyPair {
  return pairOf(kind, random.bytes(SECRET_BYTES));
}

/** @throws {CommandError} COMMAND_INVALID when the text is no seed */
export function readKeyPair(seed: string): KeyPair {
  const bytes = nkeyBytes(seed.trim());
  if (bytes?.length !== 2 + SECRET_BYTES || (bytes[0] & 0xf8) !== SEED_PREFIX) throw noSeed();
  const prefix = ((bytes[0] & 7) << 5) | (bytes[1] >> 3);
  const kind = KEY_KINDS.find((one) => PREFIXES[one] === prefix);
  if (kind === undefined) throw noSeed();
  return pairOf(kind, bytes.subarray(2));
}

function pairOf(kind: KeyKind, secret: Uint8Array): KeyPair {
  const prefix = PREFIXES[kind];
  const head = kind === "curve" ? X25519_HEAD : ED25519_HEAD;
  const privateKey = createPrivateKey({ key: Buffer.concat([head, secret]), format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  const seed = encodeNkey(SEED_PREFIX | (prefix >> 5), Uint8Array.of((prefix & 31) << 3, ...secret));
  return { kind, publicKey: encodeNkey(prefix, Buffer.from(x, "base64url")), seed, privateKey };
}

function noSeed(): CommandError {
  return new CommandError("COMMAND_INVALID", "this is no seed of an nkey");
}
