// Logins that the application decides: what its function learns, what it grants, and what becomes of it at a reload.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { publicNkey } from "../src/auth/nkey.js";
import {
  type Authenticate,
  type ConnectingClient,
  type LoginGrant,
  type NatsServer,
  OptionsError,
  type StartOptions,
  startServer,
} from "../src/index.js";
import { CertificateAuthority } from "./support/certificates.js";
import { LinesLogger } from "./support/local-server.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const OK = "PONG\r\n";
const REFUSED = "-ERR 'Authorization Violation'\r\n";

async function started(t: TestContext, authenticate: Authenticate, options: StartOptions = {}): Promise<NatsServer> {
  const server = await startServer({ host: "127.0.0.1", port: -1, authenticate, ...options });
  t.after(() => server.close());
  return server;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** A client that speaks bytes and remembers what it was told. */
class Client {
  readonly socket: Socket;
  text = "";
  #waiting: (() => void) | undefined;

  private constructor(port: number) {
    this.socket = dial(port, "127.0.0.1");
    this.socket.setEncoding("latin1");
    this.socket.on("error", () => {});
    this.socket.on("data", (text: string) => {
      this.text += text;
      this.#waiting?.();
    });
  }

  static async open(t: TestContext, server: NatsServer): Promise<Client> {
    const client = new Client(server.address.port);
    t.after(() => void client.socket.destroy());
    await client.until(/INFO .*\r\n/);
    return client;
  }

  /** Connects, logs in, and returns the answer: a PONG or an error. */
  static async login(t: TestContext, server: NatsServer, connect: object): Promise<{ client: Client; answer: string }> {
    const client = await Client.open(t, server);
    client.text = "";
    return { client, answer: await client.connect(connect) };
  }

  async connect(connect: object): Promise<string> {
    this.send(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, protocol: 1, ...connect })}\r\nPING\r\n`);
    return this.until(/PONG\r\n|-ERR .*\r\n/);
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Waits for a match in what was received and returns it. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match[0];
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }
}

async function answerTo(t: TestContext, server: NatsServer, connect: object): Promise<string> {
  return (await Client.login(t, server, connect)).answer;
}

test("the function learns what the client says, as plain data", async (t) => {
  const seen: ConnectingClient[] = [];
  const server = await started(t, (client) => {
    seen.push(client);
    return {};
  });
  const said = { name: "n", lang: "raw", version: "1", user: "u", pass: "p", auth_token: "t", jwt: "j" };
  assert.equal(await answerTo(t, server, said), OK);
  assert.equal(await answerTo(t, server, {}), OK);
  const where = { remoteAddress: "127.0.0.1", inProcess: false, tls: undefined, nkey: "" };
  assert.deepEqual(seen, [
    { ...where, id: 1, name: "n", lang: "raw", version: "1", user: "u", password: "p", token: "t", jwt: "j" },
    { ...where, id: 2, name: "", lang: "", version: "", user: "", password: "", token: "", jwt: "" },
  ]);
});

test("in-process connections ask it too", async (t) => {
  const seen: ConnectingClient[] = [];
  const server = await started(t, (client) => {
    seen.push(client);
    return client.user === "inside" ? {} : undefined;
  });
  await (await server.connect({ user: "inside", pass: "p" })).close();
  await assert.rejects(server.connect({ user: "other", pass: "p", reconnect: false }), /authorization violation/i);
  assert.deepEqual([seen[0].inProcess, seen[0].password], [true, "p"]);
});

test("an nkey is told only when the client has signed the nonce with it", async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const nkey = publicNkey("user", publicKey.export({ type: "spki", format: "der" }).subarray(-32));
  const seen: string[] = [];
  const server = await started(t, (client) => {
    seen.push(client.nkey);
    return client.nkey === nkey ? {} : undefined;
  });
  const honest = await Client.open(t, server);
  const [, nonce] = /"nonce":"([^"]+)"/.exec(honest.text) as RegExpExecArray;
  honest.text = "";
  const sig = sign(null, Buffer.from(nonce), privateKey).toString("base64url");
  assert.equal(await honest.connect({ nkey, sig }), OK);
  assert.equal(await answerTo(t, server, { nkey, sig }), REFUSED);
  assert.equal(await answerTo(t, server, { nkey }), REFUSED);
  assert.deepEqual(seen, [nkey, "", ""]);
});

test("it learns the certificate that the client has shown", async (t) => {
  const authority = new CertificateAuthority();
  const [ours, theirs] = [authority.issue({ dns: ["localhost"] }), authority.issue({ dns: ["client"] })];
  const folder = temporaryFolder(t);
  const files = {
    caFile: join(folder, "ca.pem"),
    certFile: join(folder, "cert.pem"),
    keyFile: join(folder, "key.pem"),
  };
  writeFileSync(files.caFile, authority.certificate);
  writeFileSync(files.certFile, ours.certificate);
  writeFileSync(files.keyFile, ours.key);
  const seen: ConnectingClient["tls"][] = [];
  const server = await started(
    t,
    ({ tls }) => {
      seen.push(tls);
      return {};
    },
    { tls: { ...files, verify: true, handshakeFirst: true } },
  );
  const socket = connectTls({
    ...{ port: server.address.port, host: "127.0.0.1", servername: "localhost", ca: authority.certificate },
    ...{ cert: theirs.certificate, key: theirs.key },
  });
  t.after(() => void socket.destroy());
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n');
  let text = "";
  while (!text.includes("PONG")) text += String((await once(socket, "data"))[0]);
  assert.equal(seen[0]?.version, "1.3");
  assert.match(seen[0]?.cipherSuite ?? "", /^TLS_/);
  assert.deepEqual(Buffer.from(seen[0]?.certificates[0] ?? []), theirs.der);
});

test("a grant names the account, the user and the permissions", async (t) => {
  const grants: Record<string, LoginGrant> = {
    a: { account: "A", user: "ada@example.org", permissions: { publish: { allow: ["grüße.>"] } } },
    b: { account: "B" },
  };
  const server = await started(t, ({ token }) => grants[token], { accounts: { A: {}, B: {} } });
  const connected: string[] = [];
  server.on("connect", ({ account, user }) => connected.push(`${account} ${user}`));
  const { client: a, answer } = await Client.login(t, server, { auth_token: "a" });
  assert.equal(answer, OK);
  const { client: b } = await Client.login(t, server, { auth_token: "b", user: "bob" });
  assert.deepEqual(connected, ["A ada@example.org", "B bob"]);

  b.send("SUB > 1\r\nPING\r\n");
  await b.until(/PONG\r\n.*PONG/s);
  const subject = Buffer.from("grüße.x").toString("latin1");
  a.send(`SUB > 1\r\nPUB ${subject} 2\r\nhi\r\nPUB other 0\r\n\r\n`);
  await a.until(/-ERR 'Permissions Violation for Publish to "other"'/);
  assert.ok(a.text.includes(`MSG ${subject} 1 2\r\nhi\r\n`));
  b.send("PUB seen 0\r\n\r\n");
  await b.until(/MSG seen/);
  assert.ok(!b.text.includes(subject), "an account saw what is of another");
});

test("without permissions, the defaults of the account hold", async (t) => {
  const server = await started(t, ({ user }) => ({ account: user }), {
    accounts: { A: { defaultPermissions: { publish: { allow: ["a"] } } } },
    authorization: { defaultPermissions: { publish: { allow: ["g"] } } },
  });
  for (const [user, allowed] of [
    ["A", "a"],
    ["$G", "g"],
  ]) {
    const { client } = await Client.login(t, server, { user });
    client.send(`SUB > 1\r\nPUB ${allowed} 0\r\n\r\nPUB x 0\r\n\r\n`);
    await client.until(/-ERR 'Permissions Violation for Publish to "x"'/);
    assert.match(client.text, new RegExp(`MSG ${allowed} 1 0`));
  }
});

test("a promise holds the input of its client alone", async (t) => {
  const asked = deferred<void>();
  const grant = deferred<LoginGrant>();
  const server = await started(t, ({ user }) => {
    if (user !== "late") return {};
    asked.resolve();
    return grant.promise;
  });
  const client = await Client.open(t, server);
  client.text = "";
  client.send('CONNECT {"user":"late","verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
  await asked.promise;
  assert.equal(await answerTo(t, server, { user: "quick" }), OK);
  assert.equal(client.text, "");
  grant.resolve({});
  await client.until(/PONG/);
  assert.equal(client.text.replace(/INFO .*\r\n/g, ""), "MSG a 1 2\r\nhi\r\nPONG\r\n");
});

test("nothing, an error, a rejection and a grant without sense refuse; secrets are not logged", async (t) => {
  const answers: Record<string, () => unknown> = {
    nothing: () => undefined,
    later: async () => undefined,
    throws: () => {
      throw new Error("thrown: hunter2");
    },
    rejects: () => Promise.reject(new Error("rejected: hunter2")),
    account: () => ({ account: "NOWHERE" }),
    type: () => ({ account: 1 }),
    yes: () => true,
    permissions: () => ({ permissions: { publsh: ["a"] } }),
    subject: () => ({ permissions: { publish: { allow: ["a..b"] } } }),
  };
  const logger = new LinesLogger();
  const server = await started(t, ({ user }) => answers[user]() as LoginGrant, { logger, debug: true, trace: true });
  const errors: string[] = [];
  server.on("error", (error) => errors.push(error instanceof OptionsError ? error.code : error.message));
  for (const user of Object.keys(answers)) {
    assert.equal(await answerTo(t, server, { user, pass: "hunter2", auth_token: "hunter2" }), REFUSED, user);
  }
  const wrongValue = "OPTIONS_VALUE";
  const expected = ["thrown: hunter2", "rejected: hunter2", wrongValue, wrongValue, wrongValue, "OPTIONS_UNKNOWN"];
  assert.deepEqual(errors, [...expected, wrongValue]);
  assert.equal(logger.lines.filter((line) => line.includes("hunter2")).length, 0);
  assert.equal(logger.lines.filter((line) => line.includes("authenticate failed")).length, errors.length);
});

test("a client that says nothing before its first operation is refused without being asked about", async (t) => {
  let calls = 0;
  const server = await started(t, () => {
    calls++;
    return {};
  });
  const client = await Client.open(t, server);
  client.send("PUB a 0\r\n\r\n");
  assert.equal(await client.until(/-ERR .*\r\n/), REFUSED);
  assert.equal(calls, 0);
  assert.match(client.text, /"auth_required":true/);
});

test("an answer that takes longer than the login may take refuses, and comes too late", async (t) => {
  const grant = deferred<LoginGrant>();
  const server = await started(t, () => grant.promise, { authorization: { timeoutMs: 50 } });
  const { client, answer } = await Client.login(t, server, {});
  assert.equal(answer, REFUSED);
  grant.resolve({});
  if (!client.socket.closed) await once(client.socket, "close");
  assert.equal((await server.status()).connections, 0);
});

test("a reload keeps grants, a new function reviews them", async (t) => {
  const calls: string[] = [];
  const first: Authenticate = ({ user }) => {
    calls.push(`first ${user}`);
    return { account: "A" };
  };
  const second: Authenticate = async ({ user }) => {
    calls.push(`second ${user}`);
    if (user === "gone") return undefined;
    if (user === "moved") return { account: "B" };
    return { account: "A", permissions: { subscribe: { deny: ["secret"] } } };
  };
  const server = await started(t, first, { accounts: { A: {}, B: {} } });
  const clients = new Map<string, Client>();
  for (const user of ["gone", "moved", "kept"]) {
    const { client } = await Client.login(t, server, { user });
    client.send("SUB secret 7\r\n");
    clients.set(user, client);
  }
  const of = (user: string): Client => clients.get(user) as Client;
  const reasons: string[] = [];
  server.on("disconnect", ({ user, reason }) => reasons.push(`${user}: ${reason}`));

  await server.reload({ ...server.options, maxPayloadBytes: 1000 });
  assert.deepEqual(calls, ["first gone", "first moved", "first kept"]);
  await server.reload({ ...server.options, authenticate: second });
  assert.deepEqual(calls.slice(3), ["second gone", "second moved", "second kept"]);
  await of("kept").until(/-ERR 'Permissions Violation for Subscription to "secret"'/);
  for (const user of ["gone", "moved"]) if (!of(user).socket.closed) await once(of(user).socket, "close");
  assert.match(of("gone").text, /Authorization Violation/);
  assert.deepEqual(reasons.sort(), ["gone: Authentication Failure", "moved: Client Closed"]);

  // The second one stays in use, and an account that is gone takes its clients along.
  assert.equal(await answerTo(t, server, { user: "gone" }), REFUSED);
  await server.reload({ ...server.options, accounts: { B: {} } });
  if (!of("kept").socket.closed) await once(of("kept").socket, "close");
  assert.ok(reasons.includes("kept: Client Closed"));
});

test("it is refused beside users in the options, and when it is no function", async () => {
  const refusal = async (options: object): Promise<string> => {
    const error = await startServer({ host: "127.0.0.1", port: -1, authenticate: () => ({}), ...options }).then(
      (server) => server.close(),
      (reason: unknown) => reason,
    );
    return error instanceof OptionsError ? `${error.code} ${error.message}` : String(error);
  };
  const others: [object, string][] = [
    [{ authorization: { user: "a", password: "b" } }, "users of authorization"],
    [{ authorization: { token: "a" } }, "users of authorization"],
    [{ authorization: { users: [{ user: "a", password: "b" }] } }, "users of authorization"],
    [{ accounts: { A: { users: [{ user: "a", password: "b" }] } } }, "accounts.A.users"],
  ];
  for (const [options, name] of others) {
    assert.equal(await refusal(options), `OPTIONS_VALUE authenticate and ${name} cannot both be given`);
  }
  assert.match(await refusal({ authenticate: {} }), /^OPTIONS_TYPE .*must be a function, got object/);
});
