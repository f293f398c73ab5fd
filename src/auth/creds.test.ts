import assert from "node:assert/strict";
import { test } from "node:test";
import { CredentialsError, readCredentials } from "./creds.js";

const JWT = "eyJ0eXAi.eyJqdGki-_x.c2lnbmF0dXJl_-";
const SEED = "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4";

const file = (jwt: string, seed: string): string => `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------

*************************************************************
`;

test("a credential file has a JWT and a seed", () => {
  assert.deepEqual(readCredentials(file(JWT, SEED)), { jwt: JWT, seed: SEED });
});

test("line ends, blanks and the number of dashes do not matter", () => {
  assert.deepEqual(readCredentials(file(JWT, SEED).replaceAll("\n", "\r\n")), { jwt: JWT, seed: SEED });
  assert.deepEqual(readCredentials(file(`  ${JWT}  `, `\t${SEED}`)), { jwt: JWT, seed: SEED });
  assert.deepEqual(readCredentials(file(JWT, SEED).replaceAll(/-{5,}/g, "---")), { jwt: JWT, seed: SEED });
});

test("the order of the blocks does not matter", () => {
  const [first, second] = file(JWT, SEED).split(/\*{25} IMPORTANT.*treated as secrets\.\n/s);
  assert.deepEqual(readCredentials(`${second}\n${first}`), { jwt: JWT, seed: SEED });
});

test("a bearer's credentials have no seed", () => {
  const [onlyJwt] = file(JWT, SEED).split("****");
  assert.deepEqual(readCredentials(onlyJwt), { jwt: JWT, seed: "" });
});

test("what holds no user JWT is named so", () => {
  for (const text of ["", "nonsense", JWT, file("", SEED), file("two.parts", SEED), file(SEED, SEED)]) {
    assert.throws(
      () => readCredentials(text),
      (error) => error instanceof CredentialsError && error.code === "AUTH_CREDENTIALS",
    );
  }
});

test("another kind of seed is none of a user", () => {
  assert.equal(readCredentials(file(JWT, SEED.replace("SU", "SA"))).seed, "");
});
