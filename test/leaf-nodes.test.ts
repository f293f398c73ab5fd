// Leaf nodes and their hubs over real sockets: ways to the hub, what a reload and a lost link mean, hostile leaf nodes.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer, connect as dialTcp } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { CloseReason } from "../src/server/close-reason.js";
import { CertificateAuthority } from "./support/certificates.js";
import { freePort } from "./support/free-port.js";
import { startLocalCluster, until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw, type RawClient } from "./support/raw-client.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

type Remote = NonNullable<NonNullable<ServerOptions["leafnodes"]>["remotes"]>[number];

const listening = { host: "127.0.0.1", port: -1 };
const leafPort = ({ server }: LocalServer): number => server.addresses["leafnode"].port;
const leafUrl = (hub: LocalServer, login = ""): string => `nats-leaf://${login}127.0.0.1:${leafPort(hub)}`;
const leafs = ({ server }: LocalServer) => server.reports.leafs();

const startHub = (t: Scope, options: ServerOptions = {}): Promise<LocalServer> =>
  startLocalServer(t, { serverName: "HUB", leafnodes: listening, ...options });
const startLeaf = (t: Scope, remote: Remote, options: ServerOptions = {}): Promise<LocalServer> =>
  startLocalServer(t, { serverName: "LEAF", leafnodes: { reconnectMs: 50, remotes: [remote] }, ...options });

async function linked(...servers: LocalServer[]): Promise<void> {
  await until("the leaf link is made", () => servers.every((one) => leafs(one).length === 1));
}

/** A message and its answer cross the link, from the leaf to the hub and back. */
async function crosses(t: Scope, hub: LocalServer, leaf: LocalServer, text = "hello"): Promise<void> {
  const [service, client] = [await connectClient(t, hub.port), await connectClient(t, leaf.port)];
  service.send("SUB over.there 1\r\nPING\r\n");
  await service.pong();
  await until("the leaf knows of it", () => leaf.server.accounts.global.sublist.hasInterest("over.there"));
  client.send(`SUB back 2\r\nPUB over.there back ${text.length}\r\n${text}\r\n`);
  assert.equal((await service.expect(`MSG over.there 1 back ${text.length}`)).payload, text);
  await until("the hub knows of the inbox", () => hub.server.accounts.global.sublist.hasInterest("back"));
  service.send("PUB back 2\r\nok\r\n");
  assert.equal((await client.expect("MSG back 2 2")).payload, "ok");
  service.socket.destroy();
  client.socket.destroy();
}

for (const [what, remote, compressed] of [
  ["plain", {}, "s2_uncompressed"],
  ["without masks", { wsNoMasking: true }, "s2_uncompressed"],
  ["compressed by the WebSocket", { wsCompression: true }, "off"],
] as const) {
  test(`a leaf node comes over WebSocket, ${what}`, async (t) => {
    const hub = await startHub(t, { websocket: { ...listening, noTls: true, compression: true } });
    const url = `ws://127.0.0.1:${hub.server.addresses["websocket"].port}/some/path/`;
    const leaf = await startLeaf(t, { urls: [url], compression: { mode: "s2_fast" }, ...remote });
    await linked(hub, leaf);
    assert.equal(leafs(hub)[0].isWebSocket && leafs(leaf)[0].isWebSocket, true);
    assert.equal(leafs(leaf)[0].compression === "off", compressed === "off");
    await crosses(t, hub, leaf, "words ".repeat(20_000));
    assert.equal(hub.log.matching(/ - lid_ws:\d+ - Leafnode connection created $/).length, 1);
  });
}

test("a leaf node comes over WebSocket and TLS", async (t) => {
  const folder = temporaryFolder(t);
  const authority = new CertificateAuthority();
  const made = authority.issue({ dns: ["localhost"] });
  const [caFile, certFile, keyFile] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder, name));
  writeFileSync(caFile, authority.certificate);
  writeFileSync(certFile, made.certificate);
  writeFileSync(keyFile, made.key);
  const tls = { certFile, keyFile };
  const hub = await startHub(t, { websocket: { ...listening, tls } });
  const url = `wss://localhost:${hub.server.addresses["websocket"].port}`;
  const leaf = await startLeaf(t, { urls: [url], tls: { caFile } });
  await linked(hub, leaf);
  await crosses(t, hub, leaf);
});

test("a leaf node comes through an HTTP proxy that wants a password", async (t) => {
  const asked: string[] = [];
  const proxy = createServer((socket) => {
    socket.once("data", (head) => {
      asked.push(head.toString("latin1"));
      const [, port] = /^CONNECT [\d.]+:(\d+) /.exec(asked[0]) ?? [];
      if (asked.length === 1) {
        socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        return;
      }
      const onward = dialTcp(Number(port), "127.0.0.1");
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
      for (const one of [socket, onward]) one.on("error", () => one.destroy());
    });
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  t.after(() => proxy.close());
  const { port } = proxy.address() as { port: number };
  const hub = await startHub(t, { websocket: { ...listening, noTls: true } });
  const leaf = await startLeaf(t, {
    urls: [`ws://127.0.0.1:${hub.server.addresses["websocket"].port}`],
    proxy: { url: `http://127.0.0.1:${port}`, username: "me", password: "secret" },
  });
  await linked(hub, leaf);
  await crosses(t, hub, leaf);
  assert.match(asked[1], /\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n/);
  assert.equal(leaf.log.matching(/proxy CONNECT failed: 407 Proxy Authentication Required/).length, 1);
});

test("a hub over WebSocket that is none is told in the log, and tried again", async (t) => {
  const hub = await startLocalServer(t, { websocket: { ...listening, noTls: true } });
  const leaf = await startLeaf(t, { urls: [`ws://127.0.0.1:${hub.server.addresses["websocket"].port}`] });
  await until(
    "the hub has refused",
    () => hub.log.matching(/Not configured to accept leaf node connections/).length > 1,
  );
  assert.equal(leafs(leaf).length, 0);
  const client = await connectClient(t, leaf.port);
  await client.sync();
});

test("a leaf node learns of the other servers of the hub's cluster, and goes there when its own ends", async (t) => {
  const hubs = await startLocalCluster(t, 2, { leafnodes: listening });
  const leaf = await startLeaf(t, { urls: [leafUrl(hubs[0])] });
  await until("it is connected", () => leafs(hubs[0]).length === 1);
  await hubs[0].server.close();
  await until("it has gone to the other", () => leafs(hubs[1]).length === 1);
  await crosses(t, hubs[1], leaf);
});

test("credentials that cannot be read are told in the log, and counted again when they can be", async (t) => {
  const folder = temporaryFolder(t);
  const hub = await startHub(t);
  const leaf = await startLeaf(t, { urls: [leafUrl(hub)], credentials: `${folder}/missing.creds` });
  await until("it was tried twice", () => leaf.log.matching(/credentials cannot be used/).length > 1);
  assert.equal(leafs(hub).length, 0);
  await (await connectClient(t, leaf.port)).sync();
});

test("a hub that says nothing is left after first_info_timeout", async (t) => {
  const silent = createServer(() => {});
  await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const leaf = await startLeaf(t, { urls: [`nats-leaf://127.0.0.1:${port}`], firstInfoTimeoutMs: 50 });
  await until("it has given up twice", () => leaf.log.matching(/no INFO within 50 ms/).length > 1);
  assert.equal(leafs(leaf).length, 0);
});

test("a port for clients is no hub", async (t) => {
  const other = await startLocalServer(t);
  const leaf = await startLeaf(t, { urls: [`nats-leaf://127.0.0.1:${other.port}`] });
  await until("it has seen that", () => leaf.log.matching(/attempted to connect to wrong port/).length > 0);
  assert.equal(leafs(leaf).length, 0);
});

test("a reload adds, disables and removes remotes", async (t) => {
  const hub = await startHub(t);
  const leaf = await startLocalServer(t, { serverName: "LEAF", leafnodes: { reconnectMs: 50, remotes: [] } });
  const remotes = (...all: Remote[]): Promise<void> =>
    leaf.reload({ serverName: "LEAF", leafnodes: { reconnectMs: 50, remotes: all } });
  await remotes({ urls: [leafUrl(hub)] });
  await linked(hub, leaf);
  await remotes({ urls: [leafUrl(hub)], disabled: true });
  await until("it is disabled", () => leafs(hub).length === 0);
  await remotes({ urls: [leafUrl(hub)] });
  await linked(hub, leaf);
  await remotes();
  await until("it is gone", () => leafs(hub).length === 0);
  assert.equal(leafs(leaf).length, 0);
});

test("a leaf node whose user is gone by a reload goes, the others stay", async (t) => {
  const users = (...names: string[]): ServerOptions => ({
    serverName: "HUB",
    leafnodes: { ...listening, authorization: { users: names.map((user) => ({ user, password: "p" })) } },
  });
  const hub = await startLocalServer(t, users("one", "two"));
  await startLeaf(t, { urls: [leafUrl(hub, "one:p@")] }, { serverName: "L1" });
  await startLeaf(t, { urls: [leafUrl(hub, "two:p@")] }, { serverName: "L2" });
  await until("both are there", () => leafs(hub).length === 2);
  await hub.reload(users("two"));
  await until("one is left", () => leafs(hub).length === 1);
  assert.equal(leafs(hub)[0].name, "L2");
});

test("a user whose account or permissions change by a reload comes back to what counts now", async (t) => {
  const options = (deny: string[]): ServerOptions => ({
    serverName: "HUB",
    leafnodes: listening,
    accounts: {
      A: {
        users: [
          { user: "leaf", password: "p", permissions: { subscribe: { deny } } },
          { user: "c", password: "p" },
        ],
      },
    },
  });
  const hub = await startLocalServer(t, options([]));
  const leaf = await startLeaf(t, { urls: [leafUrl(hub, "leaf:p@")] });
  await linked(hub, leaf);
  const [wanted] = leafs(hub);
  await hub.reload(options(["secret"]));
  await until("it has come back", () => leafs(hub).some(({ id }) => id !== wanted.id));
  const client = await connectClient(t, leaf.port);
  client.send("SUB secret 1\r\nSUB open 2\r\nPING\r\n");
  await client.pong();
  const { sublist } = hub.server.accounts.get("A") as { sublist: { hasInterest(subject: string): boolean } };
  await until("what is open is known", () => sublist.hasInterest("open"));
  assert.equal(sublist.hasInterest("secret"), false);
});

test("mappings that come and go by a reload change what the other side is told", async (t) => {
  const hub = await startHub(t);
  const mapped = (mappings: ServerOptions["mappings"]): ServerOptions => ({
    serverName: "LEAF",
    mappings,
    leafnodes: { reconnectMs: 50, remotes: [{ urls: [leafUrl(hub)] }] },
  });
  const leaf = await startLocalServer(t, mapped({}));
  await linked(hub, leaf);
  const { sublist } = hub.server.accounts.global;
  await leaf.reload(mapped({ from: [{ destination: "to" }] }));
  await until("the source is wanted", () => sublist.hasInterest("from"));
  await leaf.reload(mapped({}));
  await until("it is not any more", () => !sublist.hasInterest("from"));
  assert.equal(leafs(hub).length, 1);
});

test("interest of one leaf node stays away from an isolated one, messages do not", async (t) => {
  const hub = await startHub(t);
  const one = await startLeaf(t, { urls: [leafUrl(hub)], requestIsolation: true }, { serverName: "L1" });
  const two = await startLeaf(t, { urls: [leafUrl(hub)] }, { serverName: "L2" });
  await until("both are there", () => leafs(hub).length === 2);
  const subscriber = await connectClient(t, two.port);
  subscriber.send("SUB from.two 1\r\nPING\r\n");
  await subscriber.pong();
  await until("the hub knows", () => hub.server.accounts.global.sublist.hasInterest("from.two"));
  const witness = await connectClient(t, hub.port);
  witness.send("SUB from.hub 1\r\nPING\r\n");
  await witness.pong();
  await until("the isolated one hears of the hub", () => one.server.accounts.global.sublist.hasInterest("from.hub"));
  assert.equal(one.server.accounts.global.sublist.hasInterest("from.two"), false);
  assert.deepEqual(
    leafs(hub)
      .map(({ name, isIsolated }) => `${name} ${isIsolated}`)
      .sort(),
    ["L1 true", "L2 false"],
  );
});

test("a remote that is the hub: the other side is the leaf", async (t) => {
  const other = await startHub(t, { serverName: "SPOKE" });
  const hub = await startLeaf(t, { urls: [leafUrl(other)], hub: true });
  await linked(other, hub);
  assert.deepEqual([leafs(other)[0].isSpoke, leafs(hub)[0].isSpoke], [true, false]);
  await crosses(t, other, hub);
});

test("two servers that dial each other at the same time find the loop, and each message comes once", async (t) => {
  const names = ["A", "B"];
  const ports = await Promise.all(names.map(() => freePort()));
  const servers = await Promise.all(
    names.map((serverName, at) =>
      startLocalServer(t, {
        serverName,
        leafnodes: {
          host: "127.0.0.1",
          port: ports[at],
          reconnectMs: 50,
          remotes: [{ urls: [`nats-leaf://127.0.0.1:${ports[1 - at]}`] }],
        },
      }),
    ),
  );
  const [a, b] = servers;
  const told = (): number =>
    servers.flatMap(({ log }) => log.matching(/Loop detected for leafnode account="\$G"/)).length;
  await until("a loop is found, and one link is left at most", () => told() > 0 && leafs(a).length < 2);
  const [publisher, subscriber] = [await connectClient(t, a.port), await connectClient(t, b.port)];
  subscriber.send("SUB once 1\r\nPING\r\n");
  await subscriber.pong();
  publisher.send("PUB once 1\r\nx\r\nPING\r\n");
  await publisher.pong();
  assert.ok((await subscriber.sync()).length <= 1);
});

test("a leaf node is kicked, counted among the connections, and comes back", async (t) => {
  const hub = await startHub(t);
  const leaf = await startLeaf(t, { urls: [leafUrl(hub)] });
  await linked(hub, leaf);
  const left = new Promise<string>((resolve) => hub.server.events.on("leafLeft", (_, reason) => resolve(reason)));
  assert.equal(hub.server.kickLeaf?.(leafs(hub)[0].id), true);
  assert.equal(await left, CloseReason.kicked);
  await linked(hub, leaf);
  assert.equal(hub.server.kickLeaf?.(-1), false);
});

// ---------------------------------------------------------------- hostile leaf nodes

const CONNECT = 'CONNECT {"server_id":"X","name":"x","cluster":"x","headers":true,"protocol":3}\r\n';

async function strange(t: Scope, hub: LocalServer, text: string): Promise<string> {
  const client = await connectRaw(t, leafPort(hub));
  let heard = "";
  client.socket.on("data", (chunk) => {
    heard += chunk.toString("latin1");
  });
  client.send(text);
  await client.closed();
  return heard;
}

for (const [what, text, answer] of [
  ["a message before CONNECT", "LMSG a 2\r\nhi\r\n", /-ERR 'Authorization Violation'/],
  ["interest before CONNECT", "LS+ a\r\n", /-ERR 'Authorization Violation'/],
  ["a CONNECT that is no JSON", "CONNECT {nonsense\r\n", /-ERR 'Unknown Protocol Operation'/],
  ["a second CONNECT", CONNECT + CONNECT, /-ERR 'Unknown Protocol Operation'/],
  ["interest without a subject", `${CONNECT}LS+ \r\n`, /-ERR 'Unknown Protocol Operation'/],
  ["interest with too much", `${CONNECT}LS+ a b 1 2\r\n`, /-ERR 'Unknown Protocol Operation'/],
  ["interest with a weight of nothing", `${CONNECT}LS+ a q 0\r\n`, /-ERR 'Unknown Protocol Operation'/],
  ["a subject that is none", `${CONNECT}LS+ a..b\r\n`, /-ERR 'Unknown Protocol Operation'/],
  ["a size that is none", `${CONNECT}LMSG a -2\r\n`, /-ERR 'Unknown Protocol Operation'/],
  ["headers longer than the message", `${CONNECT}HMSG a 9 4\r\n`, /-ERR 'Unknown Protocol Operation'/],
  ["a payload beyond max_payload", `${CONNECT}LMSG a 99999999\r\n`, /-ERR 'Maximum Payload Violation'/],
  ["operations of routes", `${CONNECT}RS+ $G a\r\n`, /-ERR 'Unknown Protocol Operation'/],
  ["a first line without end", "C".repeat(100_000), /-ERR '.+'/],
  ["a later line without end", `${CONNECT}LS+ ${"a".repeat(2_000_000)}`, /-ERR '.+'/],
  [
    "a cluster's name with lines in it",
    'CONNECT {"cluster":"x\\r\\nRS+\\t$G\\ta"}\r\n',
    /-ERR 'Unknown Protocol Operation'/,
  ],
  ["noise", "\x00\x01\x02GET / HTTP/1.1\r\n\r\n", /-ERR 'Unknown Protocol Operation'/],
] as const) {
  test(`${what} ends the link with a named error, and nothing else`, async (t) => {
    const hub = await startHub(t);
    assert.match(await strange(t, hub, text), answer);
    const client = await connectClient(t, hub.port);
    await client.sync();
    assert.deepEqual(leafs(hub), []);
    assert.deepEqual(hub.log.matching(/internal error/), []);
  });
}

test("interest in thousands of subjects is taken, and all of it goes with the link", async (t) => {
  const hub = await startHub(t);
  const { sublist } = hub.server.accounts.global;
  const before = sublist.stats().subscriptions;
  const flood: RawClient = await connectRaw(t, leafPort(hub));
  const lines = Array.from({ length: 20_000 }, (_, i) => `LS+ flood.${i}\r\n`).join("");
  flood.send(CONNECT + lines);
  await until("all is known", () => sublist.stats().subscriptions === before + 20_000);
  flood.socket.resetAndDestroy();
  await until("all is gone", () => sublist.stats().subscriptions === before);
  assert.deepEqual(leafs(hub), []);
});
