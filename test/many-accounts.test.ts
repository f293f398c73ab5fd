// Thousands of accounts in one server, ten thousand in the long form: how long it takes to listen, how much memory they cost,
// and that they work. The limits are wide, for slow machines: they catch a cost per account that has multiplied.
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { type TestContext, test } from "node:test";
import { accountJwt, JwtWorld, operatorJwt, type Pair, pairOf, userJwt } from "./support/jwt-world.js";
import { connectClient, connectRaw, type RawClient } from "./support/raw-client.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";

const ACCOUNTS = process.env["NATSNODE_RUNS"] === undefined ? 2000 : 10_000;
const READY_TIMEOUT_MS = 30_000;
const MAX_MORE_MB = 40 + 0.016 * ACCOUNTS;
const MB = 1024 * 1024;
const skip = process.platform === "linux" ? false : "memory is read from /proc";

/** A server with all these accounts; what it costs is compared with one without any. */
async function startCompared(t: TestContext, config: string): Promise<ServerProcess> {
  const plain = await startServerProcess(t, { config: "" });
  const before = plain.residentBytes();
  await plain.kill();
  const startedAt = performance.now();
  const server = await startServerProcess(t, { config, readyTimeoutMs: READY_TIMEOUT_MS });
  const moreMb = (server.residentBytes() - before) / MB;
  t.diagnostic(`listens after ${Math.round(performance.now() - startedAt)} ms, ${Math.round(moreMb)} MB more`);
  assert.ok(moreMb < MAX_MORE_MB, `${moreMb} MB more than without accounts`);
  return server;
}

/** Publishes in the one account what the other imports. */
async function assertShared(hub: RawClient, last: RawClient): Promise<void> {
  last.send("SUB news.> 1\r\nPING\r\n");
  await last.pong();
  hub.send(`PUB news.t1 2\r\nno\r\nPUB news.t${ACCOUNTS - 1} 3\r\nyes\r\n`);
  const { line, payload } = await last.next();
  assert.deepEqual([line, payload], [`MSG news.t${ACCOUNTS - 1} 1 3`, "yes"]);
}

test(`${ACCOUNTS} accounts of the configuration, each with a user and an import`, { skip }, async (t) => {
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => {
    return `T${i} { users: [{user: u${i}, password: p}], imports: [{stream: {account: HUB, subject: "news.t${i}"}}] }`;
  });
  const hub = 'HUB { users: [{user: hub, password: p}], exports: [{stream: "news.>"}] }';
  const { port } = await startCompared(t, `accounts {\n${[hub, ...accounts].join("\n")}\n}\n`);
  const last = await connectClient(t, port, { user: `u${ACCOUNTS - 1}`, pass: "p" });
  await assertShared(await connectClient(t, port, { user: "hub", pass: "p" }), last);
});

test(`${ACCOUNTS} preloaded accounts of an operator, each with an import`, { skip }, async (t) => {
  const { operator, system } = new JwtWorld();
  const exporter = pairOf("account");
  const exports = [{ name: "news", subject: "news.>", type: "stream" }];
  const pairs = Array.from({ length: ACCOUNTS }, () => pairOf("account"));
  const preload = [
    [system, accountJwt(operator, system)],
    [exporter, accountJwt(operator, exporter, { exports })],
    ...pairs.map((pair, i) => {
      const imports = [{ name: "news", subject: `news.t${i}`, account: exporter.nkey, type: "stream" }];
      return [pair, accountJwt(operator, pair, { imports })] as const;
    }),
  ] as const;
  const { port } = await startCompared(
    t,
    `operator: ${operatorJwt(operator, { system_account: system.nkey })}
    system_account: ${system.nkey}
    resolver: MEMORY
    resolver_preload {\n${preload.map(([{ nkey }, jwt]) => `${nkey}: ${jwt}`).join("\n")}\n}\n`,
  );
  const last = await login(t, port, pairs.at(-1) as Pair);
  await assertShared(await login(t, port, exporter), last);
});

async function login(t: TestContext, port: number, account: Pair): Promise<RawClient> {
  const user = pairOf("user");
  const client = await connectRaw(t, port);
  client.answersPings = true;
  const { nonce } = await client.info();
  const sig = sign(null, Buffer.from(String(nonce)), user.key).toString("base64url");
  const connect = { verbose: false, pedantic: false, jwt: userJwt(account, user), sig };
  client.send(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`);
  await client.pong();
  return client;
}
