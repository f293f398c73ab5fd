// What the servers of a cluster know of each other's clients: limits of accounts over all of them, counts and numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLocalCluster, until } from "./support/local-cluster.js";
import { connectClient } from "./support/raw-client.js";

const tenant = (user: string, limits = {}) => ({ users: [{ user, password: user }], limits });
const login = (user: string) => ({ user, pass: user });

test("a limit of connections counts the clients of all servers", async (t) => {
  const accounts = { A: tenant("a", { maxConnections: 2 }), SYS: tenant("sys") };
  const [one, two] = await startLocalCluster(t, 2, { accounts, systemAccount: "SYS" });
  await connectClient(t, one.port, login("a"));
  const account = two.server.accounts.get("A");
  assert.ok(account);
  await until("the second server knows of the client", () => account.connectionsElsewhere === 1);
  await connectClient(t, two.port, login("a"));
  await assert.rejects(connectClient(t, two.port, login("a")), /maximum account active connections exceeded/);
});

test("the first client of an account makes its server ask the others", async (t) => {
  const accounts = { A: tenant("a", { maxConnections: 5 }), SYS: tenant("sys") };
  const [one, two] = await startLocalCluster(t, 2, { accounts, systemAccount: "SYS" });
  await connectClient(t, one.port, login("a"));
  const account = two.server.accounts.get("A");
  assert.ok(account);
  await until("it is told", () => account.connectionsElsewhere === 1);
  account.connectionsElsewhere = 0;
  await connectClient(t, two.port, login("a"));
  await until("it has asked", () => account.connectionsElsewhere === 1);
});

test("clients of a server that ends are not counted any more", async (t) => {
  const accounts = { A: tenant("a", { maxConnections: 5 }), SYS: tenant("sys") };
  const [one, two] = await startLocalCluster(t, 2, { accounts, systemAccount: "SYS" });
  await connectClient(t, one.port, login("a"));
  const account = two.server.accounts.get("A");
  assert.ok(account);
  await until("it is told", () => account.connectionsElsewhere === 1);
  await one.server.close();
  await until("it has left", () => account.connectionsElsewhere === 0);
});

test("STATSZ counts the servers, and $SYS.DEBUG.SUBSCRIBERS the subscribers of all of them", async (t) => {
  const accounts = { SYS: tenant("sys") };
  const servers = await startLocalCluster(t, 3, { accounts, systemAccount: "SYS" });
  const clients = await Promise.all(servers.map(({ port }) => connectClient(t, port, login("sys"))));
  for (const client of clients) client.send("SUB x.y 1\r\nSUB x.y q 2\r\nPING\r\n");
  for (const client of clients) await client.pong();
  await until("all know of all", () =>
    servers.every(({ server }) => server.accounts.get("SYS")?.connectionsElsewhere === 2),
  );
  const [asker] = clients;
  asker.send(`SUB answers 3\r\nPUB $SYS.REQ.SERVER.${servers[0].server.id}.STATSZ answers 0\r\n\r\n`);
  const { payload } = await asker.expect(/^MSG answers /);
  assert.equal(JSON.parse(payload).statsz.active_servers, 3);
  asker.send("PUB $SYS.DEBUG.SUBSCRIBERS answers 3\r\nx.y\r\n");
  assert.equal((await asker.expect(/^MSG answers /)).payload, "6");
  asker.send("PUB $SYS.DEBUG.SUBSCRIBERS answers 5\r\nx.y q\r\n");
  assert.equal((await asker.expect(/^MSG answers /)).payload, "3");
});
