// Changed tokens and signed nonsense: whatever comes, a JWT is understood or refused with a JwtError, and a changed one is
// never believed.
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { publicNkey } from "../nkey.js";
import { accountFault, decodeAccountClaims } from "./account-claims.js";
import { activationOf } from "./activation.js";
import { decodeAnswer } from "./callout-claims.js";
import { decodeJwt, encodeJwt, type JsonObject, JwtError, type JwtType } from "./jwt.js";
import { scopedGrants } from "./scope.js";
import { decodeUserClaims, userFault } from "./user-claims.js";

const NOW = 1_700_000_000;
const ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 2 ** 53, 1.5, "", "*", ">", "a.>", "{{name()}}", "{{tag(a)}}.x", "a b", "\ud800"],
  ...[
    [],
    [""],
    ["a", "b.*"],
    [{}],
    [null],
    {},
    { allow: ["a"], deny: [">"] },
    { a: 1 },
    { "*": NOW },
    { __proto__: null },
  ],
  ...["stream", "service", "user_scope", "127.0.0.1/8", "::/0", "Europe/Berlin", "No/Where", "25:00:00", "08:00:00"],
];
const KEYS =
  "pub sub resp subs data payload src times times_location bearer_token allowed_connection_types issuer_account tags limits imports exports signing_keys revocations default_permissions mappings authorization trace conn leaf type subject account token to local_subject kind key template entry start end max ttl jwt error".split(
    " ",
  );

interface Signer {
  readonly nkey: string;
  readonly key: KeyObject;
}

/** Runs that many rounds; throws AssertionError for a JWT that is believed or refused wrongly. */
export function fuzzJwt(runs: number, seed = 1): void {
  const below = generator(seed);
  const account = signer("account", 1);
  const user = signer("user", 2);
  for (let run = 0; run < runs; run++) {
    checkChanged(account, user, below);
    checkNonsense(account, user, below);
  }
}

function checkChanged(account: Signer, user: Signer, below: (limit: number) => number): void {
  const claims = { subject: user.nkey, issuedAt: NOW, name: `u${below(1000)}`, nats: { subs: below(10) } };
  const token = encodeJwt(claims, "user", account.nkey, account.key);
  assert.equal(decodeUserClaims(token).name, claims.name);
  const at = below(token.length);
  const changed = token.slice(0, at) + String.fromCharCode(33 + below(94)) + token.slice(at + below(3));
  const isSame = sameBytes(changed, token);
  try {
    decodeUserClaims(changed);
  } catch (error) {
    assert.ok(error instanceof JwtError, String(error));
    return;
  }
  assert.ok(isSame, `believed ${changed}`);
}

// The last character of a chunk has bits that stand for nothing.
function sameBytes(a: string, b: string): boolean {
  const [chunksA, chunksB] = [a.split("."), b.split(".")];
  if (chunksA.slice(0, 2).join() !== chunksB.slice(0, 2).join() || chunksA.length !== 3) return false;
  return Buffer.from(chunksA[2], "base64url").equals(Buffer.from(chunksB[2], "base64url"));
}

function checkNonsense(account: Signer, user: Signer, below: (limit: number) => number): void {
  const nats = nonsense(below, 3);
  const sign = (type: JwtType, subject: string): string =>
    encodeJwt(
      { subject, issuedAt: NOW, expires: below(2) * (NOW + below(20) - 10), nats },
      type,
      account.nkey,
      account.key,
    );
  understoodOrRefused(() => {
    const claims = decodeUserClaims(sign("user", user.nkey));
    userFault(claims, NOW);
    scopedGrants(claims.grants, { ...claims, issuerAccount: account.nkey }, { name: "A", tags: ["a:b"] });
  });
  understoodOrRefused(() => {
    const claims = decodeAccountClaims(sign("account", account.nkey));
    accountFault(claims, NOW);
    for (const imported of claims.imports) activationOf({ ...imported, token: sign("activation", "A") }, account.nkey);
  });
  understoodOrRefused(() => decodeAnswer(sign("authorization_response", user.nkey), user.nkey, "N", NOW));
  understoodOrRefused(() => decodeJwt(JSON.stringify(nats), "generic"));
}

function understoodOrRefused(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert.match(String((error as { code?: string }).code), /^(JWT_|CALLOUT)/, String((error as Error).stack));
  }
}

function nonsense(below: (limit: number) => number, depth: number): JsonObject {
  const made: Record<string, unknown> = {};
  for (let count = below(6); count > 0; count--) {
    const deeper = depth > 0 && below(2) === 0;
    const value = deeper ? nonsense(below, depth - 1) : VALUES[below(VALUES.length)];
    made[KEYS[below(KEYS.length)]] = below(5) === 0 ? [value] : value;
  }
  return made;
}

function signer(kind: "account" | "user", fill: number): Signer {
  const der = Buffer.concat([ED25519, Buffer.alloc(32, fill)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return { nkey: publicNkey(kind, createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32)), key };
}

function generator(seed: number): (limit: number) => number {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    state >>>= 0;
    return ((state ^ (state >>> 13)) >>> 0) % limit;
  };
}
