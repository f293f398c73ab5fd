// Reload of a server that is part of a cluster: routes come and go, and what the two sides agree on is agreed on anew.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formed, startLocalCluster, until } from "./support/local-cluster.js";
import { startLocalServer } from "./support/local-server.js";
import { connectClient } from "./support/raw-client.js";

const listening = { name: "C", host: "127.0.0.1", port: -1 };

test("a route that is added is dialled, and one that is removed is closed and stays so", async (t) => {
  const one = await startLocalServer(t, { serverName: "S1", cluster: listening });
  const two = await startLocalServer(t, { serverName: "S2", cluster: listening });
  const url = `nats-route://127.0.0.1:${one.server.addresses["cluster"].port}`;
  await two.reload({ serverName: "S2", cluster: { ...listening, routes: [url] } });
  await formed([one, two]);
  assert.deepEqual(
    two.server.reports.routes().map(({ configured }) => configured),
    [true, true, true, true],
  );
  await two.reload({ serverName: "S2", cluster: { ...listening, routes: [] } });
  await until("the routes are closed", () =>
    [one, two].every(({ server }) => server.reports.routes().length === 0 && server.reports.remoteServers() === 0),
  );
});

test("another number of connections is agreed on, and messages cross again", async (t) => {
  const servers = await startLocalCluster(t, 2, {}, { poolSize: 1 });
  const [one, two] = servers;
  const cluster = { ...listening, poolSize: 4, routes: two.server.options.cluster?.routes ?? [] };
  await two.reload({ serverName: "S2", cluster });
  await until("there are as many connections as the larger pool", () =>
    [one, two].every(({ server }) => server.reports.routes().length === 4 + 1),
  );
  const subscriber = await connectClient(t, two.port);
  subscriber.send("SUB a.b 1\r\nPING\r\n");
  await subscriber.pong();
  await until("interest has crossed", () => one.server.accounts.global.sublist.hasInterest("a.b"));
  const publisher = await connectClient(t, one.port);
  publisher.send("PUB a.b 2\r\nhi\r\n");
  assert.equal((await subscriber.expect("MSG a.b 1 2")).payload, "hi");
});

test("permissions of routes count from a reload on", async (t) => {
  const [one, two] = await startLocalCluster(t, 2);
  const subscriber = await connectClient(t, two.port);
  subscriber.send("SUB open.a 1\r\nSUB shut.a 2\r\nPING\r\n");
  await subscriber.pong();
  const { sublist } = one.server.accounts.global;
  await until("both are known", () => sublist.hasInterest("open.a") && sublist.hasInterest("shut.a"));
  const permissions = { publish: { allow: ["open.>", "$SYS.>", "_INBOX.>"] } };
  await two.reload({
    serverName: "S2",
    cluster: { ...listening, permissions, routes: two.server.options.cluster?.routes ?? [] },
  });
  await until("only one is", () => sublist.hasInterest("open.a") && !sublist.hasInterest("shut.a"));
  assert.equal(sublist.hasInterest("shut.a"), false);
});

test("a cluster is renamed server by server: those of the new name find each other", async (t) => {
  const [one, two] = await startLocalCluster(t, 2);
  await one.reload({ serverName: "S1", cluster: { ...listening, name: "D" } });
  assert.equal(one.server.clusterName, "D");
  await until("they have parted", () => [one, two].every(({ server }) => server.reports.remoteServers() === 0));
  const routes = two.server.options.cluster?.routes ?? [];
  await two.reload({ serverName: "S2", cluster: { ...listening, name: "D", routes } });
  await formed([one, two]);
  assert.equal(two.server.clusterName, "D");
});

test("an account that goes and comes back at a reload gets messages of other servers again", async (t) => {
  const account = (user: string) => ({ users: [{ user, password: user }] });
  const accounts = { A: account("a"), B: account("b") };
  const [one, two] = await startLocalCluster(t, 2, { accounts });
  const login = { user: "a", pass: "a" };
  const publisher = await connectClient(t, one.port, login);
  const receive = async (text: string): Promise<void> => {
    const subscriber = await connectClient(t, two.port, login);
    subscriber.send("SUB x 1\r\nPING\r\n");
    await subscriber.pong();
    await until("interest has crossed", () => one.server.accounts.get("A")?.sublist.hasInterest("x") === true);
    publisher.send(`PUB x ${text.length}\r\n${text}\r\n`);
    assert.equal((await subscriber.expect(/^MSG x 1 /)).payload, text);
    subscriber.close();
    await until("it has ended", () => one.server.accounts.get("A")?.sublist.hasInterest("x") === false);
  };
  await receive("before");
  const cluster = { ...listening, routes: two.server.options.cluster?.routes ?? [] };
  await two.reload({ serverName: "S2", cluster, accounts: { B: accounts.B } });
  await two.reload({ serverName: "S2", cluster, accounts });
  await receive("after");
});
