// JWTs of the first version, which operators and their nsc of before 2021 have issued: they count as those of the second.
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { test } from "node:test";
import { decodeAccountClaims } from "../src/auth/jwt/account-claims.js";
import { decodeJwt, type JsonObject, JwtError } from "../src/auth/jwt/jwt.js";
import { decodeUserClaims } from "../src/auth/jwt/user-claims.js";
import { JwtWorld, type Pair, pairOf, UNLIMITED } from "./support/jwt-world.js";
import { startSimulatedServer } from "./support/simulated-server.js";

const chunk = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token as it was made then: its type beside the common claims, and these signed alone. */
function oldJwt(type: string, signer: Pair, subject: string, nats: JsonObject, more: JsonObject = {}): string {
  const claims = chunk({ iat: 1_553_840_337, iss: signer.nkey, sub: subject, type, ...more, nats });
  const signature = sign(null, Buffer.from(claims), signer.key).toString("base64url");
  return `${chunk({ typ: "jwt", alg: "ed25519" })}.${claims}.${signature}`;
}

test("operator, accounts, an activation and a user of the first version, and what they allow", async () => {
  const jwts = new JwtWorld();
  const { operator, account, user } = jwts;
  const [exporter, other] = [pairOf("account"), pairOf("user")];
  const token = oldJwt("activation", exporter, account.nkey, { subject: "offer.*", type: "stream" });
  const imports = [{ name: "o", subject: "offer.*", account: exporter.nkey, token, type: "stream" }];
  const exports = [{ name: "o", subject: "offer.*", type: "stream", token_req: true }];
  const sim = await startSimulatedServer({
    operators: [oldJwt("operator", operator, operator.nkey, { signing_keys: [] })],
    resolver: { type: "MEMORY" },
    resolverPreload: {
      [account.nkey]: oldJwt("account", operator, account.nkey, { imports, limits: { ...UNLIMITED, conn: 2 } }),
      [exporter.nkey]: oldJwt("account", operator, exporter.nkey, { exports, limits: UNLIMITED }),
    },
  });
  const mine = oldJwt("user", account, user.nkey, { pub: { deny: ["secret"] }, sub: {} });
  const client = await jwts.login(sim, mine, user);
  client.send("SUB offer.* 1\r\nPUB secret 0\r\n\r\nPING\r\n");
  await sim.settle();
  assert.equal(client.take(), "PONG\r\n-ERR 'Permissions Violation for Publish to \"secret\"'\r\nPONG\r\n");
  const publisher = await jwts.login(sim, oldJwt("user", exporter, other.nkey, {}), other);
  publisher.send("PUB offer.a 2\r\nhi\r\nPING\r\n");
  await sim.settle();
  assert.equal(client.take(), "MSG offer.a 1 2\r\nhi\r\n");
  await jwts.login(sim, mine, user);
  assert.match((await jwts.login(sim, mine, user)).take(), /^-ERR 'maximum account active connections exceeded'/);
});

test("limits that were not there yet are none for a user, and no JetStream for an account", () => {
  const { operator, account, user } = new JwtWorld();
  const signer = pairOf("account");
  const claims = decodeUserClaims(
    oldJwt(
      "user",
      signer,
      user.nkey,
      { src: "10.0.0.0/8,127.0.0.1/32" },
      { issuer_account: account.nkey, tags: ["a"] },
    ),
  );
  const { maxSubscriptions, maxDataBytes, maxPayloadBytes, sourceNetworks } = claims.grants;
  assert.deepEqual([maxSubscriptions, maxDataBytes, maxPayloadBytes], [-1, -1, -1]);
  assert.deepEqual(
    [claims.account, claims.tags, sourceNetworks],
    [account.nkey, ["a"], ["10.0.0.0/8", "127.0.0.1/32"]],
  );
  const limits = { ...UNLIMITED, mem_storage: 1000, disk_storage: 1000 };
  const old = decodeAccountClaims(oldJwt("account", operator, account.nkey, { limits, signing_keys: [signer.nkey] }));
  assert.deepEqual([...old.signingKeys.keys()], [signer.nkey]);
  assert.deepEqual(old.jetstream, decodeAccountClaims(oldJwt("account", operator, account.nkey, {})).jetstream);
});

test("each version has its own signature, and types that came later only the second", () => {
  const { operator, account } = new JwtWorld();
  const [head, claims, signature] = oldJwt("account", operator, account.nkey, {}).split(".");
  const code = (token: string): string => {
    try {
      decodeJwt(token, "account");
      return "";
    } catch (error) {
      return error instanceof JwtError ? error.code : String(error);
    }
  };
  const signed = (text: string): string => sign(null, Buffer.from(text), operator.key).toString("base64url");
  assert.equal(code(`${head}.${claims}.${signature}`), "");
  assert.equal(code(`${head}.${claims}.${signed(`${head}.${claims}`)}`), "JWT_SIGNATURE");
  const second = chunk({ iss: operator.nkey, sub: account.nkey, nats: { type: "account", version: 2 } });
  assert.equal(code(`${head}.${second}.${signed(`${head}.${second}`)}`), "");
  assert.equal(code(`${head}.${second}.${signed(second)}`), "JWT_SIGNATURE");
  assert.equal(code(oldJwt("user", operator, account.nkey, {})), "JWT_TYPE");
  const answer = oldJwt("authorization_response", account, account.nkey, { version: 2 });
  assert.throws(() => decodeJwt(answer, "authorization_response"), { code: "JWT_VERSION" });
});
