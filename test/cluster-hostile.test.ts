// Other servers that break the protocol, or are none: each is refused by name and closed, and the cluster goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Peer } from "../src/cluster/peer.js";
import { ClusterRoom } from "../src/cluster/room.js";
import { startLocalCluster, until } from "./support/local-cluster.js";
import type { LocalServer } from "./support/local-server.js";
import { connectClient, type RawClient } from "./support/raw-client.js";
import { dialRoute, joinAsRoute, SCRIPTED_INFO } from "./support/scripted-route.js";
import type { Scope } from "./support/temporary-folder.js";

const CONNECT = 'CONNECT {"name":"NSCRIPTED","cluster":"C"}\r\n';
const INFO = `INFO ${JSON.stringify(SCRIPTED_INFO)}\r\n`;

/** A cluster of two, and what shows that it lives: a message from one to the other. */
async function pair(t: Scope, block = {}): Promise<{ one: LocalServer; works: () => Promise<void> }> {
  const [one, two] = await startLocalCluster(t, 2, { maxPayloadBytes: 1024 }, block);
  const subscriber = await connectClient(t, two.port);
  subscriber.send("SUB alive 1\r\n");
  await subscriber.sync();
  await until("interest has crossed", () => one.server.accounts.global.sublist.hasInterest("alive"));
  const publisher = await connectClient(t, one.port);
  return {
    one,
    works: async () => {
      publisher.send("PUB alive 2\r\nhi\r\n");
      await subscriber.expect("MSG alive 1 2");
      assert.deepEqual(one.log.matching(/internal error/), []);
    },
  };
}

/** What a server keeps of the scripted one. */
function scriptedPeer({ server }: LocalServer): Peer | undefined {
  const { rooms } = server as unknown as { rooms: readonly object[] };
  const room = rooms.find((one) => one instanceof ClusterRoom);
  return room?.peers.get(SCRIPTED_INFO.server_id);
}

/** Resolves when the connection is closed, with the lines that came before. */
async function refusal(route: RawClient): Promise<string[]> {
  const items = await route.closed();
  return items.map(({ line }) => line).filter((line) => line.startsWith("-ERR"));
}

test("who does not introduce itself first is refused", async (t) => {
  const { one, works } = await pair(t);
  for (const line of ["RS+ $G a", "RS- $G a", "RMSG $G a 2\r\nhi", "LS+ a", "A+ A", INFO.trim()]) {
    const route = await dialRoute(t, one);
    route.send(`${line}\r\n`);
    assert.deepEqual(await refusal(route), ["-ERR 'Authorization Violation'"], line);
  }
  const client = await dialRoute(t, one);
  client.send('CONNECT {"verbose":true}\r\nSUB a 1\r\n');
  assert.equal((await refusal(client)).length, 1);
  await works();
});

test("a wrong password is refused, and none too", async (t) => {
  const authorization = { user: "route", password: "secret" };
  const [one] = await startLocalCluster(t, 1, {}, { authorization });
  for (const login of [{}, { user: "route", pass: "guess" }, { user: "other", pass: "secret" }, { user: "route" }]) {
    const route = await dialRoute(t, one);
    route.send(`CONNECT ${JSON.stringify({ name: "N", cluster: "C", ...login })}\r\n${INFO}`);
    assert.deepEqual(await refusal(route), ["-ERR 'Authorization Violation'"]);
  }
  const { interest } = await joinAsRoute(t, one, {}, { user: "route", pass: "secret" });
  assert.ok(interest.some((line) => line.startsWith("RS+ $SYS ")));
});

test("an introduction that makes no sense is refused", async (t) => {
  const { one, works } = await pair(t);
  const pool = { ...SCRIPTED_INFO, route_pool_size: 3 };
  const cases: [object | string, RegExp][] = [
    ["{", /Unknown Protocol Operation/],
    ["[]", /Unknown Protocol Operation/],
    ["{}", /Unknown Protocol Operation/],
    [{ ...SCRIPTED_INFO, server_id: 7 }, /Unknown Protocol Operation/],
    [{ ...pool, route_pool_idx: 3 }, /Invalid route pool index: 3 - pool size is 3/],
    [{ ...pool, route_pool_idx: -1 }, /Invalid route pool index: -1/],
    [{ ...pool, route_pool_size: 1e12 }, /Invalid route pool size: 1000000000000/],
    [{ ...pool, route_account: "NONE" }, /No route for account "NONE"/],
    [{ ...SCRIPTED_INFO, route_account: "$SYS" }, /Not possible to have a dedicated route for account "\$SYS"/],
  ];
  for (const [info, reason] of cases) {
    const route = await dialRoute(t, one);
    route.send(`${CONNECT}INFO ${typeof info === "string" ? info : JSON.stringify(info)}\r\n`);
    const [line] = await refusal(route);
    assert.match(line, reason, JSON.stringify(info));
  }
  const other = await dialRoute(t, one);
  other.send('CONNECT {"name":"N","cluster":"D"}\r\n');
  assert.deepEqual(await refusal(other), [`-ERR 'Rejecting connection, cluster name "D" does not match "C"'`]);
  assert.equal(one.server.reports.remoteServers(), 1);
  await works();
});

test("a server with the own id, or a name that is taken, is closed", async (t) => {
  const { one, works } = await pair(t);
  for (const info of [{ server_id: one.server.id }, { server_name: "S1" }]) {
    const route = await dialRoute(t, one);
    route.send(`${CONNECT}INFO ${JSON.stringify({ ...SCRIPTED_INFO, ...info })}\r\n`);
    assert.deepEqual(await refusal(route), []);
  }
  assert.equal(one.log.matching(/Remote server has a duplicate name: "S1"/).length, 1);
  await works();
});

test("lines that make no sense end the connection that they come on", async (t) => {
  const { one, works } = await pair(t);
  const lines = [
    "RS+",
    "RS+ $G",
    "RS+ $G a..b",
    "RS+ $G a q",
    "RS+ $G a q 0",
    "RS+ $G a q -1",
    "RS+ $G a q x",
    "RS+ $G a q 1 2",
    "RS- $G",
    "RS- $G a q 1",
    "LS+ $G",
    "LS+ LEAF",
    "LS- LEAF $G a q 1",
    "RMSG $G a",
    "RMSG $G a x",
    "RMSG $G a -1",
    "RMSG $G a r q 2",
    "HMSG $G a 3 2",
    "LMSG $G a 2",
    "A+ $G",
    "A- $G",
    "SUB a 1",
    "PUB a 2",
    "CONNECT {}",
    "INFO {",
    "\0\0\0",
    "GET / HTTP/1.1",
  ];
  for (const line of lines) {
    const { route } = await joinAsRoute(t, one);
    route.send(`${line}\r\n`);
    assert.deepEqual(await refusal(route), ["-ERR 'Unknown Protocol Operation'"], line);
  }
  await until("nothing is left of them", () => one.server.reports.remoteServers() === 1);
  assert.ok(one.log.matching(/Router parser ERROR/).length >= lines.length);
  await works();
});

test("lines and payloads that are too long end it too", async (t) => {
  const { one, works } = await pair(t);
  const early = await dialRoute(t, one);
  early.send(`${CONNECT}INFO ${JSON.stringify({ ...SCRIPTED_INFO, go: "x".repeat(70_000) })}\r\n`);
  assert.deepEqual(await refusal(early), ["-ERR 'maximum control line exceeded'"]);
  const endless = await dialRoute(t, one);
  endless.send(`CONNECT {"name":"${"x".repeat(70_000)}`);
  assert.deepEqual(await refusal(endless), ["-ERR 'maximum control line exceeded'"]);
  const { route: late } = await joinAsRoute(t, one);
  late.send(`RS+ $G ${"x".repeat(1_100_000)}\r\n`);
  assert.deepEqual(await refusal(late), ["-ERR 'maximum control line exceeded'"]);
  const { route: large } = await joinAsRoute(t, one);
  large.send("RMSG $G a 1025\r\n");
  assert.deepEqual(await refusal(large), ["-ERR 'Maximum Payload Violation'"]);
  const { route: unterminated } = await joinAsRoute(t, one);
  unterminated.send("RMSG $G a 2\r\nhi!!");
  assert.deepEqual(await refusal(unterminated), ["-ERR 'Unknown Protocol Operation'"]);
  await works();
});

test("thousands of queue groups in a message are served, more are refused", async (t) => {
  const { one, works } = await pair(t);
  const client = await connectClient(t, one.port);
  client.send("SUB a q3999 7\r\nSUB a other 8\r\n");
  await client.sync();
  const queues = (count: number): string => Array.from({ length: count }, (_, i) => `q${i}`).join(" ");
  const { route } = await joinAsRoute(t, one);
  route.send(`RMSG $G a | ${queues(4000)} 2\r\nhi\r\n`);
  await client.expect("MSG a 7 2");
  route.send(`RMSG $G a | ${queues(5000)} 2\r\nhi\r\n`);
  assert.deepEqual(await refusal(route), ["-ERR 'Unknown Protocol Operation'"]);
  assert.deepEqual(await client.sync(), []);
  await works();
});

test("messages and interest of accounts that are not known harm nobody, and leave nothing behind", async (t) => {
  const { one, works } = await pair(t);
  const { route } = await joinAsRoute(t, one);
  const { length: before } = [...one.server.accounts.all()];
  let text = "";
  for (let i = 0; i < 5000; i++) text += `RMSG U${i} a 2\r\nhi\r\nRS+ U${i} a\r\nRS- U${i} a\r\nRS- V${i} a\r\n`;
  route.send(text);
  await route.sync();
  assert.deepEqual([...(scriptedPeer(one)?.accounts() ?? [])], []);
  assert.equal([...one.server.accounts.all()].length, before);
  await works();
});

test("a flood of interest is taken, and gone with its connection", async (t) => {
  const { one, works } = await pair(t);
  const { sublist } = one.server.accounts.global;
  const before = sublist.size;
  const { route } = await joinAsRoute(t, one);
  for (let block = 0; block < 100; block++) {
    let text = "";
    for (let i = 0; i < 1000; i++) text += `RS+ $G flood.${block}.${i}\r\n`;
    route.send(text);
  }
  await route.sync(30_000);
  assert.equal(sublist.size, before + 100_000);
  await works();
  route.close();
  await until("all of it is gone", () => sublist.size === before);
  await works();
});

test("who announces more than can be believed is refused", async (t) => {
  const { one, works } = await pair(t);
  const { route } = await joinAsRoute(t, one);
  const peer = scriptedPeer(one);
  assert.ok(peer);
  peer.announced.count = 5_000_000;
  route.send("RS+ $G one.more\r\n");
  assert.deepEqual(await refusal(route), ["-ERR 'maximum subscriptions exceeded'"]);
  await works();
});

test("gossip that leads nowhere, or here, is not followed for ever", async (t) => {
  const { one, works } = await pair(t);
  const { route } = await joinAsRoute(t, one);
  const told = (info: object): string => `INFO ${JSON.stringify({ ...SCRIPTED_INFO, ...info })}\r\n`;
  route.send(told({ server_id: one.server.id }));
  route.send(told({ server_id: "NX", ip: "nats-route://127.0.0.1:1/" }));
  route.send(told({ server_id: "NY", ip: "no url", host: "", port: 0 }));
  route.send(told({ server_id: "NZ", connect_urls: ["x"], route_account: "none" }));
  await route.sync();
  await until("the one that can be dialled was", () => one.log.matching(/connect to route \(attempt 1\)/).length === 1);
  assert.equal(one.server.reports.remoteServers(), 2);
  await works();
});

test("who is connected and says nothing is closed in time", async (t) => {
  const [one] = await startLocalCluster(t, 1, {}, { authorization: { user: "u", password: "p", timeoutMs: 200 } });
  const route = await dialRoute(t, one);
  assert.deepEqual(await refusal(route), ["-ERR 'Authentication Timeout'"]);
});
