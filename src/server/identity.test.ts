import assert from "node:assert/strict";
import { createPublicKey, sign, verify } from "node:crypto";
import { test } from "node:test";
import { SimulatedRandom } from "../runtime/simulated/random.js";
import { createIdentity } from "./identity.js";

test("each start has keys of its own, whose public halves are the names", () => {
  const one = createIdentity(new SimulatedRandom("1"));
  const other = createIdentity(new SimulatedRandom("2"));
  for (const { id, xkey } of [one, other]) {
    assert.match(id, /^N[A-Z2-7]{55}$/);
    assert.match(xkey, /^X[A-Z2-7]{55}$/);
  }
  assert.notEqual(one.id, other.id);
  assert.notEqual(one.xkey, other.xkey);
  assert.deepEqual(createIdentity(new SimulatedRandom("1")).id, one.id);
  const text = Buffer.from("text");
  assert.ok(verify(undefined, text, createPublicKey(one.signingKey), sign(undefined, text, one.signingKey)));
});
