// Where account JWTs come from and how they get there: HTTP, directories, and pushes over the system account.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { encodeJwt } from "../src/auth/jwt/jwt.js";
import { createServer } from "../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../src/options/options.js";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { CertificateAuthority } from "./support/certificates.js";
import { accountJwt, ISSUED_AT, JwtWorld, operatorJwt, type Pair, pairOf, userJwt } from "./support/jwt-world.js";
import { startLocalServer } from "./support/local-server.js";
import { type SimulatedClient, type SimulatedServer, startSimulatedServer } from "./support/simulated-server.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const OK = "PONG\r\n";
const REFUSED = "-ERR 'Authorization Violation'\r\n";
const INBOX = "_INBOX.test";
/** Enough for several turns of the disk. */
const DISK_MS = 100;

interface Pushed {
  readonly jwts: JwtWorld;
  readonly sim: SimulatedServer;
  /** A request over the system account, and the payload of each answer. */
  ask(subject: string, payload?: string): Promise<string[]>;
  /** The message of an answer, or the description of its error. */
  outcome(subject: string, payload?: string): Promise<string>;
}

async function started(
  resolver: ServerOptions["resolver"],
  accounts?: Record<string, string>,
  more: object = {},
): Promise<Pushed> {
  const jwts = new JwtWorld();
  const sim = await startSimulatedServer(jwts.options(accounts ?? jwts.preload(), { resolver, ...more }));
  const client = await lateLogin(sim, jwts, userJwt(jwts.system, jwts.user));
  assert.equal(client.take(), OK);
  client.answersPings = true;
  client.send(`SUB ${INBOX} 1\r\n`);
  const ask = async (subject: string, payload = ""): Promise<string[]> => {
    client.take();
    client.send(`PUB ${subject} ${INBOX} ${payload.length}\r\n${payload}\r\n`);
    await sim.advance(DISK_MS);
    return payloads(client);
  };
  const outcome = async (subject: string, payload?: string): Promise<string> => {
    const [answer = "{}"] = await ask(subject, payload);
    const { data, error } = JSON.parse(answer);
    return data?.message ?? error?.description ?? "";
  };
  return { jwts, sim, ask, outcome };
}

/** A login whose account comes from the disk, or from somewhere else. */
async function lateLogin(sim: SimulatedServer, jwts: JwtWorld, jwt?: string): Promise<SimulatedClient> {
  const client = await jwts.login(sim, jwt);
  await sim.advance(DISK_MS);
  return client;
}

function payloads(client: SimulatedClient): string[] {
  return [...client.take().matchAll(/MSG \S+ 1 +\d+\r\n(.*?)\r\n/gs)].map(([, payload]) => payload);
}

function deletion(jwts: JwtWorld, accounts: unknown, by: Pair = jwts.operator): string {
  const claims = { subject: by.nkey, issuedAt: ISSUED_AT, nats: { accounts } };
  return encodeJwt(claims, "generic", by.nkey, by.key);
}

const updateOf = (account: Pair): string => `$SYS.REQ.ACCOUNT.${account.nkey}.CLAIMS.UPDATE`;
const full = { type: "FULL", dir: "/jwt" } as const;

test("a full directory keeps what is pushed, tells it, and uses it at once", async () => {
  const { jwts, sim, ask, outcome } = await started(full);
  const other = pairOf("account");
  assert.equal(await outcome("$SYS.REQ.CLAIMS.UPDATE", accountJwt(jwts.operator, other)), "jwt updated");
  assert.equal((await lateLogin(sim, jwts, userJwt(other, jwts.user))).take(), OK);
  const all = [jwts.system.nkey, jwts.account.nkey, other.nkey].sort();
  assert.deepEqual(JSON.parse((await ask("$SYS.REQ.CLAIMS.LIST"))[0]).data, all);
  assert.deepEqual(
    sim.world.disk.listSync("/jwt"),
    all.map((nkey) => `${nkey}.jwt`),
  );
  const client = await lateLogin(sim, jwts);
  const limited = accountJwt(jwts.operator, jwts.account, { limits: { conn: 0 } }, { issuedAt: ISSUED_AT + 1 });
  for (const subject of [updateOf(jwts.account), `$SYS.ACCOUNT.${jwts.account.nkey}.CLAIMS.UPDATE`]) {
    assert.equal(await outcome(subject, limited), "jwt updated");
  }
  assert.match(client.take(), /maximum account active connections exceeded/);
  assert.deepEqual(await ask(`$SYS.REQ.ACCOUNT.${jwts.account.nkey}.CLAIMS.LOOKUP`), [limited]);
  assert.deepEqual(await ask(`$SYS.REQ.ACCOUNT.${pairOf("account").nkey}.CLAIMS.LOOKUP`), [""]);
});

test("pushes that make no sense are answered with what is wrong", async () => {
  const { jwts, outcome } = await started(full);
  const update = "$SYS.REQ.CLAIMS.UPDATE";
  const failed = "jwt update resulted in error - ";
  assert.equal(await outcome(update, ""), `${failed}expected 3 chunks`);
  assert.equal(await outcome(update, jwts.userJwt()), `${failed}not account claim`);
  assert.equal(
    await outcome(updateOf(jwts.system), accountJwt(jwts.operator, jwts.account)),
    `${failed}subject does not match jwt content`,
  );
  assert.match(
    await outcome(update, accountJwt(jwts.operator, jwts.account, { signing_keys: ["x"] })),
    /^jwt validation failed - /,
  );
});

test("a strict operator's own key does not sign accounts that are pushed", async () => {
  const jwts = new JwtWorld();
  const key = pairOf("operator");
  const signer = pairOf("account");
  const operators = [operatorJwt(jwts.operator, { strict_signing_key_usage: true, signing_keys: [key.nkey] })];
  const resolverPreload = { [jwts.system.nkey]: accountJwt(key, jwts.system, { signing_keys: [signer.nkey] }) };
  const sim = await startSimulatedServer({
    operators,
    systemAccount: jwts.system.nkey,
    resolver: full,
    resolverPreload,
  });
  const client = await jwts.login(sim, userJwt(signer, jwts.user, { issuer_account: jwts.system.nkey }));
  assert.equal(client.take(), OK);
  const jwt = accountJwt(jwts.operator, jwts.account);
  client.send(`SUB ${INBOX} 1\r\nPUB $SYS.REQ.CLAIMS.UPDATE ${INBOX} ${jwt.length}\r\n${jwt}\r\n`);
  await sim.advance(DISK_MS);
  assert.match(payloads(client)[0], /operator requires issuer to be a signing key/);
});

test("accounts are deleted by their operator only, where that is allowed", async () => {
  const asked = "$SYS.REQ.CLAIMS.DELETE";
  const { jwts, sim, outcome } = await started({ ...full, allowDelete: true });
  const failed = (by: Pair): string => `delete accounts request by ${by.nkey} failed - `;
  assert.equal(
    await outcome(asked, deletion(jwts, [jwts.account.nkey], jwts.account)),
    `${failed(jwts.account)}not trusted`,
  );
  assert.equal(await outcome(asked, deletion(jwts, "x")), `${failed(jwts.operator)}malformed request`);
  assert.equal(await outcome(asked, deletion(jwts, ["x"])), `${failed(jwts.operator)}malformed request`);
  const system = `${failed(jwts.operator)}not allowed to delete system account`;
  assert.equal(await outcome(asked, deletion(jwts, [jwts.system.nkey])), system);
  const client = await lateLogin(sim, jwts);
  assert.equal(client.take(), OK);
  assert.equal(await outcome(asked, deletion(jwts, [jwts.account.nkey])), "deleted 1 accounts");
  assert.equal(client.take(), "-ERR 'Account Authentication Expired'\r\n");
  assert.equal((await lateLogin(sim, jwts)).take(), REFUSED);
  assert.ok(sim.world.disk.listSync("/jwt").includes(`${jwts.account.nkey}.jwt.deleted`));
  const strict = await started(full);
  const refused = `delete accounts request by ${strict.jwts.operator.nkey} failed - delete must be enabled in server config`;
  assert.equal(await strict.outcome(asked, deletion(strict.jwts, [strict.jwts.account.nkey])), refused);
});

test("stores are compared by their hash and exchanged when they differ", async () => {
  const { jwts, sim, ask } = await started(full);
  const packed = await ask("$SYS.REQ.CLAIMS.PACK", "x");
  assert.deepEqual(
    packed.map((line) => line.split("|")[0]),
    [...[jwts.system.nkey, jwts.account.nkey].sort(), ""],
  );
  // A neighbour that has another account.
  const other = pairOf("account");
  const neighbour = await jwts.login(sim, userJwt(jwts.system, jwts.user));
  neighbour.answersPings = true;
  neighbour.send("SUB $SYS.REQ.CLAIMS.PACK 1\r\n");
  await sim.advance(61_000);
  const [, inbox] = /MSG \$SYS\.REQ\.CLAIMS\.PACK 1 (\S+) 32\r\n/.exec(neighbour.take()) ?? [];
  const line = `${other.nkey}|${accountJwt(jwts.operator, other)}`;
  neighbour.send(`PUB ${inbox} ${line.length}\r\n${line}\r\nPUB ${inbox} 0\r\n\r\n`);
  await sim.advance(DISK_MS);
  assert.equal((await lateLogin(sim, jwts, userJwt(other, jwts.user))).take(), OK);
});

test("a cache asks others for what it does not have, once for all who wait, and keeps it", async () => {
  const jwts = new JwtWorld();
  const resolver = { type: "CACHE", dir: "/jwt", limit: 5 } as const;
  const sim = await startSimulatedServer(jwts.options({}, { resolver }));
  const others = await jwts.login(sim, userJwt(jwts.system, jwts.user));
  others.answersPings = true;
  assert.equal((await lateLogin(sim, jwts)).take(), REFUSED, "nobody has it");
  others.send("SUB $SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP 1\r\n");
  await sim.settle();
  others.take();
  const waiting = [await lateLogin(sim, jwts), await lateLogin(sim, jwts)];
  for (const client of waiting) assert.equal(client.take(), "");
  const [, inbox, ...more] = /MSG \S+ 1 (\S+) 0\r\n/.exec(others.take()) ?? [];
  assert.deepEqual(more, []);
  const jwt = accountJwt(jwts.operator, jwts.account);
  others.send(`PUB ${inbox} ${jwt.length}\r\n${jwt}\r\n`);
  await sim.advance(DISK_MS);
  for (const client of waiting) assert.equal(client.take(), OK);
  assert.ok(sim.world.disk.listSync("/jwt").includes(`${jwts.account.nkey}.jwt`));
  const slow = await jwts.login(sim, userJwt(pairOf("account"), jwts.user));
  await sim.advance(1_950);
  assert.match(slow.take(), /^(PING\r\n)?-ERR .Authorization Violation.\r\n$/, "no answer in time");
});

test("a cache takes pushes for accounts in use only", async () => {
  const { jwts, sim, outcome } = await started({ type: "CACHE", dir: "/jwt" });
  const jwt = accountJwt(jwts.operator, jwts.account, {}, { issuedAt: ISSUED_AT + 1 });
  assert.equal(await outcome("$SYS.REQ.CLAIMS.UPDATE", jwt), "jwt update cache skipped");
  assert.equal((await lateLogin(sim, jwts)).take(), OK);
  assert.equal(await outcome("$SYS.REQ.CLAIMS.UPDATE", jwt), "jwt updated cache");
});

test("accounts in memory take new claims while they are in use", async () => {
  const { jwts, sim, outcome } = await started({ type: "MEMORY" });
  const jwt = accountJwt(jwts.operator, jwts.account, { limits: { payload: 7 } }, { issuedAt: ISSUED_AT + 1 });
  assert.equal(await outcome(updateOf(jwts.account), jwt), "jwt update skipped");
  const client = await lateLogin(sim, jwts);
  assert.equal(client.take(), OK);
  assert.equal(await outcome(updateOf(jwts.account), ""), "jwt update error - request body is empty");
  assert.equal(
    await outcome(updateOf(jwts.account), accountJwt(pairOf("operator"), jwts.account)),
    "jwt update resulted in error - account validation failed: not trusted",
  );
  assert.equal(await outcome(updateOf(jwts.account), jwt), "jwt updated");
  client.send("PUB a 8\r\n");
  await sim.settle();
  assert.match(client.take(), /Maximum Payload Violation/);
});

test("a system account whose JWT is missing lets its own users in, to push it", async () => {
  const jwts = new JwtWorld();
  const { resolverPreload: _, ...options } = jwts.options({}, { resolver: full });
  const sim = await startSimulatedServer(options);
  const client = await lateLogin(sim, jwts, userJwt(jwts.system, jwts.user));
  client.answersPings = true;
  assert.equal(client.take(), OK);
  const jwt = accountJwt(jwts.operator, jwts.system);
  client.send(`SUB ${INBOX} 1\r\nPUB $SYS.REQ.CLAIMS.UPDATE ${INBOX} ${jwt.length}\r\n${jwt}\r\n`);
  await sim.advance(DISK_MS);
  assert.match(payloads(client)[0], /jwt updated/);
  assert.equal(sim.server.operatorMode?.accounts.get(jwts.system.nkey)?.jwt, jwt);
  await assert.rejects(
    startSimulatedServer(jwts.options({}, { resolverPreload: {} })),
    /error resolving system account/,
  );
});

test("JWTs from an HTTP server, which has to be there at the start", async () => {
  const jwts = new JwtWorld();
  const world = simulatedRuntime({ seed: 3 });
  const asked: string[] = [];
  const served = { [jwts.system.nkey]: accountJwt(jwts.operator, jwts.system), ...jwts.preload() };
  const web = world.host("web");
  const url = `http://${web.network.interfaceAddresses()[0]}:9090/jwt/v1/accounts`;
  const options = jwts.options(
    {},
    { resolver: { type: "URL", url }, resolverPreload: undefined, host: "0.0.0.0", port: 4222 },
  );
  const server = (): ReturnType<typeof createServer> => createServer(resolveOptions(options), { runtime: world });
  await assert.rejects(world.clock.settle(server().start()), { code: "RESOLVER" });
  const listening = web.network.listenHttp({ host: "0.0.0.0", port: 9090 }, async ({ url: path }) => {
    asked.push(path);
    const name = path.replace("/jwt/v1/accounts/", "");
    return name === "" ? { status: 200 } : { status: name in served ? 200 : 404, body: served[name] };
  });
  await world.clock.settle(listening);
  const running = server();
  await world.clock.settle(running.start());
  assert.deepEqual(asked, ["/jwt/v1/accounts/", `/jwt/v1/accounts/${jwts.system.nkey}`]);
  const found = await world.clock.settle(Promise.resolve(running.operatorMode?.accounts.lookup(jwts.account.nkey)));
  assert.equal(found?.account.name, jwts.account.nkey);
  assert.equal(await world.clock.settle(Promise.resolve(running.operatorMode?.accounts.lookup("A"))), undefined);
  const preloaded = jwts.options({}, { resolver: { type: "URL", url } });
  assert.throws(
    () => createServer(resolveOptions(preloaded), { runtime: world }),
    /only available for writeable resolver/,
  );
});

test("JWTs over HTTPS from a server of an own authority (resolver_tls), read again on reload", async (t) => {
  const jwts = new JwtWorld();
  const authority = new CertificateAuthority();
  const served = { [jwts.system.nkey]: accountJwt(jwts.operator, jwts.system), ...jwts.preload() };
  const { certificate: cert, key } = authority.issue();
  const web = createHttpsServer({ cert, key }, ({ url = "" }, response) => response.end(served[url.slice(1)] ?? ""));
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  t.after(() => web.close().closeAllConnections());
  const url = `https://localhost:${(web.address() as AddressInfo).port}/`;
  const caFile = join(temporaryFolder(t), "ca.pem");
  const options = jwts.options({}, { resolver: { type: "URL", url }, resolverPreload: undefined });
  await assert.rejects(startLocalServer(t, options), { code: "RESOLVER" });
  const secured = { ...options, resolverTls: { caFile } };
  await assert.rejects(startLocalServer(t, secured), { code: "AUTH_CERTIFICATE_FILE" });
  writeFileSync(caFile, authority.certificate);
  const { server, reload } = await startLocalServer(t, secured);
  const lookup = async (name: string) => (await server.operatorMode?.accounts.lookup(name))?.account.name;
  assert.equal(await lookup(jwts.account.nkey), jwts.account.nkey);
  const late = pairOf("account");
  served[late.nkey] = accountJwt(jwts.operator, late);
  writeFileSync(caFile, new CertificateAuthority("another").certificate);
  await reload(secured);
  assert.equal(await lookup(late.nkey), undefined);
  await reload({ ...secured, resolverTls: { caFile, insecure: true } });
  assert.equal(await lookup(late.nkey), late.nkey);
});
