// What changes while servers are connected: URLs for clients and permissions that another server tells anew, a URL that is taken
// away while another one leads to the same server, connections that end while much is told.
import assert from "node:assert/strict";
import { connect as dialTcp } from "node:net";
import { test } from "node:test";
import type { ClusterRoom } from "../src/cluster/room.js";
import { formed, startLocalCluster, until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw } from "./support/raw-client.js";
import { dialRoute, joinAsRoute, SCRIPTED_INFO } from "./support/scripted-route.js";

const cluster = { name: "C", host: "127.0.0.1", port: -1 };
const plain = { ...cluster, compression: { mode: "off" } };
const roomOf = ({ server }: LocalServer): ClusterRoom => server.clusterLink as ClusterRoom;
const urlsAt = ({ server }: LocalServer): readonly string[] => server.clientUrls.clients;
const again = (info: object): string => `INFO ${JSON.stringify({ ...SCRIPTED_INFO, ...info })}\r\n`;

test("a removed URL of a server that has another one in the options leaves it connected", async (t) => {
  const one = await startLocalServer(t, { serverName: "S1", cluster });
  const { port } = one.server.addresses["cluster"];
  const [first, second] = [`nats-route://127.0.0.1:${port}`, `nats-route://localhost:${port}`];
  const options = (...routes: string[]) => ({ serverName: "S2", cluster: { ...cluster, routes } });
  const two = await startLocalServer(t, options(first, second));
  await formed([one, two]);
  await until("nothing more is dialled", () => roomOf(two).dialer.size === 0);
  const { id } = one.server;
  for (const left of [second, first]) {
    await two.reload(options(left));
    await formed([one, two]);
    await until("nothing more is dialled", () => roomOf(two).dialer.size === 0);
    await two.reload(options(first, second));
    await until("both URLs lead there", () => roomOf(two).peers.get(id)?.knownAt.size === 2);
    await formed([one, two]);
  }
  await two.reload(options());
  await until("they have parted", () => one.server.reports.routes().length === 0);
  assert.equal(roomOf(two).dialer.size, 0);
});

test("a connected server's new URLs for clients are passed on", async (t) => {
  const one = await startLocalServer(t, { serverName: "S1", cluster: plain });
  const { route } = await joinAsRoute(t, one, { connect_urls: ["127.0.0.1:1111"] });
  await until("its URL is known", () => urlsAt(one).includes("127.0.0.1:1111"));
  route.send(again({ connect_urls: ["127.0.0.1:2222"] }));
  await until("the new one is, instead", () => urlsAt(one).join() === "127.0.0.1:2222");
  route.send(again({ connect_urls: [] }));
  await until("none is", () => urlsAt(one).length === 0);
  assert.equal(one.server.reports.routes().length, 1);
});

test("a connected server that permits something else is told of all interest again", async (t) => {
  const one = await startLocalServer(t, { serverName: "S1", cluster: plain });
  const client = await connectClient(t, one.port);
  client.send("SUB now.welcome 1\r\nPING\r\n");
  await client.pong();
  const { route } = await joinAsRoute(t, one, { export: { allow: ["a.>"] } });
  const said = async (): Promise<string[]> => (await route.sync()).map(({ line }) => line);
  route.send(again({ export: { allow: ["a.>"] } }));
  assert.deepEqual(await said(), []);
  route.send(again({ export: { allow: ["a.>", "now.>"] } }));
  assert.ok((await said()).includes("RS+ $G now.welcome"));
});

test("no_advertise counts from a reload on, in both directions", async (t) => {
  const servers = await startLocalCluster(t, 2);
  const [one, two] = servers;
  const routes = two.server.options.cluster?.routes ?? [];
  await until("both know of the other", () => servers.every((server) => urlsAt(server).length === 1));
  const options = (noAdvertise: boolean) => ({ serverName: "S2", cluster: { ...cluster, noAdvertise, routes } });
  await two.reload(options(true));
  await until("none does", () => servers.every((server) => urlsAt(server).length === 0));
  await two.reload(options(false));
  await until("both do again", () => servers.every((server) => urlsAt(server).length === 1));
  assert.deepEqual(urlsAt(one), [`127.0.0.1:${two.port}`]);
});

test("what is told of much interest ends with the connection", async (t) => {
  const one = await startLocalServer(t, { serverName: "S1", cluster: plain });
  const client = await connectClient(t, one.port);
  client.send(Array.from({ length: 30_000 }, (_, i) => `SUB much.${i} ${i}\r\n`).join(""));
  await client.sync();
  const route = await dialRoute(t, one);
  route.send(`CONNECT {"name":"N","cluster":"C"}\r\n${again({})}`);
  await until("it is registered", () => roomOf(one).peers.size === 1);
  const [registered] = roomOf(one).routes;
  let told = 0;
  const announce = registered.announce.bind(registered);
  registered.announce = (account, interest) => {
    if (registered.closed) told++;
    announce(account, interest);
  };
  registered.failed(new Error("for this test"));
  await client.sync();
  await client.sync();
  assert.equal(told, 0);
});

test("the members of queue groups that others are told of have a limit", async (t) => {
  const one = await startLocalServer(t, {
    serverName: "S1",
    cluster: plain,
    leafnodes: { host: "127.0.0.1", port: -1 },
  });
  const { route } = await joinAsRoute(t, one);
  for (const name of ["x", "y"]) {
    const leaf = await connectRaw(t, one.server.addresses["leafnode"].port);
    leaf.send(`CONNECT {"server_id":"${name}","name":"${name}","cluster":"same","headers":true,"protocol":3}\r\n`);
    leaf.send("LS+ a q 999999999\r\n");
  }
  const weights: string[] = [];
  await until("both are known", async () => {
    for (const { line } of await route.sync()) if (line.startsWith("LS+ same $G a q")) weights.push(line);
    return weights.length === 2;
  });
  assert.deepEqual(weights, Array(2).fill("LS+ same $G a q 999999999"));
});

for (const [what, room, lines] of [
  [
    "cluster",
    { cluster: { ...plain, authorization: { user: "u", password: "p" } } },
    'CONNECT {"name":"N","cluster":"C","user":"u","pass":"no"}\r\n',
  ],
  [
    "gateway",
    { gateway: { name: "A", host: "127.0.0.1", port: -1, authorization: { user: "u", password: "p" } } },
    'CONNECT {"name":"N","gateway":"B","user":"u","pass":"no"}\r\n',
  ],
  [
    "leafnode",
    { leafnodes: { host: "127.0.0.1", port: -1, authorization: { user: "u", password: "p" } } },
    'CONNECT {"name":"N","user":"u","pass":"no"}\r\n',
  ],
] as const) {
  test(`who guesses at the password of a ${what} is refused more and more slowly`, async (t) => {
    const one = await startLocalServer(t, { serverName: "S1", ...room });
    const { port } = one.server.addresses[what];
    const guess = (): Promise<number> =>
      new Promise((resolve) => {
        const startedMs = performance.now();
        const socket = dialTcp(port, "127.0.0.1", () => socket.write(lines));
        socket
          .on("error", () => {})
          .on("close", () => resolve(performance.now() - startedMs))
          .resume();
      });
    for (let i = 0; i < 22; i++) await guess();
    const refusedAfterMs = await guess();
    assert.ok(refusedAfterMs >= 350, `${refusedAfterMs} ms`);
    const refused = one.log.matching(/Authorization Violation/).length;
    assert.equal(refused, 23);
  });
}
