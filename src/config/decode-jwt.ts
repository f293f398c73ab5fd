// The JWTs of operators and accounts, as far as a configuration is accepted or rejected for them
// (https://github.com/nats-io/jwt): header, claims and an ed25519 signature by the issuer's nkey.
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { nkeyBytes } from "./decode-nkey.js";

/** What every claim has. `nats` holds what is special to its type. */
export interface Claims {
  readonly sub: string;
  readonly iss: string;
  readonly type: string;
  readonly nats: Readonly<Record<string, unknown>>;
}

/** Keys of issuers that are kept; a preload has thousands of accounts and few signers. */
const MAX_KNOWN_KEYS = 64;
const knownKeys = new Map<string, KeyObject>();

/** Digests of JWTs whose signature was found good, so that a reload checks only those that are new. */
const MAX_KNOWN_JWTS = 100_000;
const knownJwts = new Set<string>();

const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** The JWT in a file's text: alone, or between decorating lines. */
export function undecorate(text: string): string {
  const decorated = /-{3,}[^\n]*JWT-{3,}\r?\n([^\n]+?)\r?\n-{3,}[^\n]*-{3,}/.exec(text);
  return (decorated?.[1] ?? text).trim();
}

/**
 * The claims of a JWT of that type, its signature checked.
 * @throws {Error} saying what is wrong
 */
export function decodeClaims(jwt: string, type: "operator" | "account"): Claims {
  const parts = jwt.split(".");
  if (parts.length !== 3) throw new Error("expected 3 chunks");
  const header = parseJson(parts[0]);
  const alg = String(header.alg).toLowerCase();
  if (String(header.typ).toLowerCase() !== "jwt") throw new Error(`not supported type "${header.typ}"`);
  if (alg !== "ed25519" && alg !== "ed25519-nkey") throw new Error(`unexpected "${header.alg}" algorithm`);
  const claims = parseJson(parts[1]);
  const nats = (claims.nats ?? {}) as Record<string, unknown>;
  const found = claims.type || nats.type;
  const iss = String(claims.iss ?? "");
  // Version 1 has its type here, and signs the claims alone.
  const signed = claims.type ? parts[1] : `${parts[0]}.${parts[1]}`;
  if (!isKnown(jwt, () => isSignedBy(iss, signed, parts[2]))) throw new Error("claim failed signature verification");
  if (found !== type) throw new Error(`not ${type} claim`);
  return { sub: String(claims.sub ?? ""), iss, type, nats };
}

function parseJson(part: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  if (typeof value !== "object" || value === null) throw new Error("claims are no JSON object");
  return value as Record<string, unknown>;
}

function isKnown(jwt: string, isGood: () => boolean): boolean {
  const digest = createHash("sha256").update(jwt).digest("base64");
  if (knownJwts.has(digest)) return true;
  if (!isGood()) return false;
  if (knownJwts.size >= MAX_KNOWN_JWTS) knownJwts.clear();
  knownJwts.add(digest);
  return true;
}

function isSignedBy(issuer: string, text: string, signature: string): boolean {
  const key = knownKeys.get(issuer) ?? keyOf(issuer);
  return key !== undefined && verify(null, Buffer.from(text), key, Buffer.from(signature, "base64url"));
}

// Making one takes as long as checking a signature with it.
function keyOf(issuer: string): KeyObject | undefined {
  const bytes = nkeyBytes(issuer);
  if (bytes?.length !== 33) return undefined;
  const der = Buffer.concat([ED25519_SPKI, bytes.subarray(1)]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  if (knownKeys.size >= MAX_KNOWN_KEYS) knownKeys.clear();
  knownKeys.set(issuer, key);
  return key;
}
