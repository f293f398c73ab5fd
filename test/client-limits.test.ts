// Every limit of a client: what is said when it is reached, whether the connection lives, and that the value before it works.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw, type RawClient } from "./support/raw-client.js";

const lines = async (client: RawClient, text: string): Promise<string[]> => {
  client.send(text);
  return (await client.sync()).map((item) => item.line);
};

/** Sends and expects the error line and the close. */
async function expectRefused(client: RawClient, text: string, error: string): Promise<void> {
  client.send(text);
  const got = await client.closed();
  assert.deepEqual(
    got.map((item) => item.line),
    [`-ERR '${error}'`],
  );
}

test("max_payload counts headers and is judged by the control line alone", async (t) => {
  const { port } = await startLocalServer(t, { maxPayloadBytes: 100 });
  const headers = "NATS/1.0\r\n\r\n";
  const client = await connectClient(t, port);
  assert.deepEqual(
    await lines(
      client,
      `SUB a 1\r\nPUB a 100\r\n${"x".repeat(100)}\r\nHPUB a 12 100\r\n${headers}${"x".repeat(88)}\r\n`,
    ),
    ["MSG a 1 100", "HMSG a 1 12 100"],
  );
  await expectRefused(client, "PUB a 101\r\n", "Maximum Payload Violation");
  await expectRefused(await connectClient(t, port), "HPUB a 12 101\r\n", "Maximum Payload Violation");
});

test("an account's own max_payload holds where it is smaller, and INFO says so", async (t) => {
  const { port } = await startLocalServer(t, {
    maxPayloadBytes: 1000,
    accounts: {
      SMALL: { users: [{ user: "s", password: "p" }], limits: { maxPayloadBytes: 10 } },
      LARGE: { users: [{ user: "l", password: "p" }], limits: { maxPayloadBytes: 5000 } },
    },
  });
  const small = await connectRaw(t, port);
  assert.equal((await small.info())["max_payload"], 1000);
  small.send('CONNECT {"verbose":false,"protocol":1,"user":"s","pass":"p"}\r\nPING\r\n');
  await small.expect("PONG");
  assert.equal((await small.info())["max_payload"], 10);
  assert.deepEqual(await lines(small, "PUB a 10\r\n0123456789\r\n"), []);
  await expectRefused(small, "PUB a 11\r\n", "Maximum Payload Violation");
  const large = await connectClient(t, port, { user: "l", pass: "p" });
  assert.deepEqual(await lines(large, `PUB a 1000\r\n${"x".repeat(1000)}\r\n`), []);
  await expectRefused(large, "PUB a 1001\r\n", "Maximum Payload Violation");
});

test("max_control_line counts the arguments, without keyword, blanks before them and CR LF", async (t) => {
  const { port } = await startLocalServer(t, { maxControlLineBytes: 64 });
  const sid = "9".repeat(62);
  const client = await connectRaw(t, port);
  await client.info();
  assert.deepEqual(await lines(client, `SUB    a ${sid}\r\n`), ["+OK"]);
  assert.deepEqual(await lines(client, `SUB${" ".repeat(500)}b 8\r\n`), ["+OK"]);
  await expectRefused(client, `SUB a ${sid}9\r\n`, "maximum control line exceeded");
  for (const input of [
    `PUB ${"s".repeat(63)} 1\r\nx\r\n`,
    `HPUB ${"s".repeat(63)} 0 1\r\nx\r\n`,
    `UNSUB ${"s".repeat(65)}\r\n`,
    `CONNECT {"name":"${"s".repeat(60)}"}\r\n`,
    `INFO {"name":"${"s".repeat(60)}"}\r\n`,
    `-ERR ${"s".repeat(65)}\r\n`,
    // Before its end has arrived.
    `SUB ${"s".repeat(65)}`,
    `PUB ${"s".repeat(65)}`,
  ]) {
    const one = await connectRaw(t, port);
    await one.info();
    await expectRefused(one, input, "maximum control line exceeded");
  }
});

test("what is ignored of a line does not count for max_control_line, in one packet or many", async (t) => {
  const { port } = await startLocalServer(t, { maxControlLineBytes: 64 });
  const client = await connectRaw(t, port);
  await client.info();
  for (const pieces of [
    [`PING${"x".repeat(300)}\r\n`],
    ["PI", "NG", "x".repeat(150), "x".repeat(150), "\r", "\n"],
    [`PING${"x".repeat(300)}`, "\r\n"],
  ]) {
    for (const piece of pieces) {
      client.send(piece);
      await new Promise(setImmediate);
    }
    await client.expect("PONG");
  }
  client.send("SUB ");
  await new Promise(setImmediate);
  client.send(" ".repeat(300));
  await new Promise(setImmediate);
  assert.deepEqual(await lines(client, "a 1\r\nPUB a 0\r\n\r\n"), ["+OK", "+OK", "MSG a 1 0"]);
});

test("max_connections turns the next one away after INFO, until there is room", async (t) => {
  const { server, port } = await startLocalServer(t, { maxConnections: 2 });
  const first = await connectClient(t, port);
  await connectClient(t, port);
  const third = await connectRaw(t, port);
  assert.deepEqual(
    (await third.closed()).map((item) => item.line.replace(/^INFO .*/, "INFO")),
    ["INFO", "-ERR 'maximum connections exceeded'"],
  );
  const left = new Promise<void>((resolve) => server.events.on("disconnect", () => resolve()));
  first.close();
  await left;
  await connectClient(t, port);
  assert.equal(server.clients.size, 2);
});

test("an account's max_connections refuses at CONNECT, and those who have not sent one", async (t) => {
  const { port } = await startLocalServer(t, {
    accounts: { A: { users: [{ user: "a", password: "p" }], limits: { maxConnections: 1 } } },
    noAuthUser: "a",
  });
  const login = 'CONNECT {"user":"a","pass":"p","verbose":false}\r\n';
  const first = await connectClient(t, port, { user: "a", pass: "p" });
  assert.deepEqual(await lines(first, login), [], "its own second CONNECT does not count twice");
  const second = await connectRaw(t, port);
  await second.info();
  await expectRefused(second, login, "maximum account active connections exceeded");
  const silent = await connectRaw(t, port);
  await silent.info();
  await expectRefused(silent, "SUB a 1\r\n", "maximum account active connections exceeded");
});

test("max_subscriptions refuses the next one, also for a sid in use, and the connection lives", async (t) => {
  const { port } = await startLocalServer(t, { maxSubscriptions: 2 });
  const client = await connectClient(t, port);
  const error = "-ERR 'maximum subscriptions exceeded'";
  assert.deepEqual(await lines(client, "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB a 1\r\n"), [error, error]);
  assert.deepEqual(await lines(client, "UNSUB 2\r\nSUB c 3\r\nPUB c 0\r\n\r\n"), ["MSG c 3 0"]);
  const other = await connectClient(t, port);
  assert.deepEqual(await lines(other, "SUB a 1\r\nSUB b 2\r\n"), [], "each connection has its own");
});

test("an account's max_subscriptions refuses too", async (t) => {
  const { port } = await startLocalServer(t, {
    accounts: { A: { users: [{ user: "a", password: "p" }], limits: { maxSubscriptions: 1 } } },
  });
  const client = await connectClient(t, port, { user: "a", pass: "p" });
  assert.deepEqual(await lines(client, "SUB a 1\r\nSUB b 2\r\n"), ["-ERR 'maximum subscriptions exceeded'"]);
});

test("max_sub_tokens refuses deeper subjects", async (t) => {
  const { port } = await startLocalServer(t, { maxSubTokens: 3 });
  const client = await connectClient(t, port);
  assert.deepEqual(await lines(client, "SUB a.b.c 1\r\nSUB a.b.c.d 2\r\nPUB a.b.c 0\r\n\r\nPUB a.b.c.d 0\r\n\r\n"), [
    `-ERR 'Permissions Violation for Subscription to "a.b.c.d", too many tokens'`,
    "MSG a.b.c 1 0",
  ]);
});
