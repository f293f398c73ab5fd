// Operator tooling from end to end: the program makes an operator with accounts and users, a server runs with the
// configuration that it writes, natsnode and the neighbour alike, and official clients log in with the credential files.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import { withoutNeighbour } from "./support/neighbour.js";
import { projectRoot } from "./support/project.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const PROGRAM = join(projectRoot, "bin", "natsnode.js");

interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Runs the program in a folder with a text on its standard input. */
async function natsnode(folder: string, argv: readonly string[], input = ""): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, ...argv], { cwd: folder });
  const ended: Ended = { code: -1, out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    ended.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    ended.err += text;
  });
  child.stdin.end(input);
  [ended.code] = (await once(child, "close")) as [number];
  return ended;
}

async function auth(folder: string, command: string): Promise<string> {
  const { code, out, err } = await natsnode(folder, ["auth", ...command.split(" ")]);
  assert.equal(code, 0, `${command}: ${err}`);
  return out;
}

async function logIn(t: TestContext, server: ServerProcess, folder: string, creds: string): Promise<NatsConnection> {
  const authenticator = credsAuthenticator(readFileSync(join(folder, "nats-auth/creds", creds)));
  const connection = await connect({ port: server.port, authenticator, reconnect: false, timeout: 5000 });
  t.after(() => connection.close());
  return connection;
}

/** The first refusal that the connection is told. */
async function refusal(connection: NatsConnection): Promise<string> {
  for await (const status of connection.status()) if (status.type === "error") return status.error.message;
  return "closed";
}

const PROGRAMS = [
  ["natsnode", false],
  ["neighbour", withoutNeighbour()],
] as const;

test("users log in by their credential files and may do what they were given", async (t) => {
  const folder = temporaryFolder(t);
  for (const command of [
    "operator add ACME",
    "account add ORDERS --max-connections 2",
    "account add SHOP",
    "account key add ORDERS --role clerk --allow-pub orders.{{name()}} --allow-sub _INBOX.>",
    "user add ORDERS ada",
    "user add ORDERS bob --key clerk",
    "export add ORDERS service price --private",
    "import add SHOP service price --from ORDERS --as the.price",
    "user add SHOP eve --deny-pub secret",
    "server-config --out server.conf",
  ]) {
    await auth(folder, command);
  }
  const config = readFileSync(join(folder, "server.conf"), "utf8");
  for (const [program, skip] of PROGRAMS) {
    await t.test(program, { skip }, async (t) => {
      const server = await startServerProcess(t, { program, config });
      const ada = await logIn(t, server, folder, "ORDERS/ada.creds");
      const bob = await logIn(t, server, folder, "ORDERS/bob.creds");
      const orders = ada.subscribe("orders.>", { max: 1 });
      await ada.flush();
      const refused = refusal(bob);
      bob.publish("orders.eve", "no");
      bob.publish("orders.bob", "yes");
      for await (const message of orders) assert.deepEqual([message.subject, message.string()], ["orders.bob", "yes"]);
      assert.match(await refused, /Permissions Violation for Publish to "orders.eve"/);
      await assert.rejects(logIn(t, server, folder, "ORDERS/ada.creds"));
      await server.logged(/maximum account active connections exceeded/);
      ada.subscribe("price", { callback: (_, message) => void message.respond("12") });
      await ada.flush();
      const eve = await logIn(t, server, folder, "SHOP/eve.creds");
      assert.equal((await eve.request("the.price")).string(), "12");
      const denied = refusal(eve);
      eve.publish("secret");
      assert.match(await denied, /Permissions Violation for Publish to "secret"/);
      const pushed = await natsnode(folder, ["auth", "push", "--server", `nats://127.0.0.1:${server.port}`]);
      assert.equal(pushed.code, 1);
      assert.match(pushed.err, /no server takes new accounts/);
    });
  }
});

for (const [program, skip] of PROGRAMS) {
  test(`${program}: pushed accounts and revocations take effect`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    await auth(folder, "operator add ACME --signing-keys");
    await auth(folder, "account add A");
    await auth(folder, "user add A ada");
    await auth(folder, "server-config --resolver full --out server.conf");
    const config = readFileSync(join(folder, "server.conf"), "utf8");
    const server = await startServerProcess(t, { program, config });
    const ada = await logIn(t, server, folder, "A/ada.creds");
    await auth(folder, "account add B");
    await auth(folder, "user add B bob");
    await assert.rejects(logIn(t, server, folder, "B/bob.creds"), /Authorization Violation/i);
    const url = `nats://127.0.0.1:${server.port}`;
    const pushed = await natsnode(folder, ["auth", "push", "B", "--server", url, "--json"]);
    assert.equal(pushed.code, 0, pushed.err);
    const [outcome] = JSON.parse(pushed.out) as { account: string; ok: boolean }[];
    assert.deepEqual([outcome.account, outcome.ok], ["B", true]);
    const bob = await logIn(t, server, folder, "B/bob.creds");
    await bob.flush();
    await auth(folder, "revocation add A ada");
    await auth(folder, `push A --server ${url}`);
    await ada.closed();
    await assert.rejects(logIn(t, server, folder, "A/ada.creds"), /Authorization Violation/i);
    await auth(folder, "user edit A ada");
    const again = await logIn(t, server, folder, "A/ada.creds");
    await again.flush();
    const byBob = await natsnode(folder, ["auth", "push", "--server", url, "--creds", "nats-auth/creds/B/bob.creds"]);
    assert.equal(byBob.code, 1);
    assert.match(byBob.err, /^natsnode auth push: A: /);
  });
}

for (const [program, skip] of PROGRAMS) {
  test(`${program}: after a change to signing keys, accounts signed otherwise are refused`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    for (const command of [
      "operator add ACME",
      "account add A",
      "operator key add",
      "operator edit --require-signing-keys yes",
      "account key add SYS",
      "user edit SYS sys",
      "server-config --resolver full --out server.conf",
    ]) {
      await auth(folder, command);
    }
    const config = readFileSync(join(folder, "server.conf"), "utf8");
    const server = await startServerProcess(t, { program, config });
    const url = `nats://127.0.0.1:${server.port}`;
    const refused = await natsnode(folder, ["auth", "push", "A", "--server", url]);
    assert.deepEqual([refused.code, refused.err], [1, ""]);
    assert.match(refused.out, /^A: failed: .*signing key/);
    await auth(folder, "account edit A");
    assert.match(await auth(folder, `push A --server ${url}`), /^A: jwt updated/);
  });
}

test("the files of secrets belong to their owner alone", { skip: process.platform === "win32" }, async (t) => {
  const folder = temporaryFolder(t);
  await auth(folder, "operator add ACME");
  await auth(folder, "nkey --out user.nk");
  const modeOf = (path: string): string => (statSync(join(folder, path)).mode & 0o777).toString(8);
  assert.equal(modeOf("nats-auth/creds/SYS/sys.creds"), "600");
  assert.equal(modeOf("nats-auth"), "700");
  assert.equal(modeOf("nats-auth/keys"), "700");
  assert.equal(modeOf("user.nk"), "600");
  writeFileSync(join(folder, "open.nk"), "", { mode: 0o644 });
  await auth(folder, "nkey --out open.nk --force");
  assert.equal(modeOf("open.nk"), "600");
});

test("a password comes from standard input, and its hash lets the user in", async (t) => {
  const folder = temporaryFolder(t);
  const { code, out } = await natsnode(folder, ["auth", "password", "--cost", "4"], "countess\nnext line\n");
  assert.equal(code, 0);
  const server = await startServerProcess(t, { config: `authorization { user: ada, password: "${out.trim()}" }` });
  const client = await connect({ port: server.port, user: "ada", pass: "countess" });
  t.after(() => client.close());
  await client.flush();
  await assert.rejects(connect({ port: server.port, user: "ada", pass: "next line", reconnect: false }));
});

test("nothing listens on push's address", async (t) => {
  const folder = temporaryFolder(t);
  await auth(folder, "operator add ACME");
  const { code, err } = await natsnode(folder, ["auth", "push", "--server", "nats://127.0.0.1:1"]);
  assert.equal(code, 1);
  assert.match(err, /^natsnode auth push: cannot log in at nats:\/\/127\.0\.0\.1:1: /);
});

test("only the exact first words auth and config are commands, all others are refused as by nats-server", async (t) => {
  const folder = temporaryFolder(t);
  for (const argv of [["Auth"], ["CONFIG", "check"], ["-D", "auth"], ["constructor"], ["__proto__"]]) {
    const { code, err } = await natsnode(folder, argv);
    assert.equal(code, 1, argv.join(" "));
    assert.match(err, /^nats-server: unrecognized command: /);
  }
  writeFileSync(join(folder, "a.conf"), "port: 4222\n");
  assert.equal((await natsnode(folder, ["config", "check", "a.conf"])).code, 0);
  assert.equal((await natsnode(folder, ["auth", "nonsense"])).code, 2);
});
