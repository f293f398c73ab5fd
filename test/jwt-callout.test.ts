// Auth callout from both ends: a service that decides about logins, and those who log in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJwt, type JsonObject } from "../src/auth/jwt/jwt.js";
import { open, SEAL_NONCE_BYTES, seal } from "../src/auth/sealed-box.js";
import type { ServerOptions } from "../src/options/options.js";
import { accountJwt, JwtWorld, loginSigned, type Pair, pairOf, userJwt } from "./support/jwt-world.js";
import { type SimulatedClient, type SimulatedServer, startSimulatedServer } from "./support/simulated-server.js";

const OK = "PONG\r\n";
const REFUSED = "-ERR 'Authorization Violation'\r\n";
const SUBJECT = "$SYS.REQ.USER.AUTH";

// biome-ignore lint/suspicious/noExplicitAny: claims are looked at member by member
type Json = any;

/** What a service was asked, and where it answers. */
interface Question {
  readonly claims: Json;
  readonly headers: string;
  readonly reply: string;
}

/** A client that answers as callout service. */
class Service {
  readonly #client: SimulatedClient;
  readonly #curve: Pair | undefined;

  constructor(client: SimulatedClient, curve?: Pair) {
    this.#client = client;
    this.#curve = curve;
    client.take();
    client.answersPings = true;
    client.send(`SUB ${SUBJECT} 1\r\n`);
  }

  /** The only question since the last call. */
  question(): Question {
    const match = /^(H?)MSG \S+ 1 (\S+) (?:(\d+) )?(\d+)\r\n(.*)\r\n$/s.exec(this.#client.take());
    assert.ok(match, "no question, or several");
    const headerBytes = Number(match[3] ?? 0);
    const [headers, rest] = [match[5].slice(0, headerBytes), match[5].slice(headerBytes)];
    const [, xkey] = /Nats-Server-Xkey: (\S+)/.exec(headers) ?? [];
    const bytes = Buffer.from(rest, "latin1");
    const token = (xkey === undefined ? bytes : open(bytes, (this.#curve as Pair).key, xkey)).toString();
    const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
    return { claims, headers, reply: match[2] };
  }

  answer({ reply, claims }: Question, token: string): void {
    const { xkey } = claims.nats.server_id;
    const sealed = xkey && seal(Buffer.from(token), (this.#curve as Pair).key, xkey, Buffer.alloc(SEAL_NONCE_BYTES, 1));
    this.answerPlain(reply, sealed === undefined ? token : sealed.toString("latin1"));
  }

  answerPlain(reply: string, payload: string): void {
    this.#client.send(`PUB ${reply} ${payload.length}\r\n${payload}\r\n`);
  }
}

interface Verdict {
  readonly response?: JsonObject;
  readonly user?: JsonObject;
  readonly audience?: string;
  readonly name?: string;
  readonly expires?: number;
  readonly signer?: Pair;
  readonly userSigner?: Pair;
  readonly forUser?: string;
  readonly forServer?: string;
}

/** An answer that lets the user in, with whatever is to be wrong about it. */
function verdict({ claims }: Question, issuer: Pair, given: Verdict = {}): string {
  const userNkey = given.forUser ?? claims.nats.user_nkey;
  const { audience, name, expires } = given;
  const user = { nkey: userNkey, key: issuer.key };
  const jwt = userJwt(given.userSigner ?? issuer, user, given.user, { audience, name, expires });
  const signer = given.signer ?? issuer;
  const server = given.forServer ?? claims.nats.server_id.id;
  const answer = { subject: userNkey, audience: server, issuedAt: 1, nats: given.response ?? { jwt } };
  return encodeJwt(answer, "authorization_response", signer.nkey, signer.key);
}

interface Configured {
  readonly sim: SimulatedServer;
  readonly issuer: Pair;
  readonly service: Service;
  /** A login that waits for the service. */
  ask(connect?: object): Promise<SimulatedClient>;
  /** A login that the service answers like this. */
  decided(given: Verdict, connect?: object): Promise<SimulatedClient>;
}

async function configured(callout: JsonObject = {}, curve?: Pair): Promise<Configured> {
  const issuer = pairOf("account");
  const users = (user: string): ServerOptions["accounts"] => ({
    [user.toUpperCase()]: { users: [{ user, password: "p" }] },
  });
  const authCallout = { issuer: issuer.nkey, account: "AUTH", authUsers: ["auth"], xkey: curve?.nkey, ...callout };
  const sim = await startSimulatedServer({
    serverName: "north",
    accounts: { ...users("auth"), ...users("other"), APP: {} },
    authorization: { authCallout, timeoutMs: 1_000 },
  });
  const headers = { headers: true, no_responders: true };
  const service = new Service(await loginSigned(sim, null, { user: "auth", pass: "p", ...headers }), curve);
  await sim.settle();
  const ask = (connect: object = { user: "bob", pass: "pw" }): Promise<SimulatedClient> =>
    loginSigned(sim, null, connect);
  const decided = async (given: Verdict, connect?: object): Promise<SimulatedClient> => {
    const client = await ask(connect);
    const question = service.question();
    service.answer(question, verdict(question, issuer, { audience: "APP", ...given }));
    await sim.settle();
    return client;
  };
  return { sim, issuer, service, ask, decided };
}

test("a service places users in accounts and gives them permissions", async () => {
  const { decided, sim } = await configured();
  const client = await decided({ user: { pub: { allow: ["ok"] } }, name: "Bobby" });
  assert.equal(client.take(), OK);
  client.send("PUB nope 0\r\n\r\n");
  await sim.settle();
  assert.equal(client.take(), `-ERR 'Permissions Violation for Publish to "nope"'\r\n`);
  assert.equal([...sim.server.clients.values()].at(-1)?.userName, "Bobby");
  assert.equal(sim.server.accounts.get("APP")?.connections, 1);
});

test("the question says all about the connection", async () => {
  const { service, ask, sim, issuer } = await configured();
  const connect = {
    user: "bob",
    pass: "pw",
    auth_token: "t",
    name: "n",
    lang: "ts",
    version: "9",
    protocol: 1,
    jwt: "j",
  };
  await ask(connect);
  const { claims, headers } = service.question();
  assert.equal(headers, "");
  const { user_nkey, server_id, client_info, connect_opts, type, version } = claims.nats;
  assert.match(user_nkey, /^U[A-Z2-7]{55}$/);
  assert.deepEqual([claims.aud, claims.sub, claims.iss], ["nats-authorization-request", issuer.nkey, sim.server.id]);
  assert.equal(claims.exp - claims.iat, 1);
  assert.deepEqual([type, version], ["authorization_request", 2]);
  assert.deepEqual(server_id, { name: "north", host: "0.0.0.0", id: sim.server.id, version: server_id.version });
  const [id] = [...sim.server.clients.keys()].slice(-1);
  const host = client_info.host;
  assert.deepEqual(client_info, { host, id, user: "bob", name: "n", kind: "Client", type: "nats" });
  assert.deepEqual(connect_opts, connect);
  await ask({ auth_token: "t" });
  assert.equal(service.question().claims.nats.client_info.user, "[REDACTED]");
});

test("whoever is not let in is told the same", async () => {
  const { decided, issuer, ask, service, sim } = await configured();
  const stranger = pairOf("account");
  const past = Math.floor(sim.world.clock.nowMs() / 1000) - 5;
  const cases: [string, Verdict][] = [
    ["an error", { response: { error: "no" } }],
    ["neither", { response: {} }],
    ["both", { response: { error: "no", jwt: "x" } }],
    ["no JWT", { response: { jwt: "x" } }],
    ["an unknown account", { audience: "NOWHERE" }],
    ["an answer by somebody else", { signer: stranger }],
    ["a user by somebody else", { userSigner: stranger }],
    ["an account that answers for another", { user: { issuer_account: issuer.nkey } }],
    ["a user that has expired", { expires: past }],
    ["an answer to another question", { forUser: pairOf("user").nkey }],
    ["an answer to another server", { forServer: pairOf("server").nkey }],
    ["a user that has to come through a proxy", { user: { proxy_required: true } }],
    ["only ways in that nobody knows", { user: { allowed_connection_types: ["X"] } }],
  ];
  for (const [name, given] of cases) assert.equal((await decided(given)).take(), REFUSED, name);
  for (const payload of ["", "nonsense"]) {
    const client = await ask();
    service.answerPlain(service.question().reply, payload);
    await sim.settle();
    assert.equal(client.take(), REFUSED, payload);
  }
});

test("a service that is silent or away lets nobody in", async () => {
  const { ask, sim, service } = await configured();
  const client = await ask();
  const question = service.question();
  await sim.advance(900);
  assert.equal(client.take(), "");
  await sim.advance(200);
  assert.equal(client.take(), REFUSED);
  service.answer(question, "too late");
  await sim.settle();
  const empty = await startSimulatedServer({
    accounts: { AUTH: { users: [{ user: "auth", password: "p" }] } },
    authorization: { authCallout: { issuer: pairOf("account").nkey, account: "AUTH", authUsers: ["auth"] } },
  });
  assert.equal((await loginSigned(empty, null, { user: "bob" })).take(), REFUSED);
});

test("auth users need no callout, others with a password do too, unless their accounts are left out", async () => {
  const all = await configured();
  assert.equal((await all.ask({ user: "auth", pass: "p" })).take(), OK);
  assert.equal((await all.ask({ user: "auth", pass: "wrong" })).take(), REFUSED);
  assert.equal((await all.decided({}, { user: "other", pass: "p" })).take(), OK);
  assert.equal((await all.decided({}, {})).take(), OK, "who says nothing is asked about too");
  const some = await configured({ allowedAccounts: ["APP"] });
  assert.equal((await some.ask({ user: "other", pass: "p" })).take(), OK);
  assert.equal((await some.decided({}, { user: "other", pass: "wrong" })).take(), OK);
});

test("nobody in the service's account may ask", async () => {
  const { decided, sim, ask } = await configured();
  const denied = `-ERR 'Permissions Violation for Publish to "${SUBJECT}"'\r\n`;
  for (const client of [await decided({ audience: "AUTH" }), await ask({ user: "auth", pass: "p" })]) {
    client.take();
    client.send(`PUB ${SUBJECT} 0\r\n\r\nPUB free 0\r\n\r\n`);
    await sim.settle();
    assert.equal(client.take(), denied);
  }
});

test("with a curve key everything is sealed", async () => {
  const curve = pairOf("curve");
  const { decided, ask, service, sim, issuer } = await configured({}, curve);
  assert.equal((await decided({})).take(), OK);
  const client = await ask();
  const question = service.question();
  assert.equal(question.headers, `NATS/1.0\r\nNats-Server-Xkey: ${sim.server.identity.xkey}\r\n\r\n`);
  service.answerPlain(question.reply, verdict(question, issuer, { audience: "APP" }));
  await sim.settle();
  assert.equal(client.take(), OK, "an answer in the clear is signed all the same");
  const other = await ask();
  const plain = Buffer.from(verdict(service.question(), issuer, { audience: "APP" }));
  const wrong = seal(plain, pairOf("curve").key, sim.server.identity.xkey, Buffer.alloc(SEAL_NONCE_BYTES));
  service.answerPlain(question.reply, wrong.toString("latin1"));
  await sim.advance(1_100);
  assert.equal(other.take(), REFUSED);
});

test("a user of a service ends with its JWT", async () => {
  const { decided, sim } = await configured();
  const client = await decided({ expires: Math.floor(sim.world.clock.nowMs() / 1000) + 30 });
  client.answersPings = true;
  await sim.advance(31_000);
  assert.match(client.received, /-ERR 'User Authentication Expired'\r\n$/);
});

test("where operators are trusted, accounts have services of their own", async () => {
  const jwts = new JwtWorld();
  const { account, operator, user } = jwts;
  const [target, closed, serviceUser, key] = [pairOf("account"), pairOf("account"), pairOf("user"), pairOf("account")];
  const authorization = { auth_users: [serviceUser.nkey], allowed_accounts: [target.nkey] };
  const sim = await startSimulatedServer(
    jwts.options({
      [account.nkey]: accountJwt(operator, account, { authorization, signing_keys: [key.nkey] }),
      [target.nkey]: accountJwt(operator, target, { revocations: { [user.nkey]: 2_000_000_000 } }),
      [closed.nkey]: accountJwt(operator, closed),
    }),
  );
  const service = new Service(await jwts.login(sim, userJwt(account, serviceUser), serviceUser));
  await sim.settle();
  const decided = async (given: Verdict, asWho: Pair | null = user): Promise<[string, Question]> => {
    const client = await jwts.login(
      sim,
      jwts.userJwt({ bearer_token: asWho === null, tags: ["a:b"] }, { name: "bob" }),
      asWho,
    );
    const question = service.question();
    service.answer(question, verdict(question, account, given));
    await sim.settle();
    return [client.take(), question];
  };
  const [own, { claims }] = await decided({});
  assert.equal(own, OK);
  assert.equal(claims.sub, account.nkey);
  assert.deepEqual([claims.nats.client_info.name_tag, claims.nats.client_info.tags], ["bob", ["a:b"]]);
  assert.equal(typeof claims.nats.client_info.nonce, "string");
  const [other] = await decided({ userSigner: target }, null);
  assert.equal(other, OK);
  assert.equal(sim.server.accounts.get(target.nkey)?.connections, 1);
  assert.equal((await decided({ userSigner: closed }))[0], REFUSED, "an account that is not allowed");
  assert.equal((await decided({ signer: key }))[0], OK);
  assert.equal((await decided({ signer: pairOf("account") }))[0], REFUSED);
  assert.equal((await jwts.login(sim, jwts.userJwt(), pairOf("user"))).take(), REFUSED, "no signature, no question");
});
