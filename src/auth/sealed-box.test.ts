import assert from "node:assert/strict";
import { test } from "node:test";
import { nkeys } from "@nats-io/nats-core";
import { createCurve, fromCurveSeed } from "@nats-io/nkeys";
import { pairOf } from "../../test/support/jwt-world.js";
import { open, SEAL_NONCE_BYTES, SealError, seal } from "./sealed-box.js";

const [a, b, c] = [pairOf("curve"), pairOf("curve"), pairOf("curve")];
const nonce = Buffer.alloc(SEAL_NONCE_BYTES, 3);

test("what one seals the other opens", () => {
  for (const size of [0, 1, 1000]) {
    const plain = Buffer.alloc(size, 7);
    const sealed = seal(plain, a.key, b.nkey, nonce);
    assert.equal(sealed.toString("latin1", 0, 4), "xkv1");
    assert.deepEqual(open(sealed, b.key, a.nkey), plain);
  }
});

test("the nkeys library opens what is sealed here, and the other way round", () => {
  const theirs = createCurve();
  const sealed = seal(Buffer.from("hello"), a.key, theirs.getPublicKey(), nonce);
  assert.equal(Buffer.from(theirs.open(sealed, a.nkey) ?? []).toString(), "hello");
  const back = theirs.seal(Buffer.from("you"), a.nkey);
  assert.equal(open(back, a.key, theirs.getPublicKey()).toString(), "you");
  assert.equal(fromCurveSeed(theirs.getSeed()).getPublicKey(), theirs.getPublicKey());
});

test("others and changed messages are refused", () => {
  const sealed = seal(Buffer.from("hello"), a.key, b.nkey, nonce);
  assert.throws(() => open(sealed, c.key, a.nkey), SealError);
  assert.throws(() => open(sealed, b.key, c.nkey), SealError);
  for (const at of [0, 5, 30, sealed.length - 1]) {
    const changed = Buffer.from(sealed);
    changed[at] ^= 1;
    assert.throws(() => open(changed, b.key, a.nkey), SealError);
  }
  assert.throws(() => open(sealed.subarray(0, 20), b.key, a.nkey), SealError);
  assert.throws(() => seal(sealed, a.key, nkeys.createUser().getPublicKey(), nonce), SealError);
});
