import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUserJwt, pairOf, userJwt } from "../../../test/support/jwt-world.js";
import { JwtError } from "./jwt.js";
import { scopedGrants } from "./scope.js";
import { decodeUserClaims, readGrants } from "./user-claims.js";

const account = pairOf("account");
const signingKey = pairOf("account");
const user = pairOf("user");
const claims = decodeUserClaims(
  bareUserJwt(
    signingKey,
    user,
    { issuer_account: account.nkey, tags: ["team:a", "team:b", "site:x"] },
    { name: "bob" },
  ),
);

function filled(template: object, of = claims): ReturnType<typeof scopedGrants>["permissions"] {
  return scopedGrants(readGrants(template as never), of, { name: "ACC", tags: ["tier:gold"] }).permissions;
}

test("names and subjects of user and account", () => {
  const allow = [
    "a",
    "u.{{name()}}",
    "{{ subject() }}.>",
    "{{account-name()}}.{{Account-Subject()}}",
    "t.{{account-tag(tier)}}",
  ];
  const wanted = ["a", "u.bob", `${user.nkey}.>`, `ACC.${account.nkey}`, "t.gold"];
  assert.deepEqual(filled({ pub: { allow }, sub: { allow } }).publishAllow, wanted);
  assert.deepEqual(filled({ pub: { allow }, sub: { allow, deny: ["d.{{name()}}"] } }).subscribeAllow, wanted);
  assert.deepEqual(filled({ sub: { deny: ["d.{{name()}}"] } }).subscribeDeny, ["d.bob"]);
});

test("a tag with several values stands for all of them", () => {
  const allow = ["{{tag(team)}}.{{tag(site)}}.x", "{{tag(team)}}.{{tag(team)}}"];
  assert.deepEqual(filled({ pub: { allow } }).publishAllow, ["a.x.x", "b.x.x", "a.a", "a.b", "b.a", "b.b"]);
});

test("what a user does not have is not allowed, and must not go without denial", () => {
  const nothing = filled({ pub: { allow: ["{{tag(none)}}.x"] }, sub: { allow: ["ok", "{{tag(none)}}"] } });
  assert.deepEqual([nothing.publishAllow, nothing.publishDeny], [[], [">"]]);
  assert.deepEqual([nothing.subscribeAllow, nothing.subscribeDeny], [["ok"], []]);
  const invalid = (template: object) => () => assert.throws(() => filled(template), JwtError);
  invalid({ pub: { deny: ["{{tag(none)}}"] } })();
  invalid({ pub: { allow: ["{{nonsense()}}"] } })();
  const blank = decodeUserClaims(bareUserJwt(signingKey, user, {}, { name: "a b" }));
  assert.throws(() => filled({ sub: { deny: ["{{name()}}"] } }, blank), JwtError);
  assert.deepEqual(filled({ sub: { allow: ["{{name()}}"] } }, blank).subscribeDeny, [">"]);
});

test("templates that grow too large are refused", () => {
  const tags = Array.from({ length: 70 }, (_, at) => `n:${at}`);
  const many = decodeUserClaims(bareUserJwt(signingKey, user, { tags }));
  assert.equal(filled({ pub: { allow: ["{{tag(n)}}"] } }, many).publishAllow.length, 70);
  assert.throws(() => filled({ pub: { allow: ["{{tag(n)}}.{{tag(n)}}"] } }, many), /exceeds limit/);
});

test("users of a scope grant themselves nothing", () => {
  for (const own of [
    { subs: -1 },
    { pub: { allow: ["x"] } },
    { bearer_token: true },
    { src: ["::/0"] },
    { resp: {} },
  ]) {
    const selfish = decodeUserClaims(bareUserJwt(signingKey, user, own));
    assert.throws(() => filled({}, selfish), /no permissions or limits/);
  }
  assert.throws(() => filled({}, decodeUserClaims(userJwt(signingKey, user))), JwtError);
});
