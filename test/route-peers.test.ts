// What a server takes over routes, line by line, from peers that the test plays, such as misbehave among them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRoom } from "../src/cluster/room.js";
import { startLocalCluster, until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw, type RawClient } from "./support/raw-client.js";
import type { Scope } from "./support/temporary-folder.js";

const listening = { name: "C", host: "127.0.0.1", port: -1, compression: { mode: "off" } };
const PEER = {
  server_id: "NPEER",
  server_name: "peer",
  version: "2.15.1",
  proto: 3,
  host: "127.0.0.1",
  port: 1,
  headers: true,
  max_payload: 1048576,
  cluster: "C",
  lnoc: true,
  lnocu: true,
};

const start = (scope: Scope): Promise<LocalServer> => startLocalServer(scope, { serverName: "S1", cluster: listening });
const roomOf = ({ server }: LocalServer): ClusterRoom => server.clusterLink as ClusterRoom;

/** Dials as another server, and introduces itself with `info` on top of the usual. */
async function dial(scope: Scope, { server }: LocalServer, info: object = {}): Promise<RawClient> {
  const route = await connectRaw(scope, server.addresses["cluster"].port);
  route.answersPings = true;
  await route.info();
  route.send(
    `CONNECT {"name":"NPEER","cluster":"C","headers":true}\r\nINFO ${JSON.stringify({ ...PEER, ...info })}\r\n`,
  );
  return route;
}

test("a place in the pool that there is not is refused, whatever the other side says of its pool", async (t) => {
  const one = await start(t);
  for (const info of [
    { route_pool_idx: 900_000_000 },
    { route_pool_idx: -1 },
    { route_pool_size: 3, route_pool_idx: 3 },
    { route_pool_size: 3, route_pool_idx: -1 },
    { route_pool_size: 1025 },
  ]) {
    const route = await dial(t, one, info);
    assert.match((await route.closed()).at(-1)?.line ?? "", /^-ERR 'Invalid route pool (index|size)/);
  }
  assert.equal(one.server.reports.remoteServers(), 0);
});

test("a server that pools has no connection that does not", async (t) => {
  const one = await start(t);
  const pooled = await dial(t, one, { route_pool_size: 3, route_pool_idx: 2 });
  await pooled.sync();
  const plain = await dial(t, one);
  assert.match((await plain.closed()).at(-1)?.line ?? "", /^-ERR 'Route pooling differs/);
  await pooled.sync();
  assert.equal(one.server.reports.routes().length, 1);
});

test("nothing is kept of accounts that another server wants nothing of", async (t) => {
  const one = await start(t);
  const route = await dial(t, one);
  const names = Array.from({ length: 1000 }, (_, i) => `UNKNOWN${i}`);
  route.send(names.map((name) => `RS- ${name} a\r\n`).join(""));
  route.send(names.map((name) => `RS+ ${name} a\r\nRS+ ${name} b q 2\r\n`).join(""));
  await route.sync();
  const accounts = () => [...(roomOf(one).peers.get("NPEER")?.accounts() ?? [])].map(({ name }) => name);
  assert.equal(accounts().length, 1000);
  route.send(names.map((name) => `RS- ${name} a\r\nRS- ${name} b q\r\n`).join(""));
  route.send("RS+ $G kept\r\n");
  await route.sync();
  assert.deepEqual(accounts(), ["$G"]);
  route.send("RS- $G kept\r\nRS+ $G again\r\n");
  await route.sync();
  const { sublist } = one.server.accounts.global;
  assert.deepEqual([sublist.hasInterest("kept"), sublist.hasInterest("again")], [false, true]);
  route.close();
  await until("its interest is gone", () => !sublist.hasInterest("again"));
});

test("a flood of gossip leads to a limited number of attempts", async (t) => {
  const one = await start(t);
  const route = await dial(t, one);
  await route.sync();
  const told = (i: number): object => ({
    ...PEER,
    server_id: `N${i}`,
    ip: `nats-route://127.1.${i >> 8}.${i & 255}:1/`,
  });
  const { dialer } = roomOf(one);
  let most = 0;
  const dialAt = dialer.start.bind(dialer);
  dialer.start = (...args) => {
    dialAt(...args);
    most = Math.max(most, dialer.size);
  };
  route.send(Array.from({ length: 3000 }, (_, i) => `INFO ${JSON.stringify(told(i))}\r\n`).join(""));
  await route.sync();
  assert.ok(most > 900 && most <= 1000, `${most} attempts at a time`);
});

test("a server that leaves and connects once more has no URLs for clients", async (t) => {
  const one = await start(t);
  const urls = { connect_urls: ["10.0.0.9:4222"], ws_connect_urls: ["10.0.0.9:8080"] };
  const there = await dial(t, one, urls);
  await there.sync();
  assert.deepEqual(
    [one.server.clientUrls.clients, one.server.clientUrls.webSockets],
    [["10.0.0.9:4222"], ["10.0.0.9:8080"]],
  );
  there.close();
  await until("it is gone", () => one.server.reports.remoteServers() === 0);
  await (await dial(t, one, { ...urls, ldm: true })).sync();
  assert.deepEqual([one.server.clientUrls.clients, one.server.clientUrls.webSockets], [[], []]);
});

for (const [what, count, nameBytes] of [
  ["long names", 100, 4000],
  ["names that are too long for a line", 500, 4000],
  ["a number that no line takes", 4200, 4],
] as const) {
  test(`queue groups with ${what} do not cost two servers their connection`, async (t) => {
    const [one, two] = await startLocalCluster(t, 2);
    const subscriber = await connectClient(t, two.port);
    const groups = Array.from({ length: count }, (_, i) => `${i}`.padEnd(nameBytes, "q"));
    subscriber.send("SUB many plain\r\n");
    for (const [i, group] of groups.entries()) subscriber.send(`SUB many ${group} ${i}\r\n`);
    await subscriber.sync();
    const { sublist } = one.server.accounts.global;
    await until("all interest has crossed", () => sublist.match("many").queues.length === count);
    const links = one.server.reports.routes().map(({ id }) => id);
    const publisher = await connectClient(t, one.port);
    publisher.send("PUB many a.reply 1\r\nx\r\nPUB many 3\r\nend\r\n");
    const got: string[] = [];
    while (got.filter((line) => line === "MSG many plain 3").length === 0) got.push((await subscriber.next()).line);
    const withReply = got.filter((line) => line.includes("a.reply"));
    assert.equal(withReply.length, 1 + Math.min(count, 4000, Math.floor(1_048_576 / (nameBytes + 1))));
    assert.equal(withReply.filter((line) => line === "MSG many plain a.reply 1").length, 1);
    assert.deepEqual(
      one.server.reports.routes().map(({ id }) => id),
      links,
    );
  });
}

// The low bytes of the second one's characters are the ends of lines and blanks of the first one.
for (const name of ["x\r\nRS+ SECRET stolen\r\n", "x\u010d\u010aRS+\u0120SECRET\u0120stolen\u010d\u010a"]) {
  test(`a leaf node's name is one argument on routes: ${JSON.stringify(name)}`, async (t) => {
    const leafnodes = { host: "127.0.0.1", port: -1 };
    const accounts = {
      SECRET: { users: [{ user: "s", password: "s" }] },
      OPEN: { users: [{ user: "o", password: "o" }] },
    };
    const [one, two] = await startLocalCluster(t, 2, { accounts, leafnodes });
    const links = two.server.reports.routes().map(({ id }) => id);
    const leaf = await connectRaw(t, one.server.addresses["leafnode"].port);
    const login = { name, user: "o", pass: "o", headers: true, protocol: 3 };
    leaf.send(
      `CONNECT ${JSON.stringify(login)}\r\n`.replace(/[^\x00-\x7f]/g, (char) => Buffer.from(char).toString("latin1")),
    );
    leaf.send("LS+ wanted\r\nLMSG wanted.by 1\r\nx\r\n");
    const sublistOf = (account: string) => two.server.accounts.get(account)?.sublist;
    await until("its interest has crossed", () => sublistOf("OPEN")?.hasInterest("wanted") === true);
    assert.equal(sublistOf("SECRET")?.hasInterest("stolen"), false);
    const publisher = await connectClient(t, two.port, { user: "o", pass: "o" });
    publisher.send("PUB wanted 2\r\nhi\r\n");
    while ((await leaf.next()).line !== "LMSG wanted 2");
    assert.deepEqual(
      two.server.reports.routes().map(({ id }) => id),
      links,
    );
  });
}
