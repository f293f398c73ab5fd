// Clients behind proxies over real sockets: PROXY headers, with TLS too, and proxies that vouch for clients.
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { connz } from "../src/monitoring/connz.js";
import type { ServerOptions } from "../src/options/options.js";
import { type ConnectionStatus, collectConnections } from "../src/server/connection-status.js";
import type { Server } from "../src/server/server.js";
import { CertificateAuthority } from "./support/certificates.js";
import { JwtWorld, type Pair, pairOf, userJwt } from "./support/jwt-world.js";
import { startLocalServer } from "./support/local-server.js";
import { connectRaw, RawClient } from "./support/raw-client.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const CONNECT = 'CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n';
const V1 = "PROXY TCP4 192.0.2.1 10.0.0.1 12345 4222\r\n";
const SIGNATURE = "0d0a0d0a000d0a515549540a";
const V2 = Buffer.from(`${SIGNATURE}2111000fc0000201${"0a000001"}3039107e040000`, "hex");
const LOCAL = Buffer.from(`${SIGNATURE}20000000`, "hex");
const REFUSED = "-ERR 'Authorization Violation'";
const LIMIT = { timeout: 20_000 };

const authority = new CertificateAuthority();
const served = authority.issue();

function tlsOf(t: TestContext): NonNullable<ServerOptions["tls"]> {
  const folder = temporaryFolder(t);
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(certFile, served.certificate);
  writeFileSync(keyFile, served.key);
  return { certFile, keyFile };
}

async function secured(plain: RawClient): Promise<RawClient> {
  plain.socket.removeAllListeners("data");
  const socket = connectTls({ socket: plain.socket, ca: authority.certificate, servername: "localhost" });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  return new RawClient(socket);
}

async function only(server: Server, state: "open" | "closed" = "open"): Promise<ConnectionStatus> {
  const { connections } = await collectConnections(server, { state });
  assert.equal(connections.length, 1);
  return connections[0];
}

async function infoIn(client: RawClient): Promise<Record<string, unknown>> {
  await client.expect("PONG");
  return await client.info();
}

test("a header tells where the client is; INFO says so only then", LIMIT, async (t) => {
  const { port, server, log } = await startLocalServer(t, { proxyProtocol: true });
  assert.equal(log.matching(/^info PROXY protocol enabled for client connections$/).length, 1);
  for (const header of [V1, V2]) {
    const client = await connectRaw(t, port);
    assert.equal((await client.info())["client_ip"], undefined);
    client.send(Buffer.concat([Buffer.from(header), Buffer.from(CONNECT)]));
    assert.equal((await infoIn(client))["client_ip"], "192.0.2.1");
    const { host, port: from, id } = await only(server);
    assert.deepEqual({ host, from }, { host: "192.0.2.1", from: 12_345 });
    client.socket.destroy();
    while (log.matching(new RegExp(`^debug 192.0.2.1:12345 - cid:${id} - Client connection closed`)).length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

test("a header byte by byte", LIMIT, async (t) => {
  const { port, server } = await startLocalServer(t, { proxyProtocol: true });
  const client = await connectRaw(t, port);
  await client.info();
  for (const byte of V2) {
    client.send(Uint8Array.of(byte));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  client.send(CONNECT);
  assert.equal((await infoIn(client))["client_ip"], "192.0.2.1");
  assert.equal((await only(server)).port, 12_345);
});

test("who comes without a proxy, or with one that speaks for itself, is where it is", LIMIT, async (t) => {
  const { port, server } = await startLocalServer(t, { proxyProtocol: true });
  for (const header of ["", "PROXY UNKNOWN\r\n", LOCAL]) {
    const client = await connectRaw(t, port);
    await client.info();
    client.send(Buffer.concat([Buffer.from(header), Buffer.from(CONNECT)]));
    assert.equal((await infoIn(client))["client_ip"], "127.0.0.1");
    const { connections } = await collectConnections(server, { state: "open" });
    assert.equal(connections.at(-1)?.port, client.socket.localPort);
  }
});

test("a malformed header ends the connection without a word", LIMIT, async (t) => {
  const { port, server, log } = await startLocalServer(t, { proxyProtocol: true });
  const client = await connectRaw(t, port);
  await client.info();
  client.send(`PROXY TCP4 x y 1 2\r\n${CONNECT}`);
  assert.deepEqual(await client.closed(), []);
  assert.equal((await only(server, "closed")).reason, "Protocol Violation");
  const warning = /^warn Error reading PROXY protocol header from 127.0.0.1:\d+: invalid PROXY protocol header: /;
  assert.equal(log.matching(warning).length, 1);
});

test("a header that does not come whole ends the connection", LIMIT, async (t) => {
  const { port, log } = await startLocalServer(t, { proxyProtocol: true });
  const slow = await connectRaw(t, port);
  const silent = await connectRaw(t, port);
  const gone = await connectRaw(t, port);
  slow.send("PROXY TCP4 ");
  gone.socket.end();
  for (const client of [slow, silent, gone]) {
    await client.info();
    assert.deepEqual(await client.closed(8_000), []);
  }
  assert.equal(log.matching(/^warn .*: timeout reading PROXY protocol header$/).length, 2);
  assert.equal(log.matching(/^warn .*: the connection has ended$/).length, 1);
});

test("without the option a header is no protocol", LIMIT, async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectRaw(t, port);
  assert.equal((await client.info())["client_ip"], "127.0.0.1");
  client.send(V1);
  await client.expect("-ERR 'Unknown Protocol Operation'");
});

test("TLS comes after the header", LIMIT, async (t) => {
  const { port, server } = await startLocalServer(t, { proxyProtocol: true, tls: tlsOf(t) });
  for (const header of [V1, V2, ""]) {
    const plain = await connectRaw(t, port);
    assert.equal((await plain.info())["client_ip"], undefined);
    if (header !== "") plain.send(header);
    const client = await secured(plain);
    client.send(CONNECT);
    assert.equal((await infoIn(client))["client_ip"], header === "" ? "127.0.0.1" : "192.0.2.1");
  }
  const { connections } = await collectConnections(server, { state: "open" });
  assert.deepEqual(
    connections.map(({ tls }) => tls?.version),
    ["1.3", "1.3", "1.3"],
  );
});

test("where TLS is a choice, what follows the header tells", LIMIT, async (t) => {
  const { port } = await startLocalServer(t, { proxyProtocol: true, allowNonTls: true, tls: tlsOf(t) });
  const plain = await connectRaw(t, port);
  await plain.info();
  plain.send(V1 + CONNECT);
  assert.equal((await infoIn(plain))["client_ip"], "192.0.2.1");
  const other = await connectRaw(t, port);
  await other.info();
  other.send(V2);
  const client = await secured(other);
  client.send(CONNECT);
  assert.equal((await infoIn(client))["client_ip"], "192.0.2.1");
});

test("TLS first: INFO follows both and says where the client is", LIMIT, async (t) => {
  for (const handshakeFirstFallbackMs of [0, 5_000]) {
    const tls = { ...tlsOf(t), handshakeFirst: true, handshakeFirstFallbackMs };
    const { port } = await startLocalServer(t, { proxyProtocol: true, tls });
    const plain = await connectRaw(t, port);
    plain.send(V1);
    const client = await secured(plain);
    assert.equal((await client.info())["client_ip"], "192.0.2.1");
  }
});

// ---------------------------------------------------------------- proxies that vouch

const proxy = pairOf("server");
const stranger = pairOf("user");
const trusting = (...pairs: Pair[]): ServerOptions => ({
  proxies: { trusted: pairs.map(({ nkey: key }) => ({ key })) },
});

/** Logs in through a proxy that signs; resolves with PONG, or the error. */
async function login(t: TestContext, port: number, signer: Pair | undefined, connect: object): Promise<RawClient> {
  const client = await connectRaw(t, port);
  const nonce = String((await client.info())["nonce"]);
  const proxySig = signer && sign(null, Buffer.from(nonce), signer.key).toString("base64url");
  client.send(`CONNECT ${JSON.stringify({ verbose: false, proxy_sig: proxySig, ...connect })}\r\nPING\r\n`);
  return client;
}

const USERS = [
  { user: "any", password: "x" },
  { user: "behind", password: "x", proxyRequired: true },
];
const any = { user: "any", pass: "x" };
const behind = { user: "behind", pass: "x" };

test("users that have to come through a trusted proxy", LIMIT, async (t) => {
  const { port, server } = await startLocalServer(t, { ...trusting(proxy), authorization: { users: USERS } });
  for (const [signer, connect, key] of [
    [proxy, behind, proxy.nkey],
    [proxy, any, proxy.nkey],
    [undefined, any, undefined],
  ] as const) {
    const client = await login(t, port, signer, connect);
    await client.expect("PONG");
    assert.equal((await only(server)).proxyKey, key);
    const { connections } = (await connz(server, {})) as { connections: { proxy?: object }[] };
    assert.deepEqual(connections[0].proxy, key === undefined ? undefined : { key });
    client.socket.destroy();
    await client.closed();
    while (server.clients.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }
});

test("why a login is refused shows in monitoring, not to the client", LIMIT, async (t) => {
  const { port, server } = await startLocalServer(t, { ...trusting(proxy), authorization: { users: USERS } });
  const reasons: [Pair | undefined, object, string][] = [
    [undefined, behind, "Proxy Required"],
    [undefined, { ...behind, pass: "wrong" }, "Proxy Required"],
    [stranger, behind, "Proxy Not Trusted"],
    [stranger, any, "Proxy Not Trusted"],
    [undefined, { ...any, proxy_sig: "%" }, "Proxy Not Trusted"],
    [proxy, { ...behind, pass: "wrong" }, "Authentication Failure"],
  ];
  for (const [signer, connect, reason] of reasons) {
    const client = await login(t, port, signer, connect);
    await client.expect(REFUSED);
    await client.closed();
    const { connections } = await collectConnections(server, { state: "closed" });
    assert.equal(connections.sort((a, b) => a.id - b.id).at(-1)?.reason, reason);
  }
});

test("a signature counts for nothing where no proxy is trusted", LIMIT, async (t) => {
  const { port } = await startLocalServer(t, { authorization: { users: USERS } });
  const signed = { proxy_sig: "x" };
  await (await login(t, port, undefined, { ...any, ...signed })).expect("PONG");
  await (await login(t, port, undefined, { ...behind, ...signed })).expect(REFUSED);
});

test("the one user, a token, an nkey, and who says nothing", LIMIT, async (t) => {
  const user = pairOf("user");
  const cases: [ServerOptions, object][] = [
    [{ authorization: { user: "u", password: "p", proxyRequired: true } }, { user: "u", pass: "p" }],
    [{ authorization: { token: "t", proxyRequired: true } }, { auth_token: "t" }],
    [{ authorization: { users: USERS }, noAuthUser: "behind" }, {}],
    [{ authorization: { users: [{ nkey: user.nkey, proxyRequired: true }] } }, { nkey: user.nkey }],
  ];
  for (const [options, connect] of cases) {
    const { port, server } = await startLocalServer(t, { ...trusting(stranger, proxy), ...options });
    const refused = await login(t, port, undefined, connect);
    await refused.expect(REFUSED);
    await refused.closed();
    assert.equal((await only(server, "closed")).reason, "Proxy Required");
    if ("nkey" in connect) continue;
    await (await login(t, port, proxy, connect)).expect("PONG");
  }
});

test("users of JWTs", LIMIT, async (t) => {
  const jwts = new JwtWorld();
  const options = jwts.options(jwts.preload(), trusting(proxy));
  const { port, server } = await startLocalServer(t, options);
  const jwt = userJwt(jwts.account, jwts.user, { proxy_required: true, bearer_token: true });
  const refused = await login(t, port, undefined, { jwt });
  await refused.expect(REFUSED);
  await refused.closed();
  assert.equal((await only(server, "closed")).reason, "Proxy Required");
  await (await login(t, port, proxy, { jwt })).expect("PONG");
});

test("a reload takes trust away from a proxy, and direct ways from a user", LIMIT, async (t) => {
  const options = (keys: Pair[], required: boolean): ServerOptions => ({
    ...trusting(...keys),
    authorization: { users: [{ user: "any", password: "x", proxyRequired: required }] },
  });
  const { port, server, reload } = await startLocalServer(t, options([proxy, stranger], false));
  const direct = await login(t, port, undefined, any);
  const kept = await login(t, port, proxy, any);
  const dropped = await login(t, port, stranger, any);
  for (const client of [direct, kept, dropped]) await client.expect("PONG");
  await reload(options([proxy], true));
  await direct.expect(REFUSED);
  await dropped.expect(REFUSED);
  for (const client of [direct, dropped]) await client.closed();
  kept.send("PING\r\n");
  await kept.expect("PONG");
  const { connections } = await collectConnections(server, { state: "closed" });
  assert.deepEqual(
    connections.sort((a, b) => a.id - b.id).map(({ reason }) => reason),
    ["Proxy Required", "Proxy Not Trusted"],
  );
});

test("a trusted key has to be one", async (t) => {
  const start = startLocalServer(t, { proxies: { trusted: [{ key: "NOKEY" }] } });
  await assert.rejects(start, { code: "OPTIONS_VALUE", message: /proxy trusted key "NOKEY" is invalid/ });
});

test("a signature of a proxy is a secret in the log", LIMIT, async (t) => {
  const { port, log } = await startLocalServer(t, { ...trusting(proxy), trace: true });
  await (await login(t, port, proxy, {})).expect("PONG");
  assert.match(log.matching(/CONNECT/)[0], /"proxy_sig":"\[REDACTED\]"/);
});
