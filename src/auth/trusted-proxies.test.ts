import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { type NkeyKind, publicNkey } from "./nkey.js";
import { TrustedProxies } from "./trusted-proxies.js";

const NONCE = "abcdefghijk";

function pair(kind: NkeyKind): { nkey: string; key: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { nkey: publicNkey(kind, publicKey.export({ type: "spki", format: "der" }).subarray(-32)), key: privateKey };
}

const trusting = (...keys: string[]): TrustedProxies => new TrustedProxies({ trusted: keys.map((key) => ({ key })) });
const signature = (key: KeyObject): Buffer => sign(null, Buffer.from(NONCE), key);

test("no proxies", () => {
  for (const none of [new TrustedProxies(undefined), trusting()]) {
    assert.equal(none.any, false);
    assert.equal(none.signerOf(signature(pair("user").key).toString("base64url"), NONCE), undefined);
  }
});

test("the one that has signed is found, whatever kind of key it has", () => {
  const kinds: NkeyKind[] = ["account", "cluster", "operator", "server", "user"];
  const pairs = kinds.map(pair);
  const proxies = trusting(...pairs.map(({ nkey }) => nkey));
  assert.equal(proxies.any, true);
  for (const { nkey, key } of pairs) {
    assert.equal(proxies.trusts(nkey), true);
    assert.equal(proxies.signerOf(signature(key).toString("base64url"), NONCE), nkey);
  }
  const stranger = pair("user");
  assert.equal(proxies.trusts(stranger.nkey), false);
  assert.equal(proxies.signerOf(signature(stranger.key).toString("base64url"), NONCE), undefined);
});

test("signatures of something else, or written in another way, are none", () => {
  const { nkey, key } = pair("server");
  const proxies = trusting(pair("curve").nkey, nkey);
  const good = signature(key).toString("base64url");
  assert.equal(proxies.signerOf(good, NONCE), nkey);
  assert.equal(proxies.signerOf(good, "another one"), undefined);
  const ofNothing = sign(null, Buffer.alloc(0), key).toString("base64url");
  assert.equal(proxies.signerOf(ofNothing, ""), undefined);
  for (const text of ["", "%", `${good}==`, good.slice(0, -4), ` ${good}`]) {
    assert.equal(proxies.signerOf(text, NONCE), undefined, text);
  }
});

test("keys have to be public nkeys", () => {
  const { nkey } = pair("server");
  const otherEnd = nkey.endsWith("A") ? "B" : "A";
  for (const key of ["", "N", nkey.slice(1), `${nkey.slice(0, -1)}${otherEnd}`, nkey.toLowerCase()]) {
    assert.throws(() => trusting(nkey, key), {
      code: "OPTIONS_VALUE",
      message: /^.*proxy trusted key ".*" is invalid$/,
    });
  }
});
