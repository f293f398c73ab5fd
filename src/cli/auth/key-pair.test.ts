// Key pairs against the official library, which reads the same seeds.
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { test } from "node:test";
import { fromCurveSeed, fromPublic, fromSeed } from "@nats-io/nkeys";
import fc from "fast-check";
import { CommandError } from "../subcommand.js";
import { KEY_KINDS, newKeyPair, readKeyPair } from "./key-pair.js";

const bytesOf = (secret: Uint8Array) => ({ bytes: () => secret });
const LETTERS = { operator: "O", account: "A", user: "U", server: "N", curve: "X" } as const;

test("the official library reads the seeds, finds the same public keys and takes the signatures", () => {
  const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(secrets, fc.constantFrom(...KEY_KINDS), (secret, kind) => {
      const pair = newKeyPair(kind, bytesOf(secret));
      assert.match(pair.publicKey, new RegExp(`^${LETTERS[kind]}[A-Z2-7]{55}$`));
      assert.match(pair.seed, new RegExp(`^S${LETTERS[kind]}[A-Z2-7]{56}$`));
      const seed = Buffer.from(pair.seed);
      const official = kind === "curve" ? fromCurveSeed(seed) : fromSeed(seed);
      assert.equal(official.getPublicKey(), pair.publicKey);
      if (kind === "curve") return;
      const text = Buffer.from("a nonce");
      assert.ok(fromPublic(pair.publicKey).verify(text, sign(null, text, pair.privateKey)));
    }),
    { numRuns: 60 },
  );
});

test("a seed read back is the same pair, with blanks around it too", () => {
  for (const kind of KEY_KINDS) {
    const pair = newKeyPair(kind, bytesOf(Buffer.alloc(32, 7)));
    const { publicKey, seed, kind: found } = readKeyPair(`${pair.seed}\n`);
    assert.deepEqual([publicKey, seed, found], [pair.publicKey, pair.seed, kind]);
  }
});

test("what is no seed is refused", () => {
  const { seed, publicKey } = newKeyPair("user", bytesOf(Buffer.alloc(32, 7)));
  const wrong = ["", "SU", publicKey, seed.slice(0, -1), `${seed}A`, seed.replace(/.$/, "7"), seed.toLowerCase()];
  for (const text of wrong) {
    const refusal = (error: unknown) => error instanceof CommandError && error.code === "COMMAND_INVALID";
    assert.throws(() => readKeyPair(text), refusal, text);
  }
});
