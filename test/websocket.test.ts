// WebSocket clients over real sockets: the official client, logins, TLS, what monitoring tells, the end.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { headers, wsconnect } from "@nats-io/nats-core";
import { WebSocket } from "ws";
import type { ServerOptions } from "../src/options/options.js";
import { collectConnections } from "../src/server/connection-status.js";
import type { Server } from "../src/server/server.js";
import { CertificateAuthority, type MadeCertificate } from "./support/certificates.js";
import { accountJwt, operatorJwt, pairOf, userJwt } from "./support/jwt-world.js";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw } from "./support/raw-client.js";
import { temporaryFolder } from "./support/temporary-folder.js";
import { loginWebSocket, openWebSocket } from "./support/web-socket-client.js";

type Websocket = NonNullable<ServerOptions["websocket"]>;

const authority = new CertificateAuthority();
const served = authority.issue();
const mine = authority.issue({ emails: ["me@test"] });
const other = authority.issue({ emails: ["other@test"] });

function urlOf(server: Server): string {
  const { websocket } = server.addresses;
  return `${server.options.websocket?.tls === undefined ? "ws" : "wss"}://127.0.0.1:${websocket.port}`;
}

async function started(t: TestContext, websocket: Websocket = {}, options: ServerOptions = {}) {
  const listen = { host: "127.0.0.1", port: -1, noTls: websocket.tls === undefined };
  const local = await startLocalServer(t, { ...options, websocket: { ...listen, ...websocket } });
  return { ...local, url: urlOf(local.server) };
}

function tlsFiles(t: TestContext): { certFile: string; keyFile: string; caFile: string } {
  const folder = temporaryFolder(t);
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    certFile: write("cert.pem", served.certificate),
    keyFile: write("key.pem", served.key),
    caFile: write("ca.pem", authority.certificate),
  };
}

const showing = ({ certificate, key }: MadeCertificate) => ({ cert: certificate, key, ca: authority.certificate });

/** The official client on a WebSocket of the ws package, which Node 20 has none of its own for. */
function official(t: TestContext, url: string, options: object = {}) {
  const made = wsconnect({
    servers: url,
    wsFactory: async (address: string) => ({
      socket: new WebSocket(address, options) as unknown as globalThis.WebSocket,
      encrypted: address.startsWith("wss:"),
    }),
  });
  t.after(async () => (await made).close());
  return made;
}

for (const compression of [false, true]) {
  test(`the official client${compression ? ", compressed" : ""}: messages, headers, requests, a large one`, async (t) => {
    const { url, server } = await started(t, { compression });
    const nc = await official(t, url, { perMessageDeflate: compression });
    const subscription = nc.subscribe("big.*", { max: 2 });
    const sent = headers();
    sent.set("Kind", "x");
    nc.publish("big.one", "a".repeat(1_000_000), { headers: sent });
    nc.publish("big.two", new Uint8Array(65_000).fill(7));
    const seen: [string, number, string | undefined][] = [];
    for await (const m of subscription) seen.push([m.subject, m.data.length, m.headers?.get("Kind")]);
    assert.deepEqual(seen, [
      ["big.one", 1_000_000, "x"],
      ["big.two", 65_000, undefined],
    ]);
    nc.subscribe("echo", { callback: (_, m) => void m.respond(m.data) });
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) => nc.request("echo", String(i)).then((m) => m.string())),
    );
    assert.deepEqual(
      replies,
      Array.from({ length: 100 }, (_, i) => String(i)),
    );
    assert.equal((await collectConnections(server, { state: "open" })).connections[0].type, "websocket");
  });
}

test("clients over TCP and over WebSocket hear each other, and learn where they are", async (t) => {
  const { url, port, server } = await started(t);
  const web = await openWebSocket(t, url);
  const info = JSON.parse((await web.until(/\r\n$/)).slice(5));
  assert.deepEqual([info.host, info.port], ["127.0.0.1", server.addresses["websocket"].port]);
  web.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPING\r\n');
  await web.until(/PONG/);
  const plain = await connectClient(t, port);
  plain.send("SUB b 1\r\nPUB a 2\r\nhi\r\n");
  assert.equal(await web.until(/\n/), "MSG a 1 2\r\nhi\r\n");
  web.send("PUB b 5\r\nthere\r\n");
  assert.equal((await plain.next()).payload, "there");
});

test("the output of one turn is one message", async (t) => {
  const { url, port } = await started(t);
  const web = await loginWebSocket(t, url);
  web.send("SUB a 1\r\nPING\r\n");
  await web.until(/PONG/);
  web.sizes.length = 0;
  const plain = await connectClient(t, port);
  plain.send("PUB a 1\r\nx\r\n".repeat(20));
  await web.until(/(MSG a 1 1\r\nx\r\n){20}/);
  assert.deepEqual(web.sizes, [20 * 14]);
});

test("fragments, text and pings of the client", async (t) => {
  const { url } = await started(t, { compression: true });
  const web = await loginWebSocket(t, url, {}, { perMessageDeflate: true });
  const { socket } = web;
  const pong = new Promise<string>((resolve) => {
    socket.once("pong", (body) => resolve(body.toString()));
  });
  socket.send("SUB a 1\r\nPU", { fin: false, compress: true });
  socket.send("B a 200\r\n", { fin: false });
  socket.ping("between");
  socket.send(`${"z".repeat(200)}\r\n`, { fin: true });
  assert.equal(await pong, "between");
  assert.equal(await web.until(/z\r\n$/), `MSG a 1 200\r\n${"z".repeat(200)}\r\n`);
});

test("credentials from cookies fill what CONNECT leaves out", async (t) => {
  const users = [{ user: "ann", password: "pw" }];
  const names = { userCookie: "u", passCookie: "p" };
  const { url, server } = await started(t, names, { authorization: { users } });
  const login = { headers: { Cookie: 'x=1; u=ann; p="pw"' } };
  await loginWebSocket(t, url, {}, login);
  assert.equal((await collectConnections(server, { state: "open" })).connections[0].user, "ann");
  const wrong = await openWebSocket(t, url, login);
  wrong.send('CONNECT {"verbose":false,"pass":"other"}\r\n');
  assert.equal(await wrong.ended(), "1008 Authentication Failure");
  const without = await openWebSocket(t, url, { headers: { Cookie: "u=ann" } });
  without.send('CONNECT {"verbose":false}\r\n');
  assert.equal(await without.ended(), "1008 Authentication Failure");
});

test("a JWT from a cookie, for a user that needs no signature", async (t) => {
  const [operator, account, user] = [pairOf("operator"), pairOf("account"), pairOf("user")];
  const { url, server } = await started(
    t,
    { jwtCookie: "jwt" },
    {
      operators: [operatorJwt(operator)],
      resolver: { type: "MEMORY" },
      resolverPreload: { [account.nkey]: accountJwt(operator, account) },
    },
  );
  const jwt = userJwt(account, user, { bearer_token: true });
  await loginWebSocket(t, url, {}, { headers: { Cookie: `jwt=${jwt}` } });
  assert.equal((await collectConnections(server, { state: "open" })).connections[0].account, account.nkey);
  const stranger = await openWebSocket(t, url);
  stranger.send('CONNECT {"verbose":false}\r\n');
  assert.equal(await stranger.ended(), "1008 Authentication Failure");
});

test("a login of the listener's own does not concern the others", async (t) => {
  const { url, port, reload, server } = await started(t, { authorization: { token: "secret" } });
  assert.equal((await (await connectRaw(t, port)).info())["auth_required"], undefined);
  await connectClient(t, port);
  const web = await openWebSocket(t, url);
  assert.match(await web.until(/\r\n$/), /"auth_required":true/);
  web.send('CONNECT {"verbose":false,"auth_token":"wrong"}\r\n');
  assert.equal(await web.ended(), "1008 Authentication Failure");
  const inside = await loginWebSocket(t, url, { auth_token: "secret" });
  const silent = await openWebSocket(t, url);
  silent.send("PUB a 0\r\n\r\n");
  assert.equal(await silent.ended(), "1008 Authentication Failure");
  const { websocket } = server.options;
  await reload({ websocket: { ...websocket, allowedOrigins: undefined }, debug: true });
  inside.send("PING\r\n");
  assert.equal(await inside.until(/\n/), "PONG\r\n");
});

test("clients that say nothing are the listener's no_auth_user", async (t) => {
  const users = [
    { user: "web", password: "pw", permissions: { publish: { allow: ["ok"] } } },
    { user: "other", password: "pw" },
  ];
  const { url, port } = await started(t, { noAuthUser: "web" }, { authorization: { users } });
  const web = await openWebSocket(t, url);
  await web.until(/^INFO/);
  web.send("PUB no 0\r\n\r\nPING\r\n");
  assert.match(await web.until(/PONG/), /Permissions Violation for Publish to "no"/);
  await loginWebSocket(t, url, { user: "other", pass: "pw" });
  const plain = await connectRaw(t, port);
  await plain.info();
  plain.send("PING\r\n");
  assert.equal((await plain.next()).line, "-ERR 'Authorization Violation'");
});

test("INFO asks WebSocket clients for a login also where the server lets in those who say nothing", async (t) => {
  const users = [{ user: "visitor", password: "pw" }];
  const { url, port } = await started(t, {}, { noAuthUser: "visitor", authorization: { users } });
  const web = await openWebSocket(t, url);
  assert.match(await web.until(/\r\n$/), /"auth_required":true/);
  web.send("PING\r\n");
  assert.equal(await web.until(/\n/), "PONG\r\n");
  assert.equal((await (await connectRaw(t, port)).info())["auth_required"], undefined);
});

test("only from the pages that are allowed", async (t) => {
  const { url } = await started(t, { allowedOrigins: ["https://app.test"], headers: { "X-Server": "n" } });
  await loginWebSocket(t, url, {}, { origin: "https://app.test" });
  await loginWebSocket(t, url);
  await assert.rejects(openWebSocket(t, url, { origin: "https://evil.test" }), /status 403/);
  await assert.rejects(openWebSocket(t, `${url}/mqtt`), /status 404/);
  const leaf = await openWebSocket(t, `${url}/leafnode`);
  assert.equal(await leaf.ended(), "1006");
});

test("over TLS: a client's certificate is its user", async (t) => {
  const files = tlsFiles(t);
  const users = [{ user: "me@test", permissions: { publish: { allow: ["ok"] } } }];
  const tls = { ...files, verifyAndMap: true };
  const { url, server, log } = await started(t, { tls }, { authorization: { users } });
  const nc = await official(t, url, showing(mine));
  await nc.flush();
  const [client] = (await collectConnections(server, { state: "open" })).connections;
  assert.deepEqual([client.user, client.tls?.version, client.tls?.first], ["me@test", "1.3", false]);
  const info = nc.info;
  assert.deepEqual([info?.tls_required, info?.tls_available, info?.tls_verify], [true, true, undefined]);
  const stranger = await openWebSocket(t, url, showing(other));
  stranger.send('CONNECT {"verbose":false}\r\n');
  assert.equal(await stranger.ended(), "1008 Authentication Failure");
  await assert.rejects(openWebSocket(t, url, { ca: authority.certificate }).then((one) => one.until(/INFO/)));
  assert.match(log.matching(/TLS handshake error from 127\.0\.0\.1:\d+: /)[0], /^error websocket: /);
});

test("a reload brings new certificates and pins, without a pause for those that fit", async (t) => {
  const files = tlsFiles(t);
  const tls = { ...files, verify: true };
  const { url, server, reload } = await started(t, { tls });
  const first = await loginWebSocket(t, url, {}, showing(mine));
  const second = await loginWebSocket(t, url, {}, showing(other));
  const { websocket } = server.options;
  await reload({ websocket: { ...websocket, tls: { ...tls, pinnedCerts: [mine.publicKeySha256] } } });
  assert.equal(await second.ended(), "1008 TLS Handshake Failure");
  first.send("PING\r\n");
  assert.equal(await first.until(/\n/), "PONG\r\n");
});

test("the end of the server has a code and a reason, and lame duck mode lets nobody in", async (t) => {
  const options = { lameDuckDurationMs: 30_000, lameDuckGracePeriodMs: 10_000 };
  const { url, server } = await started(t, {}, options);
  const web = await loginWebSocket(t, url, { protocol: 1 });
  await web.until(/INFO/).catch(() => "");
  void server.lameDuck();
  assert.match(await web.until(/"ldm":true/), /INFO/);
  await assert.rejects(openWebSocket(t, url), { code: "ECONNREFUSED" });
  await server.close();
  assert.equal(await web.ended(), "1001 Server Shutdown");
});
