// TLS on the client port over real sockets: when INFO comes, who is let in, what is logged, what a reload changes.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { get } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { ServerOptions } from "../src/options/options.js";
import { collectConnections } from "../src/server/connection-status.js";
import { CertificateAuthority, type MadeCertificate } from "./support/certificates.js";
import { type LinesLogger, startLocalServer } from "./support/local-server.js";
import { connectRaw, RawClient } from "./support/raw-client.js";
import { temporaryFolder } from "./support/temporary-folder.js";

type TlsOptions = NonNullable<ServerOptions["tls"]>;

const authority = new CertificateAuthority();
const served = authority.issue();
const mine = authority.issue({ emails: ["me@test"] });
const other = authority.issue({ emails: ["other@test"] });

/** Writes the server's files; returns the options that name them. */
function files(t: TestContext, certificate: MadeCertificate = served): TlsOptions & { certFile: string } {
  const folder = temporaryFolder(t);
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    certFile: write("cert.pem", certificate.certificate),
    keyFile: write("key.pem", certificate.key),
    caFile: write("ca.pem", authority.certificate),
  };
}

const showing = ({ certificate, key }: MadeCertificate): ConnectionOptions => ({ cert: certificate, key });

/** Makes the client's handshake on a connection and speaks through it from then on. */
async function upgrade(plain: RawClient, options: ConnectionOptions = {}): Promise<RawClient> {
  plain.socket.removeAllListeners("data");
  const secured = connectTls({ socket: plain.socket, ca: authority.certificate, servername: "localhost", ...options });
  const client = new RawClient(secured);
  await new Promise<void>((resolve) => {
    secured.once("secureConnect", resolve);
    secured.once("close", resolve);
  });
  return client;
}

/** Connects, takes INFO, makes the handshake. */
async function connectSecured(t: TestContext, port: number, options: ConnectionOptions = {}): Promise<RawClient> {
  const plain = await connectRaw(t, port);
  await plain.info();
  return await upgrade(plain, options);
}

/** Waits for the line of the log that matches; a client may see its end before the server speaks of it. */
async function logged(log: LinesLogger, pattern: RegExp): Promise<void> {
  while (log.matching(pattern).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

const CONNECT = 'CONNECT {"verbose":false}\r\n';

test("INFO in the clear, then TLS", { timeout: 20_000 }, async (t) => {
  const { port, log, server } = await startLocalServer(t, { tls: files(t) });
  const plain = await connectRaw(t, port);
  const info = await plain.info();
  assert.equal(info["tls_required"], true);
  assert.equal(info["tls_verify"], undefined);
  assert.equal(info["tls_available"], undefined);
  const client = await upgrade(plain);
  client.send(`${CONNECT}SUB foo 1\r\nPUB foo 100000\r\n${"x".repeat(100_000)}\r\n`);
  const [message] = await client.sync();
  assert.equal(message.payload.length, 100_000);
  assert.equal(log.matching(/^info TLS required for client connections/).length, 1);
  assert.equal(log.matching(/^debug .* - Starting TLS client connection handshake/).length, 1);
  assert.equal(log.matching(/^debug .* - TLS version 1.3, cipher suite TLS_AES_128_GCM_SHA256/).length, 1);
  const { connections } = await collectConnections(server, { state: "open" });
  assert.deepEqual(connections[0].tls, {
    version: "1.3",
    cipherSuite: "TLS_AES_128_GCM_SHA256",
    first: false,
    peerCertificates: [],
  });
  client.send("PUB foo 1\r\ny\r\n");
  client.socket.end();
  assert.equal((await client.closed())[0].payload, "y");
});

test("who does not make the handshake is closed without a word", { timeout: 20_000 }, async (t) => {
  const { port, log, server } = await startLocalServer(t, { tls: { ...files(t), timeoutMs: 150 } });
  const attempt = async (say: string | undefined, pattern: RegExp): Promise<void> => {
    const client = await connectRaw(t, port);
    await client.info();
    if (say !== undefined) client.send(say);
    assert.deepEqual(await client.closed(), []);
    await logged(log, pattern);
    log.lines.length = 0;
  };
  await attempt("PING\r\n", /^debug .* - TLS handshake error: tls: first record does not look like a TLS handshake/);
  await attempt("\x16\x03\x01", /^debug .* - TLS handshake error: read tcp 127.*->127.*: i\/o timeout/);
  await attempt(undefined, /^debug .* - TLS handshake error: read tcp 127.*->127.*: i\/o timeout/);
  const leaver = await connectRaw(t, port);
  await leaver.info();
  const gone = new Promise<void>((resolve) => server.events.on("disconnect", () => resolve()));
  leaver.socket.end();
  await gone;
  assert.equal(log.matching(/^error .* - TLS handshake error: EOF/).length, 1);
  assert.equal(log.matching(/Client connection closed: TLS Handshake Failure/).length, 1);
  assert.equal(server.clients.size, 0);
});

test("the login timeout begins after the handshake", { timeout: 20_000 }, async (t) => {
  const authorization = { user: "u", password: "p", timeoutMs: 100 };
  const { port } = await startLocalServer(t, { tls: { ...files(t), timeoutMs: 3_000 }, authorization });
  const plain = await connectRaw(t, port);
  await plain.info();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const client = await upgrade(plain);
  await client.expect("-ERR 'Authentication Timeout'");
});

test("verify lets in only those with a certificate of the authority", { timeout: 20_000 }, async (t) => {
  const { port, log, server } = await startLocalServer(t, { tls: { ...files(t), verify: true } });
  const client = await connectSecured(t, port, showing(mine));
  client.send(CONNECT);
  assert.deepEqual(await client.sync(), []);
  const { connections } = await collectConnections(server, { state: "open" });
  assert.equal(connections[0].tls?.peerCertificates[0].publicKeySha256, mine.publicKeySha256);
  assert.equal(connections[0].tls?.peerCertificates[0].subject, "CN=test");
  const stranger = await connectSecured(t, port, showing(new CertificateAuthority("stranger").issue()));
  assert.deepEqual(await stranger.closed(), []);
  await logged(log, /TLS handshake error: .*x509: certificate signed by unknown authority/);
  const nobody = await connectSecured(t, port);
  assert.deepEqual(await nobody.closed(), []);
  await logged(log, /TLS handshake error: tls: client didn't provide a certificate/);
});

test("verify_and_map makes the certificate the login", { timeout: 20_000 }, async (t) => {
  const users = [{ user: "me@test", permissions: { publish: { allow: ["ok"] } } }];
  const options = { tls: { ...files(t), verifyAndMap: true }, authorization: { users } };
  const { port, reload, server } = await startLocalServer(t, options);
  const client = await connectSecured(t, port, showing(mine));
  client.send(`${CONNECT}PUB no 0\r\n\r\n`);
  assert.deepEqual(
    (await client.sync()).map(({ line }) => line),
    [`-ERR 'Permissions Violation for Publish to "no"'`],
  );
  const { connections } = await collectConnections(server, { state: "open" });
  assert.equal(connections[0].user, "me@test");
  const unknown = await connectSecured(t, port, showing(other));
  unknown.send(CONNECT);
  await unknown.expect("-ERR 'Authorization Violation'");
  await reload({ ...options, authorization: { users: [{ user: "me@test" }] } });
  client.send("PUB no 0\r\n\r\n");
  assert.deepEqual(await client.sync(), []);
  await reload({ ...options, authorization: { users: [{ user: "other@test" }] } });
  await client.closed();
});

test("pinned certificates, at the handshake and on a reload", { timeout: 20_000 }, async (t) => {
  const tls = { ...files(t), verify: true };
  const pinnedCerts = [mine.publicKeySha256];
  const { port, log, reload } = await startLocalServer(t, { tls: { ...tls, pinnedCerts } });
  const client = await connectSecured(t, port, showing(mine));
  client.send(CONNECT);
  assert.deepEqual(await client.sync(), []);
  const refused = await connectSecured(t, port, showing(other));
  await refused.closed();
  await logged(log, /TLS handshake error: certificate not pinned/);
  await reload({ tls: { ...tls, pinnedCerts: [other.publicKeySha256] } });
  await client.closed();
});

test("handshake first: INFO only inside TLS", { timeout: 20_000 }, async (t) => {
  const { port, log, server } = await startLocalServer(t, { tls: { ...files(t), handshakeFirst: true } });
  const client = await upgrade(await connectRaw(t, port));
  assert.equal((await client.info())["tls_required"], true);
  client.send(CONNECT);
  assert.deepEqual(await client.sync(), []);
  const { connections } = await collectConnections(server, { state: "open" });
  assert.equal(connections[0].tls?.first, true);
  const plain = await connectRaw(t, port);
  plain.send("PING\r\n");
  assert.deepEqual(await plain.closed(), []);
  assert.equal(log.matching(/^warn Clients that are not using "TLS Handshake First" option will fail/).length, 1);
});

test("handshake first for a while, then INFO in the clear", { timeout: 20_000 }, async (t) => {
  const tls = { ...files(t), handshakeFirst: true, handshakeFirstFallbackMs: 200 };
  const { port, server } = await startLocalServer(t, { tls });
  const first = await upgrade(await connectRaw(t, port));
  await first.info();
  const second = await connectSecured(t, port);
  for (const client of [first, second]) {
    client.send(CONNECT);
    assert.deepEqual(await client.sync(), []);
  }
  const { connections } = await collectConnections(server, { state: "open" });
  assert.deepEqual(
    connections.map((one) => one.tls?.first),
    [true, false],
  );
});

test("allow_non_tls: each client as it likes", { timeout: 20_000 }, async (t) => {
  const { port, log } = await startLocalServer(t, { tls: { ...files(t), timeoutMs: 100 }, allowNonTls: true });
  const plain = await connectRaw(t, port);
  const info = await plain.info();
  assert.deepEqual([info["tls_required"], info["tls_available"]], [undefined, true]);
  plain.send(`${CONNECT}SUB foo 1\r\n`);
  assert.deepEqual(await plain.sync(), []);
  const secured = await connectSecured(t, port);
  secured.send(`${CONNECT}PUB foo 2\r\nhi\r\n`);
  assert.deepEqual(await secured.sync(), []);
  assert.equal((await plain.next()).payload, "hi");
  const silent = await connectRaw(t, port);
  await silent.info();
  await new Promise((resolve) => setTimeout(resolve, 200));
  silent.send(CONNECT);
  assert.deepEqual(await silent.sync(), []);
  plain.socket.end("PUB foo 3\r\nbye\r\n");
  assert.equal((await plain.closed())[0].payload, "bye");
  assert.equal(log.matching(/^info TLS available for client connections/).length, 1);
});

test("more handshakes a second than the limit are turned away", { timeout: 20_000 }, async (t) => {
  const { port, log } = await startLocalServer(t, { tls: { ...files(t), connectionRateLimit: 2 } });
  const clients = [];
  for (let i = 0; i < 3; i++) clients.push(await connectRaw(t, port));
  for (const client of clients) await client.info();
  await clients[2].expect("-ERR 'Connection throttling is active. Please try again later.'");
  assert.deepEqual(await clients[2].closed(), []);
  const secured = await upgrade(clients[1]);
  secured.send(CONNECT);
  assert.deepEqual(await secured.sync(), []);
  await logged(log, /^warn Rejected 1 connections due to TLS rate limiting/);
});

test("a reload turns TLS on, changes certificates and turns it off, for new connections", {
  timeout: 20_000,
}, async (t) => {
  const { port, reload } = await startLocalServer(t);
  const before = await connectRaw(t, port);
  assert.equal((await before.info())["tls_required"], undefined);
  const shownTo = async (): Promise<string> => {
    const client = await connectSecured(t, port, { checkServerIdentity: () => undefined });
    return (client.socket as ReturnType<typeof connectTls>).getPeerX509Certificate()?.subjectAltName ?? "";
  };
  const tls = files(t);
  await reload({ tls });
  assert.match(await shownTo(), /DNS:localhost/);
  writeFileSync(tls.certFile, authority.issue({ dns: ["new.test"] }).certificate);
  await assert.rejects(reload({ tls }), { code: "TLS_SETTINGS" });
  assert.match(await shownTo(), /DNS:localhost/);
  await reload({ tls: files(t, authority.issue({ dns: ["new.test"] })) });
  assert.match(await shownTo(), /DNS:new.test/);
  await reload({});
  assert.equal((await (await connectRaw(t, port)).info())["tls_required"], undefined);
  before.send(CONNECT);
  assert.deepEqual(await before.sync(), []);
});

test("HTTPS shows the certificate of the client port and asks for none", { timeout: 20_000 }, async (t) => {
  const tls = { ...files(t), verify: true };
  const { server, port, reload } = await startLocalServer(t, { tls, httpsPort: -1 });
  const monitoring = server.addresses["monitoring"]?.port;
  const page = (path: string): Promise<{ status: number | undefined; body: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: monitoring, path, ca: authority.certificate, agent: false };
      get(options, async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode, body: JSON.parse(text) as Record<string, unknown> });
      }).on("error", reject);
    });
  const { status, body } = await page("/varz");
  assert.equal(status, 200);
  assert.deepEqual([body["tls_required"], body["tls_verify"], body["tls_timeout"]], [true, true, 2]);
  assert.match(String(body["tls_cert_not_after"]), /^20\d\d-/);
  const client = await connectSecured(t, port, showing(mine));
  client.send(CONNECT);
  await client.sync();
  const connections = (await page("/connz?auth=1")).body["connections"] as Record<string, unknown>[];
  assert.deepEqual(
    [connections[0]["tls_version"], connections[0]["tls_cipher_suite"]],
    ["1.3", "TLS_AES_128_GCM_SHA256"],
  );
  const [shown] = connections[0]["tls_peer_certs"] as Record<string, unknown>[];
  assert.deepEqual([shown["subject"], shown["subject_pk_sha256"]], ["CN=test", mine.publicKeySha256]);
  const options = { tls: files(t, authority.issue({ dns: ["new.test"] })), httpsPort: -1 };
  await reload(options);
  await assert.rejects(page("/varz"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
});

test("a server whose certificates cannot be used does not start", async (t) => {
  const tls = { ...files(t), keyFile: join(temporaryFolder(t), "none.pem") };
  await assert.rejects(startLocalServer(t, { tls }), { code: "AUTH_CERTIFICATE_FILE" });
});

test("a close in the middle of handshakes leaves nothing behind", { timeout: 20_000 }, async (t) => {
  const { port, server } = await startLocalServer(t, { tls: files(t) });
  const waiting = await connectRaw(t, port);
  await waiting.info();
  const halfway = connect(port, "127.0.0.1");
  await once(halfway, "data");
  halfway.write(Buffer.from([22, 3, 1, 1, 0, 1]));
  await server.close();
  assert.deepEqual(await waiting.closed(), []);
  assert.equal(server.clients.size, 0);
  halfway.destroy();
});

test("many handshakes at once all succeed", { timeout: 30_000 }, async (t) => {
  const { port, server } = await startLocalServer(t, { tls: { ...files(t), timeoutMs: 20_000 } });
  const clients = await Promise.all(Array.from({ length: 100 }, () => connectSecured(t, port)));
  await Promise.all(
    clients.map((client) => {
      client.send(CONNECT);
      return client.sync();
    }),
  );
  assert.equal(server.clients.size, 100);
});
