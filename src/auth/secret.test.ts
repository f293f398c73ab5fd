import assert from "node:assert/strict";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { SecretCheck } from "./secret.js";
import { testSecrets } from "./test-secrets.js";

const PLACE = { source: "10.0.0.1", name: "u" };

test("plain secrets are compared at once", () => {
  const secrets = testSecrets();
  assert.equal(secrets.fits("s3cret", "s3cret", PLACE), true);
  assert.equal(secrets.fits("s3cret", "s3cre", PLACE), false);
  assert.equal(secrets.fits("$2a$4$short", "$2a$4$short", PLACE), true);
});

test("every revision of bcrypt is known, and a malformed hash fits nothing", async () => {
  const hash = hashSync("p", 4);
  for (const revision of ["2a", "2b", "2x", "2y"]) {
    assert.equal(await testSecrets().fits(hash.replace(/2b|2a/, revision), "p", PLACE), true, revision);
    assert.equal(await testSecrets().fits(hash.replace(/2b|2a/, revision), "q", PLACE), false, revision);
  }
  assert.equal(await testSecrets().fits("$2a$04$nohash", "p", PLACE), false);
});

test("what has fitted once is known, for the hashes of the latest logins", async () => {
  const secrets = testSecrets();
  const [one, two, three] = ["p1", "p2", "p3"].map((password) => hashSync(password, 4));
  for (const [hash, said] of [
    [one, "p1"],
    [two, "p2"],
  ])
    assert.equal(await secrets.fits(hash, said, PLACE), true);
  assert.equal(secrets.fits(one, "p1", PLACE), true);
  const wrong = secrets.fits(one, "p2", PLACE);
  assert.ok(wrong instanceof Promise);
  assert.equal(await wrong, false);
  assert.equal(secrets.fits(one, "p1", PLACE), true);
  assert.equal(await secrets.fits(three, "p3", PLACE), true);
  const forgotten = secrets.fits(one, "p1", PLACE);
  assert.ok(forgotten instanceof Promise);
  assert.equal(await forgotten, true);
  assert.equal(secrets.fits(three, "p3", PLACE), true);
});

test("what waits when the server ends fits nothing", async () => {
  let answer: (fits: boolean) => void = () => {};
  const secrets = new SecretCheck({
    hasher: {
      parallel: 1,
      fits: () => {
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
      close: async () => answer(false),
    },
    random: { float: () => 0, below: () => 0, bytes: (count) => new Uint8Array(count) },
    limits: { waiting: { perSource: 1, total: 1 }, proven: 1 },
  });
  const fits = secrets.fits(hashSync("p", 4), "p", PLACE);
  await secrets.close();
  assert.equal(await fits, false);
});
