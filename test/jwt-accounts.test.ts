// Accounts from JWTs while the server runs: imports and exports between them, new claims, and their end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJwt, type JsonObject } from "../src/auth/jwt/jwt.js";
import { Pages } from "../src/monitoring/pages.js";
import { resolveOptions } from "../src/options/options.js";
import { stringifyExact } from "../src/protocol/json.js";
import { accountJwt, ISSUED_AT, JwtWorld, type Pair, pairOf, userJwt } from "./support/jwt-world.js";
import { type SimulatedClient, type SimulatedServer, startSimulatedServer } from "./support/simulated-server.js";

const OK = "PONG\r\n";

interface Pairs {
  readonly jwts: JwtWorld;
  readonly exporter: Pair;
  readonly importer: Pair;
}

function pairs(): Pairs {
  return { jwts: new JwtWorld(), exporter: pairOf("account"), importer: pairOf("account") };
}

async function start(
  { jwts, exporter, importer }: Pairs,
  exports: object[],
  imports: object[],
): Promise<SimulatedServer> {
  return startSimulatedServer(
    jwts.options({
      [exporter.nkey]: accountJwt(jwts.operator, exporter, { exports }),
      [importer.nkey]: accountJwt(jwts.operator, importer, { imports }),
    }),
  );
}

async function loginTo(sim: SimulatedServer, { jwts }: Pairs, account: Pair): Promise<SimulatedClient> {
  const client = await jwts.login(sim, userJwt(account, jwts.user));
  assert.equal(client.take(), OK);
  return client;
}

/** New claims for an account, as somebody pushes them. */
async function push(sim: SimulatedServer, account: Pair, jwt: string): Promise<void> {
  sim.server.operatorMode?.accounts.apply(account.nkey, jwt);
  await sim.settle();
}

function activation(
  of: Pair,
  to: Pair,
  subject: string,
  kind: string,
  more: { expires?: number; issuedAt?: number } = {},
): string {
  const claims = { subject: to.nkey, issuedAt: ISSUED_AT, ...more, nats: { subject, kind } };
  return encodeJwt(claims, "activation", of.nkey, of.key);
}

test("streams and services cross accounts, whoever is used first", async () => {
  const world = pairs();
  const { exporter, importer } = world;
  const sim = await start(
    world,
    [
      { name: "s", subject: "news.>", type: "stream" },
      { name: "q", subject: "ask.*", type: "service" },
    ],
    [
      { name: "s", subject: "news.>", account: exporter.nkey, type: "stream", local_subject: "local.>" },
      { name: "q", subject: "ask.me", account: exporter.nkey, type: "service", local_subject: "please" },
      { name: "old", subject: "older", to: "ask.old", account: exporter.nkey, type: "service" },
      { name: "p", subject: "news.a", to: "pre", account: exporter.nkey, type: "stream" },
    ],
  );
  const client = await loginTo(sim, world, importer);
  client.send("SUB local.> 1\r\nSUB pre.news.a 2\r\nSUB inbox 3\r\n");
  const server = await loginTo(sim, world, exporter);
  server.send("SUB ask.* 1\r\nPUB news.a 2\r\nhi\r\nPUB other 1\r\nx\r\n");
  await sim.settle();
  assert.deepEqual(client.take().split("\r\n").sort().join("|"), "|MSG local.a 1 2|MSG pre.news.a 2 2|hi|hi");
  client.send("PUB please inbox 1\r\n?\r\nPUB older 1\r\n!\r\n");
  await sim.settle();
  const [, reply] = /^MSG ask\.me 1 (\S+) 1\r\n\?\r\nMSG ask\.old 1 1\r\n!\r\n$/.exec(server.take()) ?? [];
  server.send(`PUB ${reply} 3\r\nyes\r\n`);
  await sim.settle();
  assert.equal(client.take(), "MSG inbox 3 3\r\nyes\r\n");
});

test("a private export wants an activation that fits, holds and is not revoked", async () => {
  const world = pairs();
  const { jwts, exporter, importer } = world;
  const nowSeconds = Math.floor((await start(world, [], [])).world.clock.nowMs() / 1000);
  const exported = { name: "s", subject: "p.>", type: "stream", token_req: true };
  const signer = pairOf("account");
  const bySigner = encodeJwt(
    {
      subject: importer.nkey,
      issuedAt: ISSUED_AT,
      nats: { subject: "p.>", kind: "stream", issuer_account: exporter.nkey },
    },
    "activation",
    signer.nkey,
    signer.key,
  );
  const cases: [string, string, boolean, object?][] = [
    ["a token", activation(exporter, importer, "p.>", "stream"), true],
    ["none", "", false],
    ["nonsense", "x", false],
    ["for somebody else", activation(exporter, exporter, "p.>", "stream"), false],
    ["by somebody else", activation(signer, importer, "p.>", "stream"), false],
    ["for another subject", activation(exporter, importer, "q.>", "stream"), false],
    ["for a service", activation(exporter, importer, "p.>", "service"), false],
    ["over", activation(exporter, importer, "p.>", "stream", { expires: nowSeconds - 1 }), false],
    [
      "revoked",
      activation(exporter, importer, "p.>", "stream"),
      false,
      { revocations: { [importer.nkey]: ISSUED_AT } },
    ],
    ["issued after the revocation", activation(exporter, importer, "p.>", "stream"), true, { revocations: { "*": 5 } }],
    ["by a signing key", bySigner, true],
  ];
  for (const [name, token, allowed, more] of cases) {
    const imports = [{ name: "s", subject: "p.x", account: exporter.nkey, type: "stream", token }];
    const sim = await startSimulatedServer(
      jwts.options({
        [exporter.nkey]: accountJwt(jwts.operator, exporter, {
          exports: [{ ...exported, ...more }],
          signing_keys: [signer.nkey],
        }),
        [importer.nkey]: accountJwt(jwts.operator, importer, { imports }),
      }),
    );
    const client = await loginTo(sim, world, importer);
    client.send("SUB p.x 1\r\n");
    (await loginTo(sim, world, exporter)).send("PUB p.x 1\r\nx\r\n");
    await sim.settle();
    assert.equal(client.take(), allowed ? "MSG p.x 1 1\r\nx\r\n" : "", name);
  }
});

test("an import ends with its activation", async () => {
  const world = pairs();
  const { exporter, importer, jwts } = world;
  const sim = await start(world, [{ name: "s", subject: "p", type: "stream", token_req: true }], []);
  const token = activation(exporter, importer, "p", "stream", {
    expires: Math.floor(sim.world.clock.nowMs() / 1000) + 60,
  });
  const imports = [{ name: "s", subject: "p", account: exporter.nkey, type: "stream", token }];
  const client = await loginTo(sim, world, importer);
  const publisher = await loginTo(sim, world, exporter);
  await push(sim, importer, accountJwt(jwts.operator, importer, { imports }));
  client.send("SUB p 1\r\n");
  publisher.send("PUB p 1\r\n1\r\n");
  await sim.settle();
  assert.equal(client.take(), "MSG p 1 1\r\n1\r\n");
  await sim.advance(61_000);
  client.take();
  publisher.send("PUB p 1\r\n2\r\n");
  await sim.settle();
  assert.equal(client.take(), "");
});

test("imports follow what exporters push", async () => {
  const world = pairs();
  const { exporter, importer, jwts } = world;
  const imports = [{ name: "s", subject: "a", account: exporter.nkey, type: "stream" }];
  const sim = await start(world, [], imports);
  const client = await loginTo(sim, world, importer);
  const publisher = await loginTo(sim, world, exporter);
  client.send("SUB a 1\r\n");
  const heard = async (): Promise<string> => {
    publisher.send("PUB a 0\r\n\r\n");
    await sim.settle();
    return client.take();
  };
  assert.equal(await heard(), "");
  await push(
    sim,
    exporter,
    accountJwt(jwts.operator, exporter, { exports: [{ name: "s", subject: "a", type: "stream" }] }),
  );
  assert.equal(await heard(), "MSG a 1 0\r\n\r\n");
  await push(sim, exporter, accountJwt(jwts.operator, exporter));
  assert.equal(await heard(), "");
});

test("accounts that import from each other are found, circles of subjects left out", async () => {
  const world = pairs();
  const { exporter: a, importer: b, jwts } = world;
  const service = (subject: string): object => ({ name: "s", subject, type: "service" });
  const imported = (subject: string, from: Pair): object => ({ ...service(subject), account: from.nkey });
  const sim = await startSimulatedServer(
    jwts.options({
      [a.nkey]: accountJwt(jwts.operator, a, {
        exports: [service("x"), service("round")],
        imports: [imported("y", b), imported("round", b)],
      }),
      [b.nkey]: accountJwt(jwts.operator, b, {
        exports: [service("y"), service("round")],
        imports: [imported("x", a), imported("round", a)],
      }),
    }),
  );
  const [inA, inB] = [await loginTo(sim, world, a), await loginTo(sim, world, b)];
  inA.send("SUB x 1\r\n");
  inB.send("SUB y 1\r\nPUB x 1\r\n1\r\n");
  await sim.settle();
  inA.send("PUB y 1\r\n2\r\nPUB round 1\r\n3\r\n");
  await sim.settle();
  assert.equal(inA.take(), "MSG x 1 1\r\n1\r\n");
  assert.equal(inB.take(), "MSG y 1 1\r\n2\r\n");
});

test("mappings come and go with the claims", async () => {
  const jwts = new JwtWorld();
  const account = jwts.account;
  const mappings = { foo: [{ subject: "bar" }], "bad..one": [{ subject: "x" }] };
  const sim = await startSimulatedServer(jwts.options(jwts.preload({ mappings })));
  const client = await loginTo(sim, { jwts, exporter: account, importer: account }, account);
  client.send("SUB * 1\r\nPUB foo 0\r\n\r\n");
  await sim.settle();
  assert.equal(client.take(), "MSG bar 1 0\r\n\r\n");
  await push(sim, account, accountJwt(jwts.operator, account));
  client.send("PUB foo 0\r\n\r\n");
  await sim.settle();
  assert.equal(client.take(), "MSG foo 1 0\r\n\r\n");
});

test("an account that expires closes its clients and lets nobody in until it is renewed", async () => {
  const jwts = new JwtWorld();
  const first = await startSimulatedServer(jwts.options());
  const expires = Math.floor(first.world.clock.nowMs() / 1000) + 30;
  const sim = await startSimulatedServer(jwts.options(jwts.preload({}, { expires })));
  const client = await jwts.login(sim);
  client.answersPings = true;
  assert.equal(client.take(), OK);
  await sim.advance(32_000);
  assert.match(client.received, /-ERR 'Account Authentication Expired'\r\n$/);
  assert.equal((await jwts.login(sim)).take(), "-ERR 'Authorization Violation'\r\n");
  await push(sim, jwts.account, accountJwt(jwts.operator, jwts.account, {}, { issuedAt: ISSUED_AT + 1 }));
  assert.equal((await jwts.login(sim)).take(), OK);
});

test("an account lives for whole seconds from when its JWT comes, as with nats-server", async () => {
  const jwts = new JwtWorld();
  const sim = await startSimulatedServer(jwts.options());
  await sim.advance(1900 - (sim.world.clock.nowMs() % 1000));
  const expires = Math.floor(sim.world.clock.nowMs() / 1000) + 3;
  const times = { expires, issuedAt: ISSUED_AT + 1 };
  await push(sim, jwts.account, accountJwt(jwts.operator, jwts.account, {}, times));
  const client = await jwts.login(sim);
  client.answersPings = true;
  await sim.advance(2900);
  assert.doesNotMatch(client.received, /-ERR/);
  await sim.advance(200);
  assert.match(client.received, /-ERR 'Account Authentication Expired'\r\n$/);
});

test("new claims reach connected clients", async (t) => {
  const other = pairOf("user");
  const pushed = async (nats: JsonObject, userNats: JsonObject = {}): Promise<[string, string]> => {
    const jwts = new JwtWorld();
    const sim = await startSimulatedServer(jwts.options());
    const first = await jwts.login(sim, jwts.userJwt(userNats));
    const second = await jwts.login(sim, userJwt(jwts.account, other), other);
    for (const client of [first, second]) assert.equal(client.take(), OK);
    first.send("SUB a 1\r\nSUB b 2\r\n");
    await sim.settle();
    const revocations = "revoke" in nats ? { [jwts.user.nkey]: ISSUED_AT } : undefined;
    await push(
      sim,
      jwts.account,
      accountJwt(jwts.operator, jwts.account, { ...nats, revocations }, { issuedAt: ISSUED_AT + 1 }),
    );
    return [first.take(), second.take()];
  };
  await t.test("a revoked user is told and closed", async () => {
    assert.deepEqual(await pushed({ revoke: true }), ["-ERR 'User Authentication Revoked'\r\n", ""]);
  });
  await t.test("more connections than allowed: the latest go", async () => {
    assert.deepEqual(await pushed({ limits: { conn: 1 } }), [
      "",
      "-ERR 'maximum account active connections exceeded'\r\n",
    ]);
  });
  await t.test("more subscriptions than allowed", async () => {
    assert.deepEqual(await pushed({ limits: { subs: 2 } }), ["-ERR 'maximum subscriptions exceeded'\r\n", ""]);
  });
  await t.test("bearers are not allowed any more", async () => {
    const [bearer] = await pushed({ limits: { disallow_bearer: true } }, { bearer_token: true });
    assert.equal(bearer, "-ERR 'Authorization Violation'\r\n");
  });
  await t.test("other default permissions", async () => {
    const denied = '-ERR \'Permissions Violation for Subscription to "b" (sid "2")\'\r\n';
    assert.deepEqual(await pushed({ default_permissions: { sub: { allow: ["a"] } } }), [denied, ""]);
    assert.deepEqual(await pushed({ default_permissions: { sub: { allow: ["a"] } } }, { pub: { allow: [">"] } }), [
      "",
      "",
    ]);
  });
});

test("users of a signing key that is gone or changed are closed", async () => {
  for (const after of [[], "changed"] as const) {
    const jwts = new JwtWorld();
    const key = pairOf("account");
    const scope = (subs: number): object => ({
      kind: "user_scope",
      key: key.nkey,
      template: { subs, data: -1, payload: -1 },
    });
    const sim = await startSimulatedServer(jwts.options(jwts.preload({ signing_keys: [scope(-1)] })));
    const jwt = encodeJwt(
      { subject: jwts.user.nkey, issuedAt: ISSUED_AT, nats: { issuer_account: jwts.account.nkey } },
      "user",
      key.nkey,
      key.key,
    );
    const client = await jwts.login(sim, jwt);
    assert.equal(client.take(), OK);
    const signingKeys = after === "changed" ? [scope(5)] : after;
    await push(sim, jwts.account, accountJwt(jwts.operator, jwts.account, { signing_keys: signingKeys }));
    assert.equal(client.take(), "");
    assert.ok(client.ended || client.closed);
  }
});

test("a reload brings new JWTs of the configuration, and takes accounts away", async () => {
  const jwts = new JwtWorld();
  const gone = pairOf("account");
  const sim = await startSimulatedServer(
    jwts.options({ ...jwts.preload(), [gone.nkey]: accountJwt(jwts.operator, gone) }),
  );
  const kept = await jwts.login(sim);
  const lost = await jwts.login(sim, userJwt(gone, jwts.user));
  for (const client of [kept, lost]) assert.equal(client.take(), OK);
  const next = jwts.options(jwts.preload({ mappings: { foo: [{ subject: "bar" }] } }, { issuedAt: ISSUED_AT + 1 }));
  await sim.world.clock.settle(sim.server.reload(resolveOptions({ ...next, host: "0.0.0.0", port: 4222 })));
  await sim.settle();
  kept.send("SUB * 1\r\nPUB foo 0\r\n\r\n");
  await sim.settle();
  assert.equal(kept.take(), "MSG bar 1 0\r\n\r\n");
  assert.ok(lost.ended || lost.closed);
  assert.equal((await jwts.login(sim, userJwt(gone, jwts.user))).take(), "-ERR 'Authorization Violation'\r\n");
});

test("an account with more exports or imports than its operator allows is not used", async () => {
  const exports = [{ name: "a", subject: "a.*", type: "stream" }];
  for (const nats of [
    { exports, limits: { exports: 0 } },
    { exports, limits: { wildcards: false } },
    { signing_keys: ["x"] },
    {
      mappings: {
        a: [
          { subject: "b", weight: 60 },
          { subject: "c", weight: 60 },
        ],
      },
    },
    { default_permissions: { pub: { allow: ["a..b"] } } },
    { authorization: { allowed_accounts: ["*"] } },
  ]) {
    const jwts = new JwtWorld();
    const sim = await startSimulatedServer(jwts.options(jwts.preload(nats)));
    assert.equal((await jwts.login(sim)).take(), "-ERR 'Authorization Violation'\r\n", JSON.stringify(nats));
  }
});

test("monitoring and the system account show what the JWT says", async () => {
  const jwts = new JwtWorld();
  const key = pairOf("account");
  const nats = {
    signing_keys: [key.nkey],
    tags: ["x:y"],
    revocations: { "*": 5 },
    mappings: { foo: [{ subject: "bar" }] },
  };
  const sim = await startSimulatedServer(jwts.options(jwts.preload(nats, { name: "Team" })));
  const jwt = userJwt(key, jwts.user, { issuer_account: jwts.account.nkey, tags: ["t:v"] }, { name: "bob" });
  const client = await jwts.login(sim, jwt);
  assert.equal(client.take(), OK);
  const pages = new Pages(sim.server, undefined);
  // biome-ignore lint/suspicious/noExplicitAny: pages are looked at member by member
  const shown = (page: object): any => JSON.parse(stringifyExact(page));
  const [connection] = shown(await sim.world.clock.settle(pages.connz({ auth: true }))).connections;
  assert.deepEqual(
    [connection.authorized_user, connection.account, connection.issuer_key, connection.name_tag, connection.tags],
    [jwts.user.nkey, jwts.account.nkey, key.nkey, "Team", ["t:v"]],
  );
  assert.equal(connection.jwt, jwt);
  const { account_detail } = shown(await sim.world.clock.settle(pages.accountz({ account: jwts.account.nkey })));
  assert.deepEqual([account_detail.name_tag, account_detail.issuer_key], ["Team", jwts.operator.nkey]);
  assert.deepEqual(account_detail.mappings, { foo: [{ subject: "bar", weight: 100 }] });
  assert.deepEqual(account_detail.revoked_user, { "*": "1970-01-01T00:00:05Z" });
  assert.equal(account_detail.decoded_jwt.nats.tags[0], "x:y");
  const [claim] = shown(await sim.world.clock.settle(pages.varz())).trusted_operators_claim;
  assert.equal(claim.sub, jwts.operator.nkey);
  client.send("SUB in 1\r\nPUB $SYS.REQ.USER.INFO in 0\r\n\r\n");
  await sim.settle();
  const [answer] = /\{.*\}/.exec(client.take()) ?? ["{}"];
  const { data } = JSON.parse(answer);
  assert.deepEqual([data.account, data.account_name, data.user_name], [jwts.account.nkey, "Team", "bob"]);
});
