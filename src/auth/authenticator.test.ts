import assert from "node:assert/strict";
import { test } from "node:test";
import { nkeys } from "@nats-io/nats-core";
import { hashSync } from "bcryptjs";
import { CertificateAuthority } from "../../test/support/certificates.js";
import { OptionsError } from "../options/errors.js";
import type { ServerOptions } from "../options/options.js";
import type { Origin } from "./authenticator.js";
import { userKey } from "./nkey.js";
import { authenticator, HASH, HASHED, login, STANDARD } from "./test-authenticator.js";

test("where no login is required everybody is let in, whatever they say", async () => {
  for (const input of [{}, { authorization: { password: "p" } }, { accounts: { A: {} } }]) {
    const a = authenticator(input);
    assert.equal(a.required, false);
    assert.equal(a.needsNonce, false);
    assert.equal(await login(a, {}), "$G/");
    assert.equal(await login(a, { user: "u", pass: "p", authToken: "t" }), "$G/");
  }
});

test("one user and password", async () => {
  const a = authenticator({ authorization: { user: "u", password: "pw" } });
  assert.equal(a.required, true);
  assert.equal(await login(a, { user: "u", pass: "pw" }), "$G/");
  for (const credentials of [
    {},
    { user: "u" },
    { pass: "pw" },
    { user: "x", pass: "pw" },
    { user: "u", pass: "PW" },
    { authToken: "pw" },
  ]) {
    assert.equal(await login(a, credentials), "refused");
  }
});

test("a token, plain or hashed", async () => {
  const plain = authenticator({ authorization: { token: "t" } });
  assert.equal(await login(plain, { authToken: "t" }), "$G/");
  for (const credentials of [{}, { authToken: "x" }, { user: "t" }, { pass: "t" }]) {
    assert.equal(await login(plain, credentials), "refused");
  }
  const hashed = authenticator({ authorization: { token: HASH } });
  assert.equal(await login(hashed, { authToken: HASHED }), "$G/");
  assert.equal(await login(hashed, { authToken: HASH }), "refused", "the hash is no password");
});

test("users with passwords, plain and hashed", async () => {
  const a = authenticator({
    authorization: {
      users: [
        { user: "a", password: "x" },
        { user: "h", password: HASH },
        { user: "y", password: "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW" },
        { user: "broken", password: "$2a$04$short" },
      ],
    },
  });
  assert.equal(await login(a, { user: "a", pass: "x" }), "$G/a");
  assert.equal(await login(a, { user: "h", pass: HASHED }), "$G/h");
  assert.equal(await login(a, { user: "y", pass: "secret" }), "$G/y");
  for (const credentials of [
    {},
    { user: "a" },
    { user: "a", pass: "y" },
    { user: "h", pass: "x" },
    { user: "h", pass: HASH },
    { user: "y", pass: "Secret" },
    { user: "broken", pass: "$2a$04$short" },
    { user: "nobody", pass: "x" },
    { user: "__proto__", pass: "" },
    { pass: "x" },
  ]) {
    assert.equal(await login(a, credentials), "refused", JSON.stringify(credentials));
  }
});

test("a plain password is decided at once, a hash later; so is a name that nobody has beside hashes", () => {
  const users = [{ user: "a", password: "x" }];
  const plain = authenticator({ authorization: { users } });
  assert.equal(plain.authenticate({ user: "zz", pass: "x" }, STANDARD) instanceof Promise, false);
  assert.equal(plain.authenticate({ user: "a", pass: "x" }, STANDARD) instanceof Promise, false);
  const mixed = authenticator({ authorization: { users: [...users, { user: "h", password: HASH }] } });
  assert.equal(mixed.authenticate({ user: "h", pass: "x" }, STANDARD) instanceof Promise, true);
  assert.equal(mixed.authenticate({ user: "zz", pass: "x" }, STANDARD) instanceof Promise, true);
});

test("hashes are worked off one after another", async () => {
  const a = authenticator({
    authorization: {
      users: [
        { user: "slow", password: hashSync("x", 8) },
        { user: "quick", password: HASH },
      ],
    },
  });
  const order: string[] = [];
  const attempts = ["slow", "quick"].map(async (user) => {
    await a.authenticate({ user, pass: "x" }, STANDARD);
    order.push(user);
  });
  await Promise.all(attempts);
  assert.deepEqual(order, ["slow", "quick"]);
});

test("users belong to their accounts", async () => {
  const a = authenticator({
    accounts: { A: { users: [{ user: "a", password: "x" }] }, $SYS: { users: [{ user: "s", password: "x" }] } },
    authorization: { users: [{ user: "g", password: "x" }] },
  });
  assert.equal(await login(a, { user: "a", pass: "x" }), "A/a");
  assert.equal(await login(a, { user: "s", pass: "x" }), "$SYS/s");
  assert.equal(await login(a, { user: "g", pass: "x" }), "$G/g");
});

test("nkeys sign the nonce of their own connection", async () => {
  const alice = nkeys.createUser();
  const bob = nkeys.createUser();
  const nkey = alice.getPublicKey();
  const sign = (pair: typeof alice, nonce: string, encoding: "base64" | "base64url" = "base64url"): string =>
    Buffer.from(pair.sign(Buffer.from(nonce))).toString(encoding);
  const a = authenticator({ accounts: { A: { users: [{ nkey }] } } });
  assert.equal(a.needsNonce, true);
  assert.equal(await login(a, { nkey, sig: sign(alice, "n1") }, { nonce: "n1" }), `A/${nkey}`);
  assert.equal(await login(a, { nkey, sig: sign(alice, "n1", "base64") }, { nonce: "n1" }), `A/${nkey}`);
  for (const [credentials, nonce] of [
    [{ nkey }, "n1"],
    [{ nkey, sig: sign(alice, "n2") }, "n1"],
    [{ nkey, sig: sign(bob, "n1") }, "n1"],
    [{ nkey: bob.getPublicKey(), sig: sign(bob, "n1") }, "n1"],
    [{ nkey, sig: "%%%" }, "n1"],
    [{ nkey, sig: sign(alice, "") }, ""],
    [{ user: nkey, pass: "" }, "n1"],
    [{}, "n1"],
  ] as const) {
    assert.equal(await login(a, credentials, { nonce }), "refused");
  }
});

test("public user nkeys are told from other text", () => {
  const nkey = "UBF5UVMESVVDIRKT7GROVNBYVTKK32V2355X3IPSU6TR7ZEA42IH6NEY";
  assert.notEqual(userKey(nkey), undefined);
  for (const text of [
    "",
    "U",
    nkey.toLowerCase(),
    `${nkey.slice(0, -1)}Z`,
    `${nkey.slice(0, 20)}A${nkey.slice(21)}`,
    nkeys.createAccount().getPublicKey(),
    Buffer.from(nkeys.createUser().getSeed()).toString(),
  ]) {
    assert.equal(userKey(text), undefined, text);
  }
});

test("no_auth_user stands for those who say nothing", async () => {
  const users = [
    { user: "u", password: "p", permissions: { publish: { allow: ["ok"] } } },
    { user: "hashed", password: HASH },
  ];
  const a = authenticator({ authorization: { users }, noAuthUser: "u" });
  assert.equal(a.noAuthUser?.name, "u");
  assert.equal(a.admitsAnonymous("STANDARD"), true);
  assert.equal(await login(a, {}), "$G/u");
  assert.equal(await login(a, { user: "", pass: "" }), "$G/u");
  const admission = await a.authenticate({}, STANDARD);
  assert.equal(admission?.permissions?.canPublish("nope"), false);
  for (const credentials of [{ user: "zz", pass: "x" }, { user: "u", pass: "x" }, { authToken: "t" }, { pass: "p" }]) {
    assert.equal(await login(a, credentials), "refused");
  }
  const nkey = nkeys.createUser().getPublicKey();
  const byNkey = authenticator({ accounts: { A: { users: [{ nkey }] } }, noAuthUser: nkey });
  assert.equal(await login(byNkey, {}, { nonce: "n" }), `A/${nkey}`);
  assert.equal(byNkey.admitsAnonymous("STANDARD"), false);
  assert.equal(await login(byNkey, { nkey }, { nonce: "n" }), `A/${nkey}`);
  assert.equal(await login(byNkey, { nkey: nkeys.createUser().getPublicKey() }, { nonce: "n" }), "refused");
  assert.equal(await login(a, { nkey }), "$G/u", "where no user has an nkey, it means nothing");
  const hashed = authenticator({ authorization: { users }, noAuthUser: "hashed" });
  assert.equal(hashed.admitsAnonymous("STANDARD"), false);
  assert.equal(await login(hashed, {}), "refused");
  assert.equal(await login(hashed, { user: "hashed", pass: HASHED }), "$G/hashed");
});

test("with users of the system account only, all others get into the global account", async () => {
  const users = [{ user: "s", password: "x" }];
  const systemOnly: ServerOptions[] = [
    { accounts: { $SYS: { users } } },
    { accounts: { S: { users } }, systemAccount: "S" },
  ];
  for (const input of systemOnly) {
    const a = authenticator(input);
    assert.equal(a.required, true);
    assert.equal(a.admitsAnonymous("STANDARD"), true);
    assert.equal(await login(a, {}), "$G/");
    assert.equal(await login(a, { user: "s", pass: "x" }), `${input.systemAccount ?? "$SYS"}/s`);
    assert.equal(await login(a, { user: "s", pass: "y" }), "refused");
    assert.equal(await login(a, { user: "nobody" }), "refused");
  }
  const others: ServerOptions[] = [
    { accounts: { $SYS: { users }, A: {} } },
    { accounts: { A: { users } } },
    { accounts: { $SYS: { users } }, authorization: { users: [{ user: "g", password: "x" }] } },
  ];
  for (const input of others) {
    const a = authenticator(input);
    assert.equal(a.admitsAnonymous("STANDARD"), false);
    assert.equal(await login(a, {}), "refused");
  }
});

test("users may be held to ways in", async () => {
  const a = authenticator({
    authorization: {
      users: [
        { user: "ws", password: "p", allowedConnectionTypes: ["WEBSOCKET"] },
        { user: "std", password: "p", allowedConnectionTypes: ["standard", "MQTT"] },
        { user: "in", password: "p", allowedConnectionTypes: ["IN_PROCESS"] },
      ],
    },
    noAuthUser: "ws",
  });
  assert.equal(await login(a, { user: "ws", pass: "p" }), "refused");
  assert.equal(await login(a, { user: "ws", pass: "p" }, { type: "WEBSOCKET" }), "$G/ws");
  assert.equal(await login(a, { user: "std", pass: "p" }), "$G/std");
  assert.equal(await login(a, { user: "std", pass: "p" }, { type: "MQTT" }), "$G/std");
  assert.equal(await login(a, { user: "std", pass: "p" }, { inProcess: true }), "refused");
  assert.equal(await login(a, { user: "in", pass: "p" }), "refused");
  assert.equal(await login(a, { user: "in", pass: "p" }, { inProcess: true }), "$G/in");
  assert.equal(await login(a, {}), "refused");
});

test("default permissions are for users without own ones", async () => {
  const publish = (...allow: string[]) => ({ publish: { allow } });
  const a = authenticator({
    authorization: {
      defaultPermissions: publish("top"),
      users: [{ user: "t", password: "x" }],
    },
    accounts: {
      A: {
        defaultPermissions: publish("d"),
        users: [
          { user: "d", password: "x" },
          { user: "own", password: "x", permissions: publish("own") },
          { user: "all", password: "x", permissions: {} },
        ],
      },
      B: { users: [{ user: "b", password: "x" }] },
    },
  });
  const may = async (user: string): Promise<string[]> => {
    const admission = await a.authenticate({ user, pass: "x" }, STANDARD);
    assert.ok(admission);
    return ["top", "d", "own"].filter((subject) => admission.permissions?.canPublish(subject) ?? true);
  };
  assert.deepEqual(await may("t"), ["top"]);
  assert.deepEqual(await may("d"), ["d"]);
  assert.deepEqual(await may("own"), ["own"]);
  assert.deepEqual(await may("all"), ["top", "d", "own"]);
  assert.deepEqual(await may("b"), ["top", "d", "own"]);
});

test("permissions beside a single user are not its own", async () => {
  const a = authenticator({
    authorization: { user: "u", password: "p", defaultPermissions: { publish: { allow: ["x"] } } },
  });
  const admission = await a.authenticate({ user: "u", pass: "p" }, STANDARD);
  assert.ok(admission);
  assert.equal(admission.permissions, undefined);
});

test("users that make no sense are refused at start", () => {
  const nkey = "UBF5UVMESVVDIRKT7GROVNBYVTKK32V2355X3IPSU6TR7ZEA42IH6NEY";
  const users = [{ user: "a", password: "x" }];
  const cases: [ServerOptions, RegExp, string][] = [
    [{ accounts: { A: { users }, B: { users } } }, /Duplicate user "a" detected/, "accounts.B.users[0]"],
    [{ authorization: { users: [...users, ...users] } }, /Duplicate user "a"/, "authorization.users[1]"],
    [{ authorization: { users: [{ nkey }, { nkey }] } }, /Duplicate nkey/, "authorization.users[1]"],
    [{ authorization: { users: [{ nkey, password: "p" }] } }, /Nkey users do not take/, "authorization.users[0]"],
    [{ authorization: { users: [{ nkey: "UABC" }] } }, /Not a valid public nkey/, "authorization.users[0]"],
    [{ authorization: { users: [{ password: "p" }] } }, /User entry requires a user/, "authorization.users[0]"],
    [{ authorization: { user: "u", password: "p", users } }, /single user\/pass and a users array/, "authorization"],
    [{ authorization: { token: "t", users } }, /a token and a users array/, "authorization"],
    [{ authorization: { token: "t" }, accounts: { A: { users } } }, /a token and a users array/, "authorization"],
    [{ authorization: { token: "t", user: "u" } }, /user\/pass and token/, "authorization"],
    [{ authorization: { users }, noAuthUser: "b" }, /no_auth_user: "b" not present/, "noAuthUser"],
  ];
  for (const [input, message, path] of cases) {
    assert.throws(
      () => authenticator(input),
      (error) => error instanceof OptionsError && error.path === path && message.test(error.message),
      String(message),
    );
  }
});

test("the certificate names the user where verify_and_map says so", async () => {
  const { der: certificate } = new CertificateAuthority().issue({ emails: ["a@test"] });
  const users = [{ user: "a@test" }, { user: "b", password: "pw" }, { nkey: nkeys.createUser().getPublicKey() }];
  const input: ServerOptions = { tls: { verifyAndMap: true }, authorization: { users }, noAuthUser: "b" };
  const a = authenticator(input);
  assert.equal(await login(a, {}, { certificate }), "$G/a@test");
  assert.equal(await login(a, { user: "b" }, { certificate }), "$G/a@test");
  assert.equal(await login(a, { user: "b", pass: "pw" }, { certificate }), "refused");
  assert.equal(await login(a, { user: "b", pass: "pw" }), "refused");
  assert.equal(await login(a, { nkey: "U" }, { certificate }), "refused");
  const websocket: Partial<Origin> = { type: "WEBSOCKET", certificate };
  assert.equal(await login(a, {}, websocket), "$G/b");
  assert.equal(await login(a, { user: "b", pass: "pw" }, websocket), "$G/b");
});

test("a user without a password is for certificates only, where some way in takes them", async () => {
  const users = [{ user: "a" }, { user: "ws", allowedConnectionTypes: ["WEBSOCKET"] }];
  const origin: Partial<Origin> = { type: "WEBSOCKET" };
  const open = authenticator({ authorization: { users } });
  assert.equal(await login(open, { user: "a" }, origin), "$G/a");
  const mapping = { authorization: { users }, tls: { verifyAndMap: true } };
  const closed = authenticator(mapping);
  assert.equal(await login(closed, { user: "a" }, origin), "refused");
  assert.equal(await login(closed, { user: "ws" }, origin), "$G/ws");
  assert.equal(await login(authenticator({ ...mapping, noAuthUser: "a" }), { user: "a" }, origin), "$G/a");
});
