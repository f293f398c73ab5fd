import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { CertificateAuthority, type MadeCertificate } from "../../../test/support/certificates.js";
import type { Transport, TransportHandler } from "../network.js";
import type { TlsContext, TlsError, TlsSession, TlsSettings } from "../tls.js";
import { NodeNetwork } from "./network.js";

const network = new NodeNetwork();
const authority = new CertificateAuthority();
const localhost = authority.issue();

function settingsOf(pairs: readonly MadeCertificate[], more: Partial<TlsSettings> = {}): TlsSettings {
  return {
    pairs,
    authorities: undefined,
    verify: false,
    minVersion: "1.2",
    cipherSuites: undefined,
    curves: undefined,
    ...more,
  };
}

const contextOf = (pairs: readonly MadeCertificate[] = [localhost], more?: Partial<TlsSettings>): TlsContext =>
  network.tlsContext(settingsOf(pairs, more));

/** Listens, and hands out the transports of those who connect. */
async function listen(t: TestContext): Promise<{ port: number; next(): Promise<Transport> }> {
  const accepted: Transport[] = [];
  const waiting: ((transport: Transport) => void)[] = [];
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, (transport) => {
    const taker = waiting.shift();
    if (taker === undefined) accepted.push(transport);
    else taker(transport);
  });
  t.after(() => listener.close());
  return {
    port: listener.port,
    next: async () => accepted.shift() ?? (await new Promise<Transport>((resolve) => waiting.push(resolve))),
  };
}

function secure(transport: Transport, context: TlsContext): Promise<TlsSession> {
  assert.ok(transport.secure);
  return transport.secure(context);
}

class Recorder implements TransportHandler {
  text = "";
  drains = 0;
  ended = false;
  closed = false;
  error: Error | undefined;
  #check: () => void = () => {};
  onData(chunk: Buffer, start: number, end: number): void {
    this.text += chunk.toString("latin1", start, end);
    this.#check();
  }
  onDrain(): void {
    this.drains++;
    this.#check();
  }
  onEnd(): void {
    this.ended = true;
    this.#check();
  }
  onClose(error?: Error): void {
    this.closed = true;
    this.error = error;
    this.#check();
  }
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#check = () => {
        if (holds()) resolve();
      };
      this.#check();
    });
  }
}

/** The server's session, or its error, of a handshake with a client of Node's own. */
async function handshake(
  t: TestContext,
  context: TlsContext,
  client: ConnectionOptions = {},
): Promise<{ session?: TlsSession; error?: TlsError; shown?: string }> {
  const server = await listen(t);
  const socket = connectTls({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false, ...client });
  socket.on("error", () => {});
  const transport = await server.next();
  try {
    const session = await secure(transport, context);
    transport.start(new Recorder());
    const shown = socket.getPeerCertificate().subject?.CN as string | undefined;
    socket.destroy();
    return { session, shown };
  } catch (error) {
    socket.destroy();
    return { error: error as TlsError };
  }
}

test("both sides of a connection go on in TLS after what they said in the clear", { timeout: 10_000 }, async (t) => {
  const server = await listen(t);
  const client = await network.dial({ host: "127.0.0.1", port: server.port, timeoutMs: 2000 });
  const transport = await server.next();
  transport.write([Buffer.from("INFO\r\n")]);
  const answers = new Recorder();
  client.start(answers);
  await answers.until(() => answers.text === "INFO\r\n");
  assert.ok(client.secure);
  const peer = { serverName: "localhost", insecure: false };
  const [session, clientSession] = await Promise.all([
    secure(transport, contextOf()),
    client.secure(contextOf([], { authorities: authority.certificate }), peer),
  ]);
  assert.equal(session.version, "1.3");
  assert.equal(session.cipherSuite, "TLS_AES_128_GCM_SHA256");
  assert.deepEqual(session.peerCertificates, []);
  assert.equal(transport.tls, session);
  assert.deepEqual(Buffer.from(clientSession.peerCertificates[0]), localhost.der);

  const requests = new Recorder();
  transport.start(requests);
  client.write([Buffer.from("PING\r\n")]);
  await requests.until(() => requests.text === "PING\r\n");
  const large = "x".repeat(300_000);
  transport.write([Buffer.from("PO"), Buffer.from("NG\r\n"), Buffer.from(large)]);
  assert.ok(transport.bufferedBytes > 0);
  await answers.until(() => answers.text.length === 6 + 6 + large.length);
  assert.equal(answers.text, `INFO\r\nPONG\r\n${large}`);
  await requests.until(() => requests.drains > 0);
  assert.equal(transport.bufferedBytes, 0);

  client.end();
  await requests.until(() => requests.ended);
  transport.write([Buffer.from("late")]);
  transport.end();
  await requests.until(() => requests.closed);
  assert.equal(requests.error, undefined);
});

test("the client checks who answers, unless it is told not to", { timeout: 10_000 }, async (t) => {
  const server = await listen(t);
  const attempt = async (serverName: string, insecure: boolean, authorities?: string): Promise<string> => {
    const client = await network.dial({ host: "127.0.0.1", port: server.port, timeoutMs: 2000 });
    const transport = await server.next();
    const serverSide = secure(transport, contextOf()).catch(() => {});
    const context = contextOf([], { authorities });
    assert.ok(client.secure);
    const result = await client.secure(context, { serverName, insecure }).then(
      () => "secured",
      (error: TlsError) => `${error.code}: ${error.message}`,
    );
    client.destroy();
    await serverSide;
    transport.destroy();
    return result;
  };
  const { certificate } = authority;
  assert.equal(await attempt("localhost", false, certificate), "secured");
  assert.equal(await attempt("127.0.0.1", false, certificate), "secured");
  assert.match(await attempt("elsewhere", false, certificate), /^TLS_CERTIFICATE: .*elsewhere/);
  const stranger = new CertificateAuthority("stranger").certificate;
  assert.match(await attempt("localhost", false, stranger), /^TLS_CERTIFICATE: .*unknown authority/);
  assert.equal(await attempt("elsewhere", true), "secured");
});

test("a server that verifies wants a certificate of its authorities", { timeout: 10_000 }, async (t) => {
  const context = contextOf([localhost], { verify: true, authorities: authority.certificate });
  const mine = authority.issue({ emails: ["a@test"] });
  const known = await handshake(t, context, { cert: mine.certificate, key: mine.key });
  assert.deepEqual(
    known.session?.peerCertificates.map((der) => Buffer.from(der)),
    [mine.der],
  );
  const refused = async (client: ConnectionOptions): Promise<string> => {
    const { error } = await handshake(t, context, client);
    assert.equal(error?.code, "TLS_CERTIFICATE");
    return error.message;
  };
  const strange = new CertificateAuthority("stranger").issue();
  const unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
  assert.equal(await refused({ cert: strange.certificate, key: strange.key }), unknown);
  assert.equal(await refused({}), "tls: client didn't provide a certificate");
  const old = authority.issue({ validToMs: Date.now() - 1000 });
  assert.match(await refused({ cert: old.certificate, key: old.key }), /has expired or is not yet valid/);
});

test("the name that the client asks for chooses the certificate", { timeout: 10_000 }, async (t) => {
  const one = authority.issue({ dns: ["one.test", "*.one.test"] });
  const two = authority.issue({ dns: ["two.test"] });
  const twoRsa = authority.issue({ dns: ["two.test"], subject: [["2.5.4.3", "two rsa"]], rsa: true });
  const context = contextOf([one, two, twoRsa]);
  const shown = async (client: ConnectionOptions): Promise<string | undefined> =>
    (await handshake(t, context, client)).shown;
  assert.equal(await shown({ servername: "two.test" }), "two.test");
  assert.equal(await shown({ servername: "a.one.test" }), "one.test");
  assert.equal(await shown({ servername: "three.test" }), "one.test");
  assert.equal(await shown({}), "one.test");
  const rsaOnly = { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" } as const;
  assert.equal(await shown({ servername: "two.test", ...rsaOnly }), "two rsa");
});

test("versions, suites and curves are kept to", { timeout: 10_000 }, async (t) => {
  const only13 = contextOf([localhost], { minVersion: "1.3" });
  const { error } = await handshake(t, only13, { maxVersion: "TLSv1.2" });
  assert.equal(error?.message, "tls: client offered only unsupported versions");
  const old = await handshake(t, contextOf(), { maxVersion: "TLSv1.2" });
  assert.equal(old.session?.version, "1.2");
  assert.equal(old.session?.cipherSuite, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");

  const suites = ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"];
  for (const suite of [...suites, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"]) {
    const context = contextOf([localhost], { cipherSuites: ["TLS_RSA_WITH_RC4_128_SHA", suite] });
    const chosen = await handshake(t, context, { maxVersion: "TLSv1.2" });
    assert.equal(chosen.session?.cipherSuite, suite);
  }
  const chacha = contextOf([localhost], { cipherSuites: suites });
  const without = await handshake(t, chacha, { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" });
  assert.equal(without.error?.message, "tls: no cipher suite supported by both client and server");
  assert.equal((await handshake(t, chacha)).session?.version, "1.3");

  const curves = contextOf([localhost], { curves: ["CurveP384"] });
  assert.equal((await handshake(t, curves, { ecdhCurve: "P-384" })).session?.version, "1.3");
  assert.equal((await handshake(t, curves, { ecdhCurve: "X25519" })).error?.code, "TLS_HANDSHAKE");
});

test("settings that make no sense are refused at once", () => {
  const refused = (pairs: readonly MadeCertificate[], more?: Partial<TlsSettings>): void =>
    assert.throws(() => contextOf(pairs, more), { name: "TlsError", code: "TLS_SETTINGS" });
  refused([{ ...localhost, key: authority.issue().key }]);
  refused([{ ...localhost, certificate: "no certificate" }]);
  refused([localhost], { curves: ["round"] });
  assert.equal(contextOf([localhost], { curves: ["round", "X25519"] }).settings.verify, false);
  const ends = contextOf([authority.issue({ validToMs: Date.UTC(2050, 0, 1) })]).expiresMs;
  assert.equal(ends, Date.UTC(2050, 0, 1));
});

test("who does not speak TLS, or leaves, ends the handshake", { timeout: 10_000 }, async (t) => {
  const server = await listen(t);
  const attempt = async (say: (socket: ReturnType<typeof connect>) => void): Promise<string> => {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => {});
    say(socket);
    const transport = await server.next();
    const error = await secure(transport, contextOf()).then(
      () => undefined,
      (reason: TlsError) => reason,
    );
    socket.destroy();
    return `${error?.code}: ${error?.message}`;
  };
  const notTls = "TLS_NOT_TLS: tls: first record does not look like a TLS handshake";
  assert.equal(await attempt((socket) => socket.write("PING\r\nPING\r\n")), notTls);
  assert.equal(await attempt((socket) => socket.end()), "TLS_CLOSED: EOF");
  assert.equal(await attempt((socket) => socket.end(Buffer.from([22, 3, 1]))), "TLS_CLOSED: EOF");
});

test("the first bytes are looked at and stay to be read", { timeout: 10_000 }, async (t) => {
  const server = await listen(t);
  const socket = connect(server.port, "127.0.0.1");
  const transport = await server.next();
  assert.ok(transport.firstBytes);
  assert.equal((await transport.firstBytes(5))?.length, 0);
  socket.write("PI");
  assert.equal(String(await transport.firstBytes(5_000)), "PI");
  assert.equal(String(await transport.firstBytes(5_000)), "PI");
  const recorder = new Recorder();
  transport.start(recorder);
  socket.write("NG\r\n");
  await recorder.until(() => recorder.text === "PING\r\n");
  transport.write([Buffer.from("PONG\r\n")]);
  assert.equal(String(await once(socket, "data")), "PONG\r\n");
  socket.end();
  await recorder.until(() => recorder.ended);
  transport.end();
  await recorder.until(() => recorder.closed);
});

test("so many first bytes are waited for as are asked for, and can be taken away", { timeout: 10_000 }, async (t) => {
  const server = await listen(t);
  const socket = connect(server.port, "127.0.0.1");
  const transport = await server.next();
  assert.ok(transport.firstBytes && transport.skipBytes);
  socket.write("he");
  assert.equal(String(await transport.firstBytes(5_000)), "he");
  assert.equal(String(await transport.firstBytes(20, 5)), "he");
  const header = transport.firstBytes(5_000, 5);
  for (const byte of "ader") {
    socket.write(byte);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal(String(await header), "header");
  const more = transport.firstBytes(5_000, 6);
  socket.write("PING");
  assert.match(String(await more), /^headerP/);
  transport.skipBytes(6);
  const recorder = new Recorder();
  transport.start(recorder);
  await recorder.until(() => recorder.text === "PING");
  transport.destroy();
  await recorder.until(() => recorder.closed);
});

test("fewer first bytes than asked for, and then the end", { timeout: 10_000 }, async (t) => {
  const server = await listen(t);
  const socket = connect(server.port, "127.0.0.1");
  const transport = await server.next();
  assert.ok(transport.firstBytes);
  const first = transport.firstBytes(5_000, 5);
  socket.end("he");
  assert.equal(await first, undefined);
  transport.destroy();
});

test("nothing more comes from who has ended before the first byte", { timeout: 10_000 }, async (t) => {
  const server = await listen(t);
  const socket = connect(server.port, "127.0.0.1");
  const transport = await server.next();
  assert.ok(transport.firstBytes);
  const first = transport.firstBytes(5_000);
  socket.end();
  assert.equal(await first, undefined);
  transport.destroy();
  assert.equal(await transport.firstBytes(5_000), undefined);
});

test("who has ended its side in TLS still gets what comes later", { timeout: 10_000 }, async (t) => {
  const server = await listen(t);
  const socket = connectTls({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false });
  const transport = await server.next();
  await secure(transport, contextOf());
  const recorder = new Recorder();
  transport.start(recorder);
  let text = "";
  socket.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  socket.end("bye");
  await recorder.until(() => recorder.ended);
  assert.equal(recorder.text, "bye");
  await new Promise((resolve) => setTimeout(resolve, 20));
  transport.write([Buffer.from("late")]);
  transport.end();
  await once(socket, "close");
  assert.equal(text, "late");
});
