// Operator mode as clients see it: logins by JWT, what they may do, and how they end.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accountJwt,
  bareUserJwt,
  ISSUED_AT,
  JwtWorld,
  loginSigned,
  operatorJwt,
  pairOf,
  userJwt,
} from "./support/jwt-world.js";
import { type SimulatedServer, startSimulatedServer } from "./support/simulated-server.js";

const REFUSED = "-ERR 'Authorization Violation'\r\n";
const OK = "PONG\r\n";

const nowSeconds = (sim: SimulatedServer): number => Math.floor(sim.world.clock.nowMs() / 1000);

test("a user signs the nonce, unless its JWT is enough by itself", async () => {
  const jwts = new JwtWorld();
  const sim = await startSimulatedServer(jwts.options());
  assert.equal((await jwts.login(sim)).take(), OK);
  assert.equal((await jwts.login(sim, jwts.userJwt(), null)).take(), REFUSED);
  assert.equal((await jwts.login(sim, jwts.userJwt(), pairOf("user"))).take(), REFUSED);
  assert.equal((await jwts.login(sim, jwts.userJwt({ bearer_token: true }), null)).take(), OK);
  assert.equal((await loginSigned(sim, null, { user: "a", pass: "b" })).take(), REFUSED);
  assert.equal((await loginSigned(sim, null, {})).take(), REFUSED);
  assert.equal((await jwts.login(sim, "nonsense")).take(), REFUSED);
  const known = sim.server.accounts.get(jwts.account.nkey);
  assert.equal(known?.connections, 2);
});

test("an account may forbid bearers", async () => {
  const jwts = new JwtWorld();
  const sim = await startSimulatedServer(jwts.options(jwts.preload({ limits: { disallow_bearer: true } })));
  assert.equal((await jwts.login(sim, jwts.userJwt({ bearer_token: true }))).take(), REFUSED);
  assert.equal((await jwts.login(sim)).take(), OK);
});

test("the chain of signatures has to begin at a trusted operator", async () => {
  const jwts = new JwtWorld();
  const [stranger, orphan, signer] = [pairOf("operator"), pairOf("account"), pairOf("account")];
  const sim = await startSimulatedServer(
    jwts.options({
      [jwts.account.nkey]: accountJwt(jwts.operator, jwts.account, { signing_keys: [signer.nkey] }),
      [orphan.nkey]: accountJwt(stranger, orphan),
    }),
  );
  assert.equal((await jwts.login(sim, userJwt(orphan, jwts.user))).take(), REFUSED);
  assert.equal((await jwts.login(sim, userJwt(pairOf("account"), jwts.user))).take(), REFUSED);
  const signed = (by: typeof signer): string => userJwt(by, jwts.user, { issuer_account: jwts.account.nkey });
  assert.equal((await jwts.login(sim, signed(signer))).take(), OK);
  assert.equal((await jwts.login(sim, signed(pairOf("account")))).take(), REFUSED);
  assert.equal((await jwts.login(sim, userJwt(signer, jwts.user))).take(), REFUSED, "the key alone is no account");
});

test("with strict signing keys neither operator nor account sign themselves", async () => {
  const jwts = new JwtWorld();
  const [operatorKey, accountKey] = [pairOf("operator"), pairOf("account")];
  const operators = [operatorJwt(jwts.operator, { strict_signing_key_usage: true, signing_keys: [operatorKey.nkey] })];
  const [strict, loose] = [pairOf("account"), pairOf("account")];
  const resolverPreload = {
    [strict.nkey]: accountJwt(operatorKey, strict, { signing_keys: [accountKey.nkey] }),
    [loose.nkey]: accountJwt(jwts.operator, loose, { signing_keys: [accountKey.nkey] }),
  };
  const sim = await startSimulatedServer({ operators, resolver: { type: "MEMORY" }, resolverPreload });
  const issuerAccount = { issuer_account: strict.nkey };
  assert.equal((await jwts.login(sim, userJwt(accountKey, jwts.user, issuerAccount))).take(), OK);
  assert.equal((await jwts.login(sim, userJwt(strict, jwts.user))).take(), REFUSED);
  assert.equal((await jwts.login(sim, userJwt(accountKey, jwts.user, { issuer_account: loose.nkey }))).take(), REFUSED);
});

test("trusted keys do as well as operators", async () => {
  const jwts = new JwtWorld();
  const { operators: _, systemAccount: __, ...options } = jwts.options();
  const sim = await startSimulatedServer({ ...options, trustedKeys: [jwts.operator.nkey] });
  assert.equal((await jwts.login(sim)).take(), OK);
});

test("permissions and limits of user, scope and account", async () => {
  const jwts = new JwtWorld();
  const key = pairOf("account");
  const template = { pub: { allow: ["u.{{name()}}"] }, sub: {}, subs: 1, data: -1, payload: 3 };
  const scope = { kind: "user_scope", key: key.nkey, role: "r", template };
  const account = {
    signing_keys: [scope],
    limits: { payload: 10 },
    default_permissions: { sub: { deny: ["secret"] } },
  };
  const sim = await startSimulatedServer(jwts.options(jwts.preload(account)));
  const plain = await jwts.login(sim);
  plain.take();
  plain.send("SUB secret 1\r\nSUB a 2\r\nPUB a 10\r\n0123456789\r\nPUB a 11\r\n");
  await sim.settle();
  const denied = `-ERR 'Permissions Violation for Subscription to "secret"'\r\n`;
  assert.equal(plain.take(), `${denied}MSG a 2 10\r\n0123456789\r\n-ERR 'Maximum Payload Violation'\r\n`);
  const own = await jwts.login(sim, jwts.userJwt({ pub: { deny: ["x"] }, payload: 5 }), null);
  assert.equal(own.take(), REFUSED);
  const jwt = bareUserJwt(key, jwts.user, { issuer_account: jwts.account.nkey }, { name: "bob" });
  const scoped = await jwts.login(sim, jwt);
  scoped.take();
  scoped.send("SUB secret 1\r\nSUB two 2\r\nPUB u.bob 1\r\nx\r\nPUB u.eve 1\r\nx\r\nPUB u.bob 4\r\n");
  await sim.settle();
  const errors = [
    "maximum subscriptions exceeded",
    'Permissions Violation for Publish to "u.eve"',
    "Maximum Payload Violation",
  ];
  assert.equal(scoped.take(), errors.map((text) => `-ERR '${text}'\r\n`).join(""));
  const greedy = bareUserJwt(key, jwts.user, { issuer_account: jwts.account.nkey, subs: -1 });
  assert.equal((await jwts.login(sim, greedy)).take(), REFUSED);
});

test("a user JWT ends: its clients are told and closed, and nobody gets in with it", async () => {
  const jwts = new JwtWorld();
  const sim = await startSimulatedServer(jwts.options());
  const jwt = jwts.userJwt({}, { expires: nowSeconds(sim) + 60 });
  const client = await jwts.login(sim, jwt);
  client.answersPings = true;
  assert.equal(client.take(), OK);
  await sim.advance(58_000);
  assert.equal(client.ended || client.closed, false);
  await sim.advance(3_000);
  assert.match(client.received, /-ERR 'User Authentication Expired'\r\n$/);
  assert.ok(client.ended || client.closed);
  assert.equal((await jwts.login(sim, jwt)).take(), REFUSED);
});

test("times of day end a connection too", async () => {
  const jwts = new JwtWorld();
  const sim = await startSimulatedServer(jwts.options());
  const ofDay = (ms: number): string => new Date(ms).toISOString().slice(11, 19);
  const nowMs = sim.world.clock.nowMs();
  const within = { start: ofDay(nowMs - 60_000), end: ofDay(nowMs + 60_000) };
  const open = jwts.userJwt({ times: [within], times_location: "UTC" });
  const client = await jwts.login(sim, open);
  client.answersPings = true;
  assert.equal(client.take(), OK);
  await sim.advance(61_000);
  assert.match(client.received, /-ERR 'User Authentication Expired'/);
  assert.equal((await jwts.login(sim, open)).take(), REFUSED);
  const later = jwts.userJwt({ times: [{ start: "08:00:00", end: "x" }] });
  assert.equal((await jwts.login(sim, later)).take(), REFUSED);
});

test("networks and ways in", async () => {
  const jwts = new JwtWorld();
  const sim = await startSimulatedServer(jwts.options());
  assert.equal((await jwts.login(sim, jwts.userJwt({ src: ["10.0.0.0/8", "192.168.0.0/16"] }))).take(), OK);
  assert.equal((await jwts.login(sim, jwts.userJwt({ src: ["192.168.0.0/16"] }))).take(), REFUSED);
  assert.equal((await jwts.login(sim, jwts.userJwt({ src: ["nonsense"] }))).take(), REFUSED);
  const ways = (...types: string[]): string => jwts.userJwt({ allowed_connection_types: types });
  assert.equal((await jwts.login(sim, ways("STANDARD", "UNHEARD_OF"))).take(), OK);
  assert.equal((await jwts.login(sim, ways("WEBSOCKET", "MQTT"))).take(), REFUSED);
  assert.equal((await jwts.login(sim, ways("UNHEARD_OF"))).take(), REFUSED);
  assert.equal((await jwts.login(sim, jwts.userJwt({ proxy_required: true }))).take(), REFUSED);
});

test("revoked users, by name or all up to a time", async () => {
  const jwts = new JwtWorld();
  const other = pairOf("user");
  const revocations = { [jwts.user.nkey]: ISSUED_AT + 10, "*": ISSUED_AT - 10 };
  const sim = await startSimulatedServer(jwts.options(jwts.preload({ revocations })));
  assert.equal((await jwts.login(sim)).take(), REFUSED);
  assert.equal((await jwts.login(sim, jwts.userJwt({}, { issuedAt: ISSUED_AT + 11 }))).take(), OK);
  assert.equal((await jwts.login(sim, userJwt(jwts.account, other), other)).take(), OK);
  const old = userJwt(jwts.account, other, {}, { issuedAt: ISSUED_AT - 10 });
  assert.equal((await jwts.login(sim, old, other)).take(), REFUSED);
});

test("the default sentinel stands in for a missing JWT", async () => {
  const jwts = new JwtWorld();
  const defaultSentinel = jwts.userJwt({ bearer_token: true, pub: { allow: ["only"] } });
  const sim = await startSimulatedServer(jwts.options(undefined, { defaultSentinel }));
  const client = await loginSigned(sim, null, { user: "anybody" });
  assert.equal(client.take(), OK);
  client.send("PUB other 0\r\n\r\n");
  await sim.settle();
  assert.match(client.take(), /Permissions Violation/);
  for (const [bad, message] of [
    [jwts.userJwt(), /must be a bearer token/],
    ["x", /JWT not valid/],
  ] as const) {
    await assert.rejects(startSimulatedServer(jwts.options(undefined, { defaultSentinel: bad })), message);
  }
});

test("pinned accounts are the only ones, besides the system account", async () => {
  const jwts = new JwtWorld();
  const other = pairOf("account");
  const accounts = { ...jwts.preload(), [other.nkey]: accountJwt(jwts.operator, other) };
  const sim = await startSimulatedServer(jwts.options(accounts, { resolverPinnedAccounts: [other.nkey] }));
  assert.equal((await jwts.login(sim)).take(), REFUSED);
  assert.equal((await jwts.login(sim, userJwt(other, jwts.user))).take(), OK);
  assert.equal((await jwts.login(sim, userJwt(jwts.system, jwts.user))).take(), OK);
  const unusable = jwts.options(accounts, { resolverPinnedAccounts: ["x"] });
  await assert.rejects(startSimulatedServer(unusable), /pinned account key "x" is not a valid/);
});

test("accounts that nobody uses are not even read", async () => {
  const jwts = new JwtWorld();
  const idle = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`A${at}`, "not looked at"]));
  const sim = await startSimulatedServer(jwts.options({ ...jwts.preload(), ...idle }));
  const before = sim.server.accounts.size;
  assert.equal((await jwts.login(sim)).take(), OK);
  assert.equal(sim.server.accounts.size, before + 1);
});

test("a second CONNECT may be of another user, and the first one's end does not count any more", async () => {
  const jwts = new JwtWorld();
  const sim = await startSimulatedServer(jwts.options());
  const jwt = jwts.userJwt({ bearer_token: true }, { expires: nowSeconds(sim) + 30 });
  const client = await jwts.login(sim, jwt);
  client.answersPings = true;
  client.send(`CONNECT ${JSON.stringify({ jwt: jwts.userJwt({ bearer_token: true }) })}\r\n`);
  await sim.advance(60_000);
  assert.equal(client.closed || client.ended, false);
  assert.equal(sim.server.accounts.get(jwts.account.nkey)?.connections, 1);
});
