// Who a server is: a fresh pair of keys for each start; the public halves are its id and the key for sealed messages to it.
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { encodeNkey, NkeyPrefix } from "../protocol/nkey.js";
import type { Random } from "../runtime/random.js";

// The DER headers (RFC 8410) that precede 32 bytes of private key.
const ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const X25519 = Buffer.from("302e020100300506032b656e04220420", "hex");

export interface Identity {
  /** Public server key, `N...`, 56 characters. */
  readonly id: string;
  /** Public curve key, `X...`, 56 characters. */
  readonly xkey: string;
  readonly signingKey: KeyObject;
  readonly curveKey: KeyObject;
}

export function createIdentity(random: Random): Identity {
  const signing = keyPair(ED25519, random.bytes(32));
  const curve = keyPair(X25519, random.bytes(32));
  return {
    id: encodeNkey(NkeyPrefix.server, signing.publicBytes),
    xkey: encodeNkey(NkeyPrefix.curve, curve.publicBytes),
    signingKey: signing.key,
    curveKey: curve.key,
  };
}

function keyPair(header: Buffer, seed: Uint8Array): { key: KeyObject; publicBytes: Uint8Array } {
  const key = createPrivateKey({ key: Buffer.concat([header, seed]), format: "der", type: "pkcs8" });
  return { key, publicBytes: createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32) };
}
