// New options under live connections: who goes, who stays, what holds from when, and all or nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw, type RawClient } from "./support/raw-client.js";

const lines = async (client: RawClient, text = ""): Promise<string[]> => {
  client.send(text);
  return (await client.sync()).map((item) => item.line);
};

type User = NonNullable<NonNullable<ServerOptions["authorization"]>["users"]>[number];
const withUsers = (...users: User[]): ServerOptions => ({ authorization: { users } });

test("a changed password refuses its users, a removed user goes without a word, the others notice nothing", async (t) => {
  const keep = { user: "keep", password: "k" };
  const { port, reload } = await startLocalServer(
    t,
    withUsers(keep, { user: "changed", password: "1" }, { user: "removed", password: "r" }),
  );
  const kept = await connectClient(t, port, { user: "keep", pass: "k" });
  const changed = await connectClient(t, port, { user: "changed", pass: "1" });
  const removed = await connectClient(t, port, { user: "removed", pass: "r" });
  await lines(kept, "SUB a 1\r\n");
  await reload(withUsers(keep, { user: "changed", password: "2" }));
  assert.deepEqual(
    (await changed.closed()).map((item) => item.line),
    ["-ERR 'Authorization Violation'"],
  );
  assert.deepEqual(await removed.closed(), []);
  assert.deepEqual(await lines(kept, "PUB a 0\r\n\r\n"), ["MSG a 1 0"]);
  await connectClient(t, port, { user: "changed", pass: "2" });
});

test("a user that moves to another account is disconnected without a word", async (t) => {
  const user = { user: "u", password: "p" };
  const { port, reload } = await startLocalServer(t, { accounts: { A: { users: [user] }, B: {} } });
  const client = await connectClient(t, port, { user: "u", pass: "p" });
  await reload({ accounts: { A: {}, B: { users: [user] } } });
  assert.deepEqual(await client.closed(), []);
});

test("permissions change under a connection: publishing at once, subscriptions with a word each", async (t) => {
  const user = { user: "u", password: "p" };
  const { server, port, reload } = await startLocalServer(t, withUsers(user));
  const own = (await server.collect()).subscriptions;
  const client = await connectClient(t, port, { user: "u", pass: "p" });
  assert.deepEqual(await lines(client, "SUB a 1\r\nSUB b 2\r\nSUB a g 3\r\nPUB b 0\r\n\r\n"), ["MSG b 2 0"]);
  await reload(withUsers({ ...user, permissions: { publish: { deny: ["b"] }, subscribe: { deny: ["a"] } } }));
  assert.deepEqual((await lines(client)).sort(), [
    `-ERR 'Permissions Violation for Subscription to "a" (sid "1")'`,
    `-ERR 'Permissions Violation for Subscription to "a" using queue "g" (sid "3")'`,
  ]);
  assert.deepEqual(await lines(client, "PUB b 0\r\n\r\nPUB a 0\r\n\r\n"), [
    `-ERR 'Permissions Violation for Publish to "b"'`,
  ]);
  assert.equal((await server.collect()).subscriptions, own + 1);
  await reload(withUsers(user));
  assert.deepEqual(await lines(client, "SUB a 1\r\nPUB a 0\r\n\r\nPUB b 0\r\n\r\n"), ["MSG a 1 0", "MSG b 2 0"]);
});

test("a message that has half come in goes by the permissions that hold at its end, and its client stays", async (t) => {
  const user = { user: "u", password: "p" };
  const { port, reload } = await startLocalServer(t, withUsers(user));
  const client = await connectClient(t, port, { user: "u", pass: "p" });
  await lines(client, "SUB a 1\r\nSUB $JS.ACK.> 2\r\n");
  const ack = "$JS.ACK.S.C.1.1.1.1.1";
  for (const head of ["PUB a 4", "HPUB a 12 16", `PUB ${ack} 4`]) {
    const headers = head.startsWith("HPUB") ? "NATS/1.0\r\n\r\n" : "";
    client.send(`PING\r\n${head}\r\n${headers}+A`);
    await client.pong();
    await reload(withUsers({ ...user, permissions: { publish: { deny: ["b"] } } }));
    const [delivered] = await lines(client, "CK\r\n");
    assert.match(delivered, /^H?MSG (a 1|\$JS\.ACK\S+ 2) /);
    client.send(`PING\r\n${head}\r\n${headers}+A`);
    await client.pong();
    await reload(withUsers({ ...user, permissions: { publish: { deny: ["a", "$JS.>"] } } }));
    const [refused] = await lines(client, "CK\r\n");
    assert.match(refused, /^-ERR 'Permissions Violation for Publish to "/);
    await reload(withUsers(user));
  }
});

test("max_payload and max_control_line hold for live connections from the next line on", async (t) => {
  const { port, reload } = await startLocalServer(t);
  const client = await connectClient(t, port, { protocol: 1 });
  await lines(client, `PUB a 50\r\n${"x".repeat(50)}\r\n`.repeat(3));
  await reload({ maxPayloadBytes: 10 });
  assert.deepEqual(await lines(client), [], "no INFO about it");
  client.send(`PUB a 50\r\n${"x".repeat(50)}\r\n`);
  assert.deepEqual(
    (await client.closed()).map((item) => item.line),
    ["-ERR 'Maximum Payload Violation'"],
  );
  const other = await connectRaw(t, port);
  assert.equal((await other.info())["max_payload"], 10);
  await reload({ maxControlLineBytes: 10 });
  other.send("SUB abcdefghijk 1\r\n");
  assert.deepEqual(
    (await other.closed()).map((item) => item.line),
    ["-ERR 'maximum control line exceeded'"],
  );
});

test("a smaller max_connections closes as many clients as are too many, with the reason", async (t) => {
  const { server, port, reload, log } = await startLocalServer(t);
  const clients: RawClient[] = [];
  for (let i = 0; i < 5; i++) clients.push(await connectClient(t, port));
  await reload({ maxConnections: 2 });
  assert.equal(server.clients.size, 2);
  for (const client of clients.slice(2)) {
    assert.deepEqual(
      (await client.closed()).map((item) => item.line),
      ["-ERR 'maximum connections exceeded'"],
    );
  }
  for (const client of clients.slice(0, 2)) assert.deepEqual(await lines(client), []);
  assert.equal(log.matching(/Closed 3 connections to fall within max_connections/).length, 1);
});

test("mappings change for subjects that were published before", async (t) => {
  const { port, reload } = await startLocalServer(t);
  const client = await connectClient(t, port);
  const publish = "PUB a 0\r\n\r\n";
  assert.deepEqual(await lines(client, `SUB > 1\r\n${publish}${publish}`), ["MSG a 1 0", "MSG a 1 0"]);
  await reload({ mappings: { a: [{ destination: "b" }] } });
  assert.deepEqual(await lines(client, publish), ["MSG b 1 0"]);
  await reload({ mappings: { a: [{ destination: "c" }] } });
  assert.deepEqual(await lines(client, publish), ["MSG c 1 0"]);
  await reload({});
  assert.deepEqual(await lines(client, publish), ["MSG a 1 0"]);
});

test("when one room objects, nothing of the new options takes effect", async (t) => {
  const { server, port, reload } = await startLocalServer(t);
  let commits = 0;
  const objections: (Error | undefined)[] = [new Error("first"), undefined];
  server.use({ prepare: () => () => void commits++ });
  server.use({
    prepare: async () => {
      const objection = objections.shift();
      if (objection !== undefined) throw objection;
      return undefined;
    },
  });
  const client = await connectClient(t, port);
  const before = server.options;
  const next: ServerOptions = { maxPayloadBytes: 10, mappings: { a: [{ destination: "b" }] } };
  await assert.rejects(reload(next), /first/);
  assert.equal(commits, 0);
  assert.equal(server.options, before);
  assert.deepEqual(await lines(client, "SUB > 1\r\nPUB a 20\r\n01234567890123456789\r\n"), ["MSG a 1 20"]);
  await reload(next);
  assert.equal(commits, 1);
  assert.deepEqual(await lines(client, "PUB a 1\r\nx\r\n"), ["MSG b 1 1"]);
});

test("options that cannot be, such as an import without an export, are refused as a whole", async (t) => {
  const { server, reload } = await startLocalServer(t);
  const before = server.options;
  const imports = [{ service: { account: "B", subject: "x" } }];
  await assert.rejects(
    reload({ maxPayloadBytes: 10, accounts: { A: { imports }, B: {} } } as unknown as ServerOptions),
    { name: "OptionsError" },
  );
  assert.equal(server.options, before);
});

test("reloads that are asked for at once take effect one after the other", async (t) => {
  const { server, reload } = await startLocalServer(t);
  const order: number[] = [];
  server.use({
    prepare: async (_old, next) => {
      order.push(next.maxPayloadBytes);
      await new Promise(setImmediate);
      return () => void order.push(-next.maxPayloadBytes);
    },
  });
  await Promise.all([reload({ maxPayloadBytes: 1 }), reload({ maxPayloadBytes: 2 })]);
  assert.deepEqual(order, [1, -1, 2, -2]);
  assert.equal(server.options.maxPayloadBytes, 2);
});

test("a login that becomes required ends those who never logged in", async (t) => {
  const { port, reload } = await startLocalServer(t);
  const silent = await connectRaw(t, port);
  await silent.info();
  const open = await connectClient(t, port);
  await reload({ authorization: { user: "u", password: "p" } });
  for (const client of [silent, open]) {
    assert.deepEqual(
      (await client.closed()).map((item) => item.line),
      ["-ERR 'Authorization Violation'"],
    );
  }
});
