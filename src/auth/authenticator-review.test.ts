import assert from "node:assert/strict";
import { test } from "node:test";
import { nkeys } from "@nats-io/nats-core";
import { CertificateAuthority } from "../../test/support/certificates.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import type { Admission, Credentials, Origin, Review } from "./authenticator.js";
import { accountsFor, authenticator, HASH, HASHED, STANDARD } from "./test-authenticator.js";

async function reviewed(
  from: ServerOptions,
  to: ServerOptions,
  credentials: Credentials,
  origin: Origin = STANDARD,
): Promise<{ before: Admission; review: Review }> {
  const accounts = accountsFor(from);
  const before = await authenticator(from, accounts).authenticate(credentials, origin);
  assert.ok(before);
  accounts.prepare(resolveOptions(to))();
  return { before, review: await authenticator(to, accounts).review(before, credentials, origin) };
}

function withUsers(...users: NonNullable<NonNullable<ServerOptions["authorization"]>["users"]>): ServerOptions {
  return { authorization: { users } };
}

test("review: who is still the same stays, with the same rights to respond", async () => {
  const users = withUsers({ user: "a", password: "x", permissions: { allowResponses: {} } });
  const more = withUsers(
    { user: "b", password: "x" },
    { user: "a", password: "x", permissions: { allowResponses: {} } },
  );
  const { before, review } = await reviewed(users, more, { user: "a", pass: "x" });
  assert.ok(review.outcome === "kept");
  assert.equal(review.permissionsChanged, false);
  assert.equal(review.admission.permissions, before.permissions);
});

test("review: changed permissions come with the admission", async () => {
  const user = { user: "a", password: "x" };
  const from = withUsers({ ...user, permissions: { subscribe: { allow: ["foo", "bar"] } } });
  const to = withUsers({ ...user, permissions: { subscribe: { allow: ["bar"] } } });
  const { review } = await reviewed(from, to, { user: "a", pass: "x" });
  assert.ok(review.outcome === "kept");
  assert.equal(review.permissionsChanged, true);
  assert.equal(review.admission.permissions?.canSubscribe("foo", undefined), false);
});

test("review: a changed secret refuses, unless it is another form of the same", async () => {
  const user = (password: string) => withUsers({ user: "a", password });
  const outcome = async (from: ServerOptions, to: ServerOptions, credentials: Credentials) =>
    (await reviewed(from, to, credentials)).review.outcome;
  assert.equal(await outcome(user("x"), user("y"), { user: "a", pass: "x" }), "refused");
  assert.equal(await outcome(user(HASHED), user(HASH), { user: "a", pass: HASHED }), "kept");
  assert.equal(await outcome(user("x"), user(HASH), { user: "a", pass: "x" }), "refused");
  const token = (text: string) => ({ authorization: { token: text } });
  assert.equal(await outcome(token("one"), token("two"), { authToken: "one" }), "refused");
  assert.equal(await outcome(token("one"), token("one"), { authToken: "one" }), "kept");
  assert.equal(await outcome({}, token("one"), {}), "refused");
  assert.equal(await outcome({}, token("one"), { authToken: "one" }), "kept");
  const single = (password: string) => ({ authorization: { user: "u", password } });
  assert.equal(await outcome(single("p"), single("p"), { user: "u", pass: "p" }), "kept");
  assert.equal(await outcome(single("p"), single("q"), { user: "u", pass: "p" }), "moved");
});

test("review: a hash that has not changed is not compared again", async () => {
  const cases: [ServerOptions["authorization"], Credentials][] = [
    [{ token: HASH }, { authToken: HASHED }],
    [
      { user: "u", password: HASH },
      { user: "u", pass: HASHED },
    ],
    [{ users: [{ user: "u", password: HASH }] }, { user: "u", pass: HASHED }],
  ];
  for (const [authorization, credentials] of cases) {
    const options = { authorization };
    const accounts = accountsFor(options);
    const before = await authenticator(options, accounts).authenticate(credentials, STANDARD);
    assert.ok(before);
    const review = authenticator(options, accounts).review(before, credentials, STANDARD);
    assert.ok(!(review instanceof Promise) && review.outcome === "kept");
    assert.equal(review.admission.secret, HASH);
  }
});

test("review: a user who is gone or belongs to another account is moved", async () => {
  const users = [{ user: "a", password: "x" }];
  const inA = { accounts: { A: { users }, B: {} } };
  const inB = { accounts: { A: {}, B: { users } } };
  const credentials = { user: "a", pass: "x" };
  const outcome = async (from: ServerOptions, to: ServerOptions) =>
    (await reviewed(from, to, credentials)).review.outcome;
  assert.equal(await outcome(inA, inA), "kept");
  assert.equal(await outcome(inA, inB), "moved");
  assert.equal(await outcome(inA, { accounts: { A: {} } }), "moved");
  assert.equal(await outcome(inA, withUsers({ user: "b", password: "x" })), "moved");
  assert.equal(await outcome({}, withUsers({ user: "b", password: "x" })), "moved");
  assert.equal(await outcome({}, withUsers({ user: "a", password: "x" })), "kept");
});

test("review: an nkey that stays needs no new signature; one that goes ends", async () => {
  const pair = nkeys.createUser();
  const nkey = pair.getPublicKey();
  const sig = Buffer.from(pair.sign(Buffer.from("n"))).toString("base64url");
  const origin = { ...STANDARD, nonce: "n" };
  const from = { accounts: { A: { users: [{ nkey }] } } };
  const kept = await reviewed(from, from, { nkey, sig }, origin);
  assert.equal(kept.review.outcome, "kept");
  const gone = await reviewed(from, { accounts: { A: {} } }, { nkey, sig }, origin);
  assert.equal(gone.review.outcome, "moved");
});

test("review: who came without credentials follows no_auth_user", async () => {
  const user = { user: "u", password: "p" };
  const anonymous = { ...withUsers(user), noAuthUser: "u" };
  assert.equal((await reviewed(anonymous, anonymous, {})).review.outcome, "kept");
  assert.equal((await reviewed(anonymous, withUsers({ ...user, password: "q" }), {})).review.outcome, "refused");
  assert.equal(
    (await reviewed(anonymous, { ...withUsers({ ...user, password: "q" }), noAuthUser: "u" }, {})).review.outcome,
    "kept",
  );
  const named = { user: "u", pass: "p" };
  const changed = { ...withUsers({ ...user, password: "q" }), noAuthUser: "u" };
  assert.equal((await reviewed(anonymous, changed, named)).review.outcome, "refused");
  assert.equal((await reviewed(anonymous, withUsers(user), {})).review.outcome, "refused");
  assert.equal((await reviewed(anonymous, withUsers(user), named)).review.outcome, "kept");
});

test("review: where no login is required any more, those without a user stay", async () => {
  const token = { authorization: { token: "t" } };
  assert.equal((await reviewed(token, {}, { authToken: "t" })).review.outcome, "kept");
  assert.equal((await reviewed({}, {}, { user: "any" })).review.outcome, "kept");
});

test("who was let in by a certificate stays in as long as its user is there", async () => {
  const { der: certificate } = new CertificateAuthority().issue({ emails: ["a@test"] });
  const origin: Origin = { ...STANDARD, certificate };
  const options = (user: string): ServerOptions => ({
    tls: { verifyAndMap: true },
    authorization: { users: [{ user }] },
  });
  const accounts = accountsFor(options("a@test"));
  const before = await authenticator(options("a@test"), accounts).authenticate({}, origin);
  assert.ok(before);
  const outcome = async (user: string): Promise<string> =>
    (await authenticator(options(user), accounts).review(before, {}, origin)).outcome;
  assert.equal(await outcome("a@test"), "kept");
  assert.equal(await outcome("b@test"), "moved");
});
