import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { connectClient, type RawClient } from "../../test/support/raw-client.js";
import type { ConfigSource } from "../monitoring/config-source.js";
import { createServer } from "../natsnode.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { nodeRuntime } from "../runtime/node/index.js";
import type { Server } from "../server/server.js";

// biome-ignore lint/suspicious/noExplicitAny: answers and events are looked at member by member
type Json = any;

const ACCOUNTS: ServerOptions["accounts"] = {
  $SYS: { users: [{ user: "sys", password: "p" }] },
  A: { users: [{ user: "a", password: "p" }] },
  B: { users: [{ user: "b", password: "p" }] },
};
const INBOX = "_INBOX.test";

interface Started {
  readonly server: Server;
  /** A client of the system account that is subscribed to INBOX. */
  readonly system: RawClient;
  login(user: string, options?: object): Promise<RawClient>;
}

async function started(t: TestContext, options: ServerOptions = {}, config?: ConfigSource): Promise<Started> {
  const all = { host: "127.0.0.1", port: -1, serverName: "north", accounts: ACCOUNTS, ...options };
  const server = createServer(resolveOptions(all), { runtime: nodeRuntime(), config });
  await server.start();
  t.after(() => server.close());
  const { port } = server.addresses["client"];
  const login = async (user: string, more: object = {}): Promise<RawClient> => {
    const client = await connectClient(t, port, { user, pass: "p", ...more });
    client.send(`SUB ${INBOX} inbox\r\n`);
    await client.sync();
    return client;
  };
  return { server, system: await login("sys"), login };
}

/** The JSON of the answer; undefined when the request is over without one. */
async function request(client: RawClient, subject: string, body: string | object = ""): Promise<Json> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  client.send(`PUB ${subject} ${INBOX} ${text.length}\r\n${text}\r\n`);
  const item = await client.next();
  assert.equal(item.line.split(" ")[1], INBOX);
  return item.headers === "" ? JSON.parse(item.payload) : item.headers.split("\r\n")[0];
}

async function isSilent(client: RawClient, subject: string, body = ""): Promise<void> {
  client.send(`PUB ${subject} ${INBOX} ${body.length}\r\n${body}\r\n`);
  // A later request over the same path is answered first and alone.
  const answer = await request(client, "$SYS.REQ.SERVER.PING.IDZ");
  assert.deepEqual(Object.keys(answer), ["name", "host", "id"]);
  assert.deepEqual(await client.sync(), []);
}

async function event(client: RawClient, subject: string): Promise<Json> {
  const item = await client.expect(new RegExp(`^MSG ${subject.replace(/[.$]/g, "\\$&")} `));
  return JSON.parse(item.payload);
}

test("every page is answered for one server and for all", async (t) => {
  const { server, system } = await started(t);
  const kinds = "VARZ CONNZ SUBSZ ROUTEZ GATEWAYZ LEAFZ ACCOUNTZ JSZ HEALTHZ EXPVARZ IPQUEUESZ RAFTZ PROFILEZ";
  for (const kind of kinds.split(" ")) {
    for (const whom of [server.id, "PING"]) {
      const answer = await request(system, `$SYS.REQ.SERVER.${whom}.${kind}`);
      assert.deepEqual(Object.keys(answer), ["server", "data"], kind);
      assert.equal(answer.server.id, server.id);
    }
  }
  assert.deepEqual((await request(system, "$SYS.REQ.SERVER.PING.HEALTHZ")).data, { status: "ok", status_code: 200 });
  const statsz = await request(system, "$SYS.REQ.SERVER.PING");
  assert.deepEqual(Object.keys(statsz), ["server", "statsz"]);
  assert.equal(statsz.statsz.connections, 1);
  assert.equal((await request(system, `$SYS.REQ.SERVER.${server.id}.STATSZ`)).statsz.active_accounts, 1);
  assert.match(await request(system, "$SYS.REQ.SERVER.NABC.VARZ"), /503/);
});

test("messages of the server are numbered", async (t) => {
  const { system } = await started(t);
  const first = (await request(system, "$SYS.REQ.SERVER.PING.VARZ")).server.seq;
  assert.equal((await request(system, "$SYS.REQ.SERVER.PING.VARZ")).server.seq, first + 1);
});

test("filters leave servers out", async (t) => {
  const { server, system } = await started(t, { serverTags: ["x"] });
  const varz = "$SYS.REQ.SERVER.PING.VARZ";
  const fitting = [
    { server_name: "nor" },
    { server_name: "north", exact_match: true },
    { host: "127.0.0.1" },
    { tags: ["x"] },
    { name: "other" },
  ];
  for (const filter of fitting) assert.equal((await request(system, varz, filter)).server.name, "north");
  const leaving = [
    { server_name: "nor", exact_match: true },
    { server_name: "south" },
    { tags: ["x", "y"] },
    { cluster: "c" },
    { domain: "d" },
  ];
  for (const filter of leaving) await isSilent(system, varz, JSON.stringify(filter));
  await isSilent(system, "$SYS.REQ.SERVER.PING", '{"server_name":"south"}');
  assert.equal((await request(system, "$SYS.REQ.SERVER.PING.IDZ", { server_name: "south" })).id, server.id);
});

test("bodies that cannot be read and options that make no sense are errors", async (t) => {
  const { server, system } = await started(t);
  const connz = `$SYS.REQ.SERVER.${server.id}.CONNZ`;
  const unread = await request(system, connz, "hello");
  assert.equal(unread.error.code, 400);
  assert.equal("data" in unread, false);
  assert.equal((await request(system, connz, { limit: "x" })).error.code, 400);
  assert.equal((await request(system, "$SYS.REQ.SERVER.PING", "[]")).error.code, 400);
  const refused = await request(system, connz, { sort: "beauty" });
  assert.deepEqual([refused.data, refused.error], [null, { code: 500, description: "invalid sorting option: beauty" }]);
});

test("CONNZ takes all options in its body", async (t) => {
  const { server, system, login } = await started(t);
  const a = await login("a", { name: "alpha" });
  a.send("SUB x 1\r\n");
  await a.sync();
  const connz = `$SYS.REQ.SERVER.${server.id}.CONNZ`;
  const { data } = await request(system, connz, { acc: "A", auth: true, subscriptions: true, filter_subject: "*" });
  assert.deepEqual(
    data.connections.map(({ name, authorized_user }: Json) => [name, authorized_user]),
    [["alpha", "a"]],
  );
  assert.deepEqual(data.connections[0].subscriptions_list.sort(), [INBOX, "x"]);
  assert.equal((await request(system, connz, { acc: "A", filter_subject: "z" })).data.connections.length, 0);
  const left = new Promise<void>((resolve) => server.events.on("disconnect", () => resolve()));
  a.close();
  await left;
  const closed = await request(system, connz, { state: 1, acc: "A", subscriptions_detail: true });
  assert.equal(closed.data.connections[0].reason, "Client Closed");
  assert.equal(closed.data.connections[0].subscriptions_list_detail.length, 2);
});

test("accounts are answered for by name", async (t) => {
  const { system, login } = await started(t);
  await login("a");
  const of = (kind: string, account = "A", body: string | object = ""): Promise<Json> =>
    request(system, `$SYS.REQ.ACCOUNT.${account}.${kind}`, body);
  assert.equal((await of("CONNZ")).data.num_connections, 1);
  assert.equal((await of("CONNZ", "NOPE")).data.connections, null);
  assert.ok((await of("SUBSZ")).data.subscriptions_list.some(({ subject }: Json) => subject === INBOX));
  assert.equal((await of("INFO")).data.account_name, "A");
  assert.equal((await of("INFO", "NOPE")).error.description, "Account NOPE does not exist");
  assert.equal((await of("STATZ")).data.account_statz[0].acc, "A");
  assert.equal((await of("STATZ", "PING")).data.account_statz.length, 2);
  assert.equal((await of("STATZ", "PING", { include_unused: true })).data.account_statz.length, 4);
  assert.equal((await of("CONNS")).conns, 1);
  assert.equal((await of("LEAFZ")).data.leafnodes, 0);
  assert.equal((await of("JSZ")).error.description, "jetstream not enabled");
  await isSilent(system, "$SYS.REQ.ACCOUNT.B.STATZ");
  await isSilent(system, "$SYS.REQ.ACCOUNT.B.CONNS");
});

test("users of other accounts ask about themselves only", async (t) => {
  const { login } = await started(t, {
    accounts: {
      ...ACCOUNTS,
      A: {
        users: [
          { user: "a", password: "p" },
          {
            user: "tied",
            password: "p",
            permissions: {
              publish: { allow: ["$SYS.REQ.USER.INFO", "grün"] },
              subscribe: { allow: [INBOX], deny: ["x"] },
              allowResponses: { maxMsgs: 1, expiresMs: 120_000 },
            },
          },
        ],
      },
    },
  });
  const a = await login("a");
  assert.deepEqual((await request(a, "$SYS.REQ.USER.INFO")).data, { user: "a", account: "A", account_name: "A" });
  assert.equal((await request(a, "$SYS.REQ.SERVER.PING.CONNZ")).data.num_connections, 1);
  assert.equal((await request(a, "$SYS.REQ.ACCOUNT.PING.STATZ")).data.account_statz.length, 1);
  assert.match(await request(a, "$SYS.REQ.SERVER.PING.VARZ"), /503/);
  const tied = await login("tied");
  const { permissions } = (await request(tied, "$SYS.REQ.USER.INFO")).data;
  assert.deepEqual(permissions, {
    publish: { allow: ["$SYS.REQ.USER.INFO", Buffer.from("grün").toString("latin1")] },
    subscribe: { allow: [INBOX], deny: ["x"] },
    responses: { max: 1, ttl: 120_000_000_000 },
  });
});

test("the system account's users ask about themselves too", async (t) => {
  const { system } = await started(t);
  assert.equal((await request(system, "$SYS.REQ.USER.INFO")).data.user, "sys");
});

test("subscribers are counted", async (t) => {
  const { system } = await started(t);
  system.send("SUB x.1 1\r\nSUB x.2 q 2\r\nSUB x.* 3\r\n");
  await system.sync();
  const count = (what: string): Promise<Json> => request(system, "$SYS.DEBUG.SUBSCRIBERS", what);
  assert.equal(await count("x.1"), 2);
  assert.equal(await count("x.*"), 3);
  assert.equal(await count("x.2 q"), 1);
});

test("KICK closes a client", async (t) => {
  const { server, system, login } = await started(t);
  const a = await login("a");
  const cid = [...server.clients.keys()].at(-1);
  const kick = `$SYS.REQ.SERVER.${server.id}.KICK`;
  assert.deepEqual(Object.keys(await request(system, kick, { cid })), ["server"]);
  await a.closed();
  assert.equal((await request(system, kick, { cid: 999 })).error.description, "no such client or leafnode id");
  await isSilent(system, kick);
});

test("LDM tells one client to go, which stays", async (t) => {
  const { server, system, login } = await started(t);
  const a = await login("a", { protocol: 1 });
  const ids = [...server.clients.keys()];
  const ldm = `$SYS.REQ.SERVER.${server.id}.LDM`;
  assert.deepEqual(Object.keys(await request(system, ldm, { cid: ids.at(-1) })), ["server"]);
  const info = await a.info();
  assert.equal(info["ldm"], true);
  assert.equal(info["remote_account"], undefined);
  assert.deepEqual(await a.sync(), []);
  assert.match((await request(system, ldm, { cid: ids[0] })).error.description, /does not support Lame Duck Mode/);
  assert.equal((await request(system, ldm, { cid: 999 })).error.description, "no such client id");
});

test("RELOAD asks where the options come from", async (t) => {
  let wrong: string | undefined;
  const config: ConfigSource = {
    digest: "sha256:abc",
    reload: async () => {
      if (wrong !== undefined) throw new Error(wrong);
    },
  };
  const { server, system } = await started(t, {}, config);
  const reload = `$SYS.REQ.SERVER.${server.id}.RELOAD`;
  assert.deepEqual(Object.keys(await request(system, reload)), ["server"]);
  wrong = "broken";
  assert.deepEqual((await request(system, reload)).error, { code: 500, description: "broken" });
  assert.equal((await request(system, "$SYS.REQ.SERVER.PING.VARZ")).data.config_digest, "sha256:abc");
});

test("clients that come and go are told, with their account's numbers", async (t) => {
  const { system, login } = await started(t);
  system.send("SUB $SYS.ACCOUNT.A.CONNECT 1\r\nSUB $SYS.ACCOUNT.A.DISCONNECT 2\r\n");
  await system.sync();
  const a = await login("a", { name: "alpha", lang: "kit", version: "9" });
  const come = await event(system, "$SYS.ACCOUNT.A.CONNECT");
  assert.equal(come.type, "io.nats.server.advisory.v1.client_connect");
  assert.match(come.id, /^[0-9A-Za-z]{22}$/);
  const { acc, user, name, lang, ver, kind, client_type } = come.client;
  assert.deepEqual([acc, user, name, lang, ver, kind, client_type], ["A", "a", "alpha", "kit", "9", "Client", "nats"]);
  a.send("PUB x 3\r\n123\r\n");
  await a.sync();
  a.close();
  const gone = await event(system, "$SYS.ACCOUNT.A.DISCONNECT");
  assert.equal(gone.reason, "Client Closed");
  assert.deepEqual(gone.sent, { msgs: 1, bytes: 3 });
  assert.ok(Date.parse(gone.client.stop) >= Date.parse(gone.client.start));

  system.send("UNSUB 1\r\nUNSUB 2\r\nSUB $SYS.ACCOUNT.B.SERVER.CONNS 3\r\n");
  await system.sync();
  const b = await login("b");
  const counted = await event(system, "$SYS.ACCOUNT.B.SERVER.CONNS");
  assert.deepEqual([counted.type, counted.conns], ["io.nats.server.advisory.v1.account_connections", 1]);
  b.close();
  assert.equal((await event(system, "$SYS.ACCOUNT.B.SERVER.CONNS")).conns, 0);
});

test("refused logins are told", async (t) => {
  const { server, system, login } = await started(t);
  system.send(`SUB $SYS.SERVER.${server.id}.CLIENT.AUTH.ERR 1\r\n`);
  await system.sync();
  await assert.rejects(login("a", { pass: "wrong", name: "bad" }), /Authorization Violation/);
  const refused = await event(system, `$SYS.SERVER.${server.id}.CLIENT.AUTH.ERR`);
  assert.equal(refused.reason, "Authentication Failure");
  assert.deepEqual([refused.client.name, refused.client.user, refused.client.acc], ["bad", "a", "$G"]);
});

test("refused logins are told to the account that they would be in", async (t) => {
  const subject = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";
  const authorization = { users: [{ user: "g", password: "p" }] };
  const { login } = await started(t, { authorization });
  const [g, a] = [await login("g"), await login("a")];
  for (const client of [g, a]) {
    client.send(`SUB ${subject} 1\r\n`);
    await client.sync();
  }
  await assert.rejects(login("a", { pass: "wrong", name: "bad" }), /Authorization Violation/);
  const refused = await event(g, subject);
  assert.equal(refused.type, "io.nats.server.advisory.v1.client_disconnect");
  assert.equal(refused.reason, "Authentication Failure");
  assert.deepEqual([refused.client.name, refused.client.user, refused.client.acc], ["bad", "a", "$G"]);
  assert.deepEqual(await a.sync(), []);
});

test("who never says who it is, is told of to the system account alone", async (t) => {
  const subject = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";
  const { server, system, login } = await started(t, { authorization: { users: [{ user: "g", password: "p" }] } });
  const g = await login("g");
  g.send(`SUB ${subject} 1\r\n`);
  await g.sync();
  system.send(`SUB $SYS.SERVER.${server.id}.CLIENT.AUTH.ERR 1\r\n`);
  await system.sync();
  const { host, port } = server.addresses["client"];
  const silent = connect(port, host, () => silent.write("PUB x 0\r\n\r\n"));
  silent.resume();
  await event(system, `$SYS.SERVER.${server.id}.CLIENT.AUTH.ERR`);
  assert.deepEqual(await g.sync(), []);
});

test("what an auth callout refuses is told to its account", async (t) => {
  const subject = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";
  const issuer = "ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA";
  const authCallout = { issuer, account: "A", authUsers: ["sys", "a", "b"] };
  const { login } = await started(t, { authorization: { authCallout, timeoutMs: 500 } });
  const a = await login("a");
  a.send(`SUB ${subject} 1\r\n`);
  await a.sync();
  await assert.rejects(login("stranger"), /Authorization Violation|Authentication Timeout/);
  const refused = await event(a, subject);
  assert.deepEqual([refused.client.user, refused.client.acc], ["stranger", "A"]);
  await assert.rejects(login("b", { pass: "wrong" }), /Authorization Violation/);
  assert.deepEqual(await a.sync(), []);
});

test("the server's numbers are sent from time to time, and at once when asked without a reply", async (t) => {
  const { server, system } = await started(t);
  const subject = `$SYS.SERVER.${server.id}.STATSZ`;
  system.send(`SUB ${subject} 1\r\n`);
  assert.equal((await event(system, subject)).statsz.active_servers, 1);
  system.send("PUB $SYS.REQ.SERVER.PING.STATSZ 0\r\n\r\n");
  assert.equal((await event(system, subject)).server.name, "north");
});

test("lame duck mode and the end are told", async (t) => {
  const { server, system } = await started(t, { lameDuckGracePeriodMs: 20_000 });
  system.send("SUB $SYS.SERVER.*.LAMEDUCK 1\r\nSUB $SYS.SERVER.*.SHUTDOWN 2\r\n");
  await system.sync();
  void server.lameDuck();
  assert.equal((await event(system, `$SYS.SERVER.${server.id}.LAMEDUCK`)).id, server.id);
  await server.close();
  assert.equal((await event(system, `$SYS.SERVER.${server.id}.SHUTDOWN`)).name, "north");
});

test("without a system account there is nothing to ask", async (t) => {
  const options = { host: "127.0.0.1", port: -1, noSystemAccount: true };
  const server = createServer(resolveOptions(options), { runtime: nodeRuntime() });
  await server.start();
  t.after(() => server.close());
  const client = await connectClient(t, server.addresses["client"].port);
  client.send(`SUB ${INBOX} 1\r\nPUB $SYS.REQ.USER.INFO ${INBOX} 0\r\n\r\n`);
  assert.match((await client.next()).headers, /503/);
});

test("a verbose trace shows what the server itself publishes, also when nobody listens", async (t) => {
  const lines: string[] = [];
  const silent = (): void => {};
  const logger = {
    debugOn: false,
    traceOn: true,
    info: silent,
    warn: silent,
    error: silent,
    fatal: silent,
    debug: silent,
    trace: (line: string) => lines.push(line),
  };
  const options = { host: "127.0.0.1", port: -1, traceVerbose: true, maxTracedMsgBytes: 8 };
  const server = createServer(resolveOptions(options), { runtime: nodeRuntime(), logger });
  await server.start();
  t.after(() => server.close());
  const client = await connectClient(t, server.addresses["client"].port);
  await client.sync();
  const at = lines.findIndex((line) => /^SYSTEM - <<- \[PUB \$SYS\.ACCOUNT\.\$G\.CONNECT {2}\d+\]$/.test(line));
  assert.ok(at >= 0, lines.join("\n"));
  assert.match(lines[at + 1], /^SYSTEM - <<- MSG_PAYLOAD: \["\{.{7,9}\.\.\."\]$/);
});
