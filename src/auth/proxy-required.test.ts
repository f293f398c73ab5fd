import assert from "node:assert/strict";
import { test } from "node:test";
import { Accounts } from "../accounts/accounts.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { type Admission, Authenticator, type Credentials, type Deciders, type Origin } from "./authenticator.js";
import { testSecrets } from "./test-secrets.js";

const TRUSTED = "NDH2EUVK444ZJRMJMEZRRJ27LFTPLY5WKGGI6UBZ3EZXVWJCJLEC2SLR";
const STANDARD: Origin = { type: "STANDARD", nonce: "n", remoteAddress: "127.0.0.1", inProcess: false };
const behind = { user: "behind", password: "x", proxyRequired: true };
const any = { user: "any", password: "x" };

const accounts = new Accounts(resolveOptions({}), {
  random: { float: () => 0, below: () => 0, bytes: (count) => new Uint8Array(count) },
  clock: undefined as never,
  publish: () => 0,
});

const authenticator = (input: ServerOptions, deciders?: Deciders): Authenticator =>
  new Authenticator(resolveOptions(input), accounts, testSecrets(), deciders);

/** What becomes of a login, and whether it is said that a proxy is missing. */
async function login(a: Authenticator, credentials: Credentials, proxyKey?: string): Promise<string> {
  let lacks = "";
  const onProxyRequired = (): void => {
    lacks = ", lacks a proxy";
  };
  const admission = await a.authenticate(credentials, { ...STANDARD, proxyKey, onProxyRequired });
  return (admission === undefined ? "refused" : "admitted") + lacks;
}

test("a nonce is needed where proxies are trusted", () => {
  assert.equal(authenticator({}).needsNonce, false);
  assert.equal(authenticator({ proxies: { trusted: [{ key: TRUSTED }] } }).needsNonce, true);
});

test("each way to log in may be held to proxies", async () => {
  const ways: [ServerOptions, Credentials][] = [
    [{ authorization: { users: [behind] } }, { user: "behind", pass: "x" }],
    [{ authorization: { users: [behind] }, noAuthUser: "behind" }, {}],
    [{ authorization: { user: "u", password: "p", proxyRequired: true } }, { user: "u", pass: "p" }],
    [{ authorization: { token: "t", proxyRequired: true } }, { authToken: "t" }],
  ];
  for (const [options, credentials] of ways) {
    const a = authenticator(options);
    assert.equal(await login(a, credentials), "refused, lacks a proxy");
    assert.equal(await login(a, credentials, TRUSTED), "admitted");
  }
});

test("other users need none, and a proxy is no password", async () => {
  const a = authenticator({ authorization: { users: [behind, any], proxyRequired: true } });
  assert.equal(await login(a, { user: "any", pass: "x" }), "admitted");
  assert.equal(await login(a, { user: "any", pass: "y" }, TRUSTED), "refused");
  assert.equal(await login(a, { user: "behind", pass: "y" }, TRUSTED), "refused");
  assert.equal(await login(a, { user: "behind", pass: "y" }), "refused, lacks a proxy");
  assert.equal(await login(a, {}), "refused, lacks a proxy");
  assert.equal(await login(a, {}, TRUSTED), "refused");
});

test("a callout service is not asked about who lacks a proxy", async () => {
  const admission = { account: accounts.global } as Admission;
  const callout = { decide: () => admission } as unknown as Deciders["callout"];
  const a = authenticator({ authorization: { users: [behind] } }, { callout });
  assert.equal(await login(a, { user: "behind", pass: "x" }), "refused, lacks a proxy");
  assert.equal(await login(a, { user: "behind", pass: "x" }, TRUSTED), "admitted");
  assert.equal(await login(a, { user: "unknown", pass: "x" }), "admitted");
});

test("review: who came directly goes when its user has to come through a proxy", async () => {
  const ways: [ServerOptions, ServerOptions, Credentials][] = [
    [
      { authorization: { users: [{ ...behind, proxyRequired: false }] } },
      { authorization: { users: [behind] } },
      { user: "behind", pass: "x" },
    ],
    [{ authorization: { token: "t" } }, { authorization: { token: "t", proxyRequired: true } }, { authToken: "t" }],
  ];
  for (const [old, next, credentials] of ways) {
    const before = await authenticator(old).authenticate(credentials, STANDARD);
    assert.ok(before);
    const outcome = async (a: Authenticator, proxyKey?: string): Promise<string> =>
      (await a.review(before, credentials, { ...STANDARD, proxyKey })).outcome;
    assert.equal(await outcome(authenticator(old)), "kept");
    assert.equal(await outcome(authenticator(next)), "refused");
    assert.equal(await outcome(authenticator(next), TRUSTED), "kept");
  }
});
