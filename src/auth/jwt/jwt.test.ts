import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { test } from "node:test";
import { decode } from "@nats-io/jwt";
import { bareUserJwt, operatorJwt, pairOf, userJwt } from "../../../test/support/jwt-world.js";
import { decodeJwt, encodeJwt, JwtError, MAX_JWT_CHARS, timeFault } from "./jwt.js";

const account = pairOf("account");
const user = pairOf("user");
const good = userJwt(account, user, { tags: ["a:b"] }, { name: "bob", expires: 2_000_000_000 });

/** A token of these parts, properly signed. */
function signedToken(header: object, claims: unknown): string {
  const chunk = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${chunk(header)}.${chunk(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), account.key).toString("base64url")}`;
}

const refused = (code: string) => (error: unknown) => error instanceof JwtError && error.code === code;

test("what was encoded is read back, here and by the official library", () => {
  const claims = decodeJwt(good, "user");
  assert.deepEqual(
    [claims.subject, claims.issuer, claims.name, claims.expires, claims.nats.tags],
    [user.nkey, account.nkey, "bob", 2_000_000_000, ["a:b"]],
  );
  assert.match(claims.id, /^[A-Z2-7]{52}$/);
  const official = decode(good);
  assert.equal(official.sub, user.nkey);
  assert.equal(official.name, "bob");
});

test("only the algorithm, the version and the type that are asked for", () => {
  const header = { typ: "JWT", alg: "ed25519-nkey" };
  const claims = { sub: user.nkey, iss: account.nkey, iat: 1, nats: { type: "user", version: 2 } };
  assert.equal(decodeJwt(signedToken(header, claims), "user").subject, user.nkey);
  for (const alg of ["none", "", "ed25519x", "HS256", "EdDSA", undefined]) {
    assert.throws(() => decodeJwt(signedToken({ ...header, alg }, claims), "user"), refused("JWT_ALGORITHM"));
  }
  assert.throws(() => decodeJwt(signedToken({ ...header, typ: "JWE" }, claims), "user"), refused("JWT_FORMAT"));
  for (const version of [undefined, 1, 3, "2"]) {
    const other = { ...claims, nats: { type: "user", version } };
    assert.throws(() => decodeJwt(signedToken(header, other), "user"), refused("JWT_VERSION"));
  }
  for (const type of [undefined, "account", "activation"]) {
    const other = { ...claims, nats: { type, version: 2 } };
    assert.throws(() => decodeJwt(signedToken(header, other), "user"), refused("JWT_TYPE"));
  }
  for (const wrong of [{ sub: 1 }, { exp: "soon" }, { iat: 1.5 }, { nats: [] }]) {
    assert.throws(() => decodeJwt(signedToken(header, { ...claims, ...wrong }), "user"), refused("JWT_CLAIMS"));
  }
});

test("text that is no JWT", () => {
  const [head, body, signature] = good.split(".");
  const broken = [
    "",
    "a",
    "a.b",
    `${good}.x`,
    "..",
    `${head}.${body}`,
    `${head}.!.${signature}`,
    `${good}=`,
    `${good} `,
  ];
  for (const token of broken) {
    assert.throws(() => decodeJwt(token, "user"), refused("JWT_FORMAT"), token);
  }
  assert.throws(() => decodeJwt(`${"a".repeat(MAX_JWT_CHARS)}.b.c`, "user"), refused("JWT_FORMAT"));
  const list = Buffer.from("[1]").toString("base64url");
  assert.throws(() => decodeJwt(`${head}.${list}.${signature}`, "user"), refused("JWT_FORMAT"));
  assert.equal(decodeJwt(`${good}\r\n`, "user").subject, user.nkey);
  assert.throws(() => decodeJwt(`${head}.${body}\n.${signature}`, "user"), refused("JWT_SIGNATURE"));
});

test("the issuer has to be of the right kind and to have signed", () => {
  const other = pairOf("account");
  const [head, body, signature] = good.split(".");
  const [, otherBody, otherSignature] = userJwt(other, user).split(".");
  for (const token of [
    `${head}.${body}.${otherSignature}`,
    `${head}.${otherBody}.${signature}`,
    `${head}.${body}.AAAA`,
  ]) {
    assert.throws(() => decodeJwt(token, "user"), refused("JWT_SIGNATURE"));
  }
  const claims = { subject: user.nkey, issuedAt: 1, nats: {} };
  assert.throws(() => decodeJwt(encodeJwt(claims, "user", user.nkey, user.key), "user"), refused("JWT_ISSUER"));
  assert.throws(() => decodeJwt(encodeJwt(claims, "user", "", user.key), "user"), refused("JWT_ISSUER"));
  const operator = pairOf("operator");
  assert.equal(decodeJwt(operatorJwt(operator), "operator").subject, operator.nkey);
  assert.equal(decodeJwt(operatorJwt(operator), "generic").subject, operator.nkey);
});

test("times", () => {
  const at = (common: object, now: number): string | undefined =>
    timeFault(decodeJwt(bareUserJwt(account, user, {}, common), "user"), now);
  assert.equal(at({}, 10), undefined);
  assert.equal(at({ expires: 10 }, 10), undefined);
  assert.equal(at({ expires: 10 }, 11), "claim is expired");
  assert.equal(at({ notBefore: 10 }, 10), undefined);
  assert.equal(at({ notBefore: 10 }, 9), "claim is not yet valid");
});
