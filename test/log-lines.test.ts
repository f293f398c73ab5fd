// What the log says of clients: the same lines from natsnode and the neighbour, who a client is in each of them, and no secret.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectRaw } from "./support/raw-client.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";
import type { Scope } from "./support/temporary-folder.js";

const PROGRAMS = [
  ["natsnode", false],
  ["neighbour", withoutNeighbour()],
] as const;

const CONFIG = `
accounts {
  A {
    users: [ { user: ada, password: "secret-of-ada", permissions { publish: "a.>", subscribe: { allow: ["s.>", "only q"] } } } ],
    mappings: { a.m: a.mapped }
  },
  LIMITED { users: [ { user: lim, password: "secret-of-lim" } ], limits { max_connections: 1, max_subscriptions: 1, max_payload: 5 } }
}
`;

const NKEY = "UBF5UVMESVVDIRKT7GROVNBYVTKK32V2355X3IPSU6TR7ZEA42IH6NEY";

/** The lines about the client of this number, from the front, without time and number; those of the system account are left out. */
function linesOf(log: string, cid: string): string[] {
  return log
    .split("\n")
    .filter((line) => line.includes(` - cid:${cid} - `))
    .map((line) => line.replace(/^\[\d+\] \S+ \S+ /, "").replace(/127\.0\.0\.1:\d+ - cid:\d+ - /, ""));
}

async function talk(t: Scope, server: ServerProcess, connect: object | undefined, bytes: string): Promise<string[]> {
  const before = [...server.log.matchAll(/cid:(\d+) - Client connection created/g)].length;
  const client = await connectRaw(t, server.port);
  await client.info();
  await server.logged(new RegExp(`(?:cid:\\d+ - Client connection created[^]*?){${before + 1}}`));
  const cid = [...server.log.matchAll(/cid:(\d+) - Client connection created/g)].at(-1)?.[1] as string;
  const said = { verbose: false, pedantic: false, lang: "go", version: "1.2.3", name: "app", headers: true };
  const first = connect === undefined ? "" : `CONNECT ${JSON.stringify({ ...said, ...connect })}\r\n`;
  // Mappings of an account count for the reference from the packet after CONNECT on.
  client.send(`${first}PING\r\n`);
  const answer = await client.next();
  if (answer.line === "PONG") {
    client.send(`${bytes}PING\r\n`);
    for (;;) {
      const { line } = await client.next().catch(() => ({ line: "PONG" }));
      if (line === "PONG") break;
    }
  }
  client.close();
  await server.logged(new RegExp(`cid:${cid} - .*Client connection closed`));
  return linesOf(server.log, cid).filter((line) => !/CONNECT|PING\]|PONG\]|DELSUB/.test(line));
}

for (const [program, skip] of PROGRAMS) {
  test(`${program}: lines of a client name what it said of itself, its account and its user`, { skip }, async (t) => {
    const server = await startServerProcess(t, { program, config: CONFIG, args: ["-D", "-V"] });
    assert.match(server.log, /\[WRN\] Plaintext passwords detected, use nkeys or bcrypt\n/);
    const login = { user: "ada", pass: "secret-of-ada" };
    const label = '"v1.2.3:go:app" - "A/user:ada" - ';
    const bytes = [
      "SUB s.1 1\r\nSUB only 2\r\nSUB only q 3\r\nSUB t 4\r\nSUB t w 5\r\n",
      "PUB b 0\r\n\r\nPUB a.m 2\r\nhi\r\nHPUB a.x r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
    ];
    assert.deepEqual(await talk(t, server, login, bytes.join("")), [
      "[DBG] Client connection created",
      `[TRC] ${label}<<- [SUB s.1 1]`,
      `[TRC] ${label}<<- [SUB only 2]`,
      `[TRC] ${label}->> [-ERR Permissions Violation for Subscription to "only"]`,
      `[ERR] ${label}Subscription Violation - Subject "only", SID 2`,
      `[TRC] ${label}<<- [SUB only q 3]`,
      `[TRC] ${label}<<- [SUB t 4]`,
      `[TRC] ${label}->> [-ERR Permissions Violation for Subscription to "t"]`,
      `[ERR] ${label}Subscription Violation - Subject "t", SID 4`,
      `[TRC] ${label}<<- [SUB t w 5]`,
      `[TRC] ${label}->> [-ERR Permissions Violation for Subscription to "t" using queue "w"]`,
      `[ERR] ${label}Subscription Violation - Subject "t", Queue: "w", SID 5`,
      `[TRC] ${label}<<- [PUB b 0]`,
      `[TRC] ${label}->> [-ERR Permissions Violation for Publish to "b"]`,
      `[ERR] ${label}Publish Violation - Subject "b"`,
      `[TRC] ${label}<<- [PUB a.m 2]`,
      `[TRC] ${label}<<- [MAPPING a.m -> a.mapped]`,
      `[TRC] ${label}<<- MSG_PAYLOAD: ["hi"]`,
      `[TRC] ${label}<<- [HPUB a.x r 12 14]`,
      `[TRC] ${label}<<- MSG_PAYLOAD: ["NATS/1.0\\r\\n\\r\\nhi"]`,
      `[DBG] ${label}Client connection closed: Client Closed`,
    ]);
    const half = await talk(t, server, { ...login, version: "", name: 'a "b"' }, "");
    assert.deepEqual(half.slice(1), ['[DBG] "go:a \\"b\\"" - "A/user:ada" - Client connection closed: Client Closed']);
  });

  test(`${program}: a refused login names the user, never a secret`, { skip }, async (t) => {
    const server = await startServerProcess(t, { program, config: CONFIG, args: ["-D", "-V"] });
    for (const [connect, shown] of [
      [{ user: "ada", pass: "wrong-secret" }, ' - User "ada"'],
      [{ user: "no\nbody", pass: "wrong-secret" }, ' - User "no\\nbody"'],
      [{ auth_token: "wrong-secret" }, ' - Token "[REDACTED]"'],
      [{ nkey: NKEY, sig: "wrong-secret" }, ` - Nkey "${NKEY}"`],
      [{}, ""],
    ] as const) {
      const lines = await talk(t, server, connect, "");
      assert.deepEqual(lines.slice(1), [
        `[ERR] authentication error${shown}`,
        "[TRC] ->> [-ERR Authorization Violation]",
        "[DBG] Client connection closed: Authentication Failure",
      ]);
    }
    assert.doesNotMatch(server.log, /secret/);
  });

  test(`${program}: an account's limits and broken protocol, each with its line`, { skip }, async (t) => {
    const server = await startServerProcess(t, { program, config: CONFIG, args: ["-D", "-V"] });
    const login = { user: "lim", pass: "secret-of-lim" };
    const label = '"v1.2.3:go:app" - "LIMITED/user:lim" - ';
    const lines = await talk(t, server, login, "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB a 6\r\n123456\r\n");
    assert.deepEqual(
      lines.filter((line) => line.startsWith("[ERR]")),
      [`[ERR] ${label}maximum subscriptions exceeded`, `[ERR] ${label}maximum payload exceeded: 6 vs 5`],
    );
    assert.equal(lines.at(-1), `[DBG] ${label}Client connection closed: Maximum Message Payload Exceeded`);
    for (const [bytes, error] of [
      ["SUB a b c d\r\n", 'processSub Parse Error: "a b c d"'],
      ["UNSUB 1 2 3\r\n", 'processUnsub Parse Error: "1 2 3"'],
      ["PUB a b c d\r\n", 'processPub Parse Error: "a b c d"'],
      ["PUB a x\r\n", 'processPub Bad or Missing Size: "a x"'],
      ["HPUB a x 2\r\n", 'processHeaderPub Bad or Missing Header Size: "a x 2"'],
    ] as const) {
      const broken = await talk(t, server, login, bytes);
      assert.deepEqual(broken.slice(-2), [
        `[ERR] ${label}${error}`,
        `[DBG] ${label}Client connection closed: Protocol Violation`,
      ]);
    }
    assert.doesNotMatch(server.log, /secret/);
  });
}

test("a JWT and a malformed CONNECT are not in the trace, nor are passwords in reloads", async (t) => {
  const server = await startServerProcess(t, { config: CONFIG, args: ["-D", "-V"] });
  await talk(t, server, { jwt: "secret-jwt", proxy_sig: "secret-sig", PASS: "secret-pass" }, "");
  const client = await connectRaw(t, server.port);
  await client.info();
  client.send('CONNECT {"pass":"secret-in-broken-json"\r\n');
  await client.closed();
  server.signal("SIGHUP");
  await server.logged(/Reloaded server configuration/);
  assert.doesNotMatch(server.log, /secret/);
});
