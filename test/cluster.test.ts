// Clusters of servers in this process: how they form, who hears what, and how accounts are spread over connections.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CertificateAuthority } from "./support/certificates.js";
import { formed, startLocalCluster, until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { connectClient, type RawClient } from "./support/raw-client.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const listening = { host: "127.0.0.1", port: -1 };
const users = (user: string) => [{ user, password: user }];
const login = (user: string) => ({ user, pass: user });
const portOf = ({ server }: LocalServer): number => server.addresses["cluster"].port;
const routeTo = (server: LocalServer): string => `nats-route://127.0.0.1:${portOf(server)}`;
const others = ({ server }: LocalServer): number => server.reports.remoteServers();

/** Waits until a server knows of interest in a subject. */
async function known({ server }: LocalServer, subject: string, account = "$G"): Promise<void> {
  await until(
    `${server.name} knows of ${subject}`,
    () => server.accounts.get(account)?.sublist.hasInterest(subject) === true,
  );
}

async function subscribed(t: TestContext, { port }: LocalServer, lines: string, options = {}): Promise<RawClient> {
  const client = await connectClient(t, port, options);
  client.send(lines);
  await client.sync();
  return client;
}

test("servers learn of each other from a server that has no routes itself", async (t) => {
  const servers = await startLocalCluster(t, 4);
  const clients = await Promise.all(servers.map((server) => subscribed(t, server, "SUB all 1\r\n")));
  for (const [i, server] of servers.entries()) {
    await Promise.all(servers.map((one) => known(one, "all")));
    const publisher = await connectClient(t, server.port);
    publisher.send(`PUB all 1\r\n${i}\r\n`);
    for (const client of clients) assert.equal((await client.expect("MSG all 1 1")).payload, String(i));
  }
  for (const client of clients) assert.deepEqual(await client.sync(), []);
});

test("pools of different sizes work together", async (t) => {
  const one = await startLocalServer(t, { serverName: "S1", cluster: { ...listening, name: "C", poolSize: 5 } });
  const block = { ...listening, name: "C", routes: [routeTo(one)] };
  const two = await startLocalServer(t, { serverName: "S2", cluster: { ...block, poolSize: 2 } });
  const three = await startLocalServer(t, { serverName: "S3", cluster: { ...block, poolSize: -1 } });
  await until("all are connected", () => [one, two, three].every((server) => others(server) === 2));
  // For the system account there is one more, but not where there is no pool.
  const linksTo = ({ server }: LocalServer, name: string): number =>
    server.reports.routes().filter(({ remoteName }) => remoteName === name).length;
  await until("all connections are made", () => linksTo(one, "S2") === 6 && linksTo(two, "S3") === 1);
  assert.deepEqual([linksTo(two, "S1"), linksTo(one, "S3"), linksTo(three, "S1")], [6, 1, 1]);
  const accounts = ["a", "b", "c"].map((subject, sid) => `SUB ${subject} ${sid}\r\n`).join("");
  const hearing = await Promise.all([one, two, three].map((server) => subscribed(t, server, accounts)));
  for (const server of [one, two, three]) {
    await known(server, "c");
    const publisher = await connectClient(t, server.port);
    await until("every server knows", async () => {
      publisher.send("PUB a 0\r\n\r\nPUB b 0\r\n\r\nPUB c 0\r\n\r\n");
      await publisher.sync();
      const got = await Promise.all(hearing.map((client) => client.sync()));
      return got.every((items) => items.length >= 3);
    });
  }
});

test("an account with a connection of its own uses that, and the others the pool", async (t) => {
  const options = { accounts: { OWN: { users: users("own") }, REST: { users: users("rest") } } };
  const [one, two] = await startLocalCluster(t, 2, options, { accounts: ["OWN"] });
  const own = await subscribed(t, two, "SUB a 1\r\n", login("own"));
  const rest = await subscribed(t, two, "SUB a 1\r\n", login("rest"));
  await known(one, "a", "OWN");
  await known(one, "a", "REST");
  for (const user of ["own", "rest"]) {
    const publisher = await connectClient(t, one.port, login(user));
    publisher.send(`PUB a 4\r\n${user.padEnd(4)}\r\n`);
  }
  assert.equal((await own.expect("MSG a 1 4")).payload, "own ");
  assert.equal((await rest.expect("MSG a 1 4")).payload, "rest");
  const counts = one.server.reports.routes().map(({ account, outMsgs }) => [account, outMsgs] as const);
  assert.equal(counts.find(([account]) => account === "OWN")?.[1], 1);
  const inPool = counts.filter(([account]) => account === undefined).map(([, outMsgs]) => outMsgs);
  assert.deepEqual(inPool.sort(), [0, 0, 1]);
});

test("servers without a name for their cluster agree on one, and a configured name wins", async (t) => {
  const one = await startLocalServer(t, { serverName: "S1", cluster: listening });
  const two = await startLocalServer(t, { serverName: "S2", cluster: { ...listening, routes: [routeTo(one)] } });
  await formed([one, two]);
  const random = one.server.clusterName;
  assert.equal(two.server.clusterName, random);
  const named = { ...listening, name: "NAMED", routes: [routeTo(one)] };
  const three = await startLocalServer(t, { serverName: "S3", cluster: named });
  await formed([one, two, three]);
  assert.deepEqual(
    [one, two, three].map(({ server }) => server.clusterName),
    ["NAMED", "NAMED", "NAMED"],
  );
});

test("a route to oneself is given up, and two routes to one server are one", async (t) => {
  const one = await startLocalServer(t, { serverName: "S1", cluster: { ...listening, name: "C" } });
  const routes = [routeTo(one), routeTo(one).replace("127.0.0.1", "localhost")];
  const cluster = { ...listening, name: "C", routes };
  const two = await startLocalServer(t, { serverName: "S2", cluster });
  await formed([one, two]);
  const itself = { ...cluster, routes: [...routes, routeTo(two)] };
  await two.reload({ serverName: "S2", cluster: itself });
  await until("the route to itself was tried", () => two.log.matching(/Duplicate Route|duplicate route/i).length > 0);
  await formed([one, two]);
  const publisher = await subscribed(t, two, "SUB a 1\r\n");
  await known(one, "a");
  const other = await connectClient(t, one.port);
  other.send("PUB a 0\r\n\r\n");
  await publisher.expect("MSG a 1 0");
  assert.deepEqual(await publisher.sync(), []);
});

test("servers that all dial each other end with one set of connections", async (t) => {
  const servers: LocalServer[] = [];
  for (let i = 1; i <= 3; i++) {
    servers.push(await startLocalServer(t, { serverName: `S${i}`, cluster: { ...listening, name: "C" } }));
  }
  const routes = servers.map(routeTo);
  await Promise.all(
    servers.map((server, i) =>
      server.reload({
        serverName: `S${i + 1}`,
        cluster: { ...listening, name: "C", routes: routes.filter((_, at) => at !== i) },
      }),
    ),
  );
  await formed(servers);
  for (const { server } of servers) {
    assert.ok(server.reports.routes().every(({ configured }) => configured));
  }
});

test("tens of thousands of subjects reach a server that comes later, and leave with the server that had them", async (t) => {
  const SUBJECTS = 20_000;
  const [one] = await startLocalCluster(t, 1);
  const client = await connectClient(t, one.port);
  let text = "";
  for (let i = 0; i < SUBJECTS; i++) text += `SUB many.${i} ${i}\r\n`;
  client.send(text);
  await client.sync(20_000);
  const two = await startLocalServer(t, {
    serverName: "S2",
    cluster: { ...listening, name: "C", routes: [routeTo(one)] },
  });
  const { sublist } = two.server.accounts.global;
  const before = sublist.size;
  await until("all interest has come", () => sublist.size >= before + SUBJECTS);
  for (const i of [0, 1, SUBJECTS - 1]) assert.ok(sublist.hasInterest(`many.${i}`));
  await one.server.close();
  await until("it has left", () => !sublist.hasInterest("many.0") && !sublist.hasInterest(`many.${SUBJECTS - 1}`));
});

test("clients learn of the others' URLs, but not of a server that does not advertise", async (t) => {
  const [one, two] = await startLocalCluster(t, 2);
  const quiet = { ...listening, name: "C", routes: [routeTo(one)], noAdvertise: true };
  const three = await startLocalServer(t, { serverName: "S3", cluster: quiet });
  await until("all are connected", () => [one, two, three].every((server) => others(server) === 2));
  const client = await connectClient(t, one.port, { protocol: 1 });
  client.send("PING\r\n");
  assert.deepEqual(one.server.clientUrls.clients, [`127.0.0.1:${two.port}`]);
  const urls = async (port: number): Promise<unknown> => {
    const { connectRaw } = await import("./support/raw-client.js");
    return (await (await connectRaw(t, port)).info())["connect_urls"];
  };
  assert.deepEqual(await urls(one.port), [`127.0.0.1:${one.port}`, `127.0.0.1:${two.port}`]);
});

test("permissions of routes hold for messages and for interest", async (t) => {
  const block = { permissions: { publish: { allow: ["open.>", "$SYS.>"] }, subscribe: { deny: ["secret.>"] } } };
  const [one, two] = await startLocalCluster(t, 2, {}, block);
  const hearing = await subscribed(t, two, "SUB open.a 1\r\nSUB shut.a 2\r\nSUB secret.a 3\r\nSUB > 4\r\n");
  await known(one, "open.a");
  const { sublist } = one.server.accounts.global;
  assert.deepEqual([sublist.hasInterest("shut.a"), sublist.hasInterest("secret.a")], [false, false]);
  const publisher = await connectClient(t, one.port);
  publisher.send("PUB shut.a 0\r\n\r\nPUB secret.a 0\r\n\r\nPUB open.a 0\r\n\r\n");
  const got = [await hearing.next(), await hearing.next()];
  assert.deepEqual(got.map(({ line }) => line).sort(), ["MSG open.a 1 0", "MSG open.a 4 0"]);
  assert.deepEqual(await hearing.sync(), []);
});

test("routes over TLS check certificates on both sides", async (t) => {
  const authority = new CertificateAuthority();
  const files = (issuer: CertificateAuthority) => {
    const folder = temporaryFolder(t);
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const { certificate, key } = issuer.issue();
    const [certFile, keyFile] = [write("cert.pem", certificate), write("key.pem", key)];
    return { certFile, keyFile, caFile: write("ca.pem", authority.certificate) };
  };
  const one = await startLocalServer(t, {
    serverName: "S1",
    cluster: { ...listening, name: "C", tls: files(authority) },
  });
  const routes = [`nats-route://localhost:${portOf(one)}`];
  const two = await startLocalServer(t, {
    serverName: "S2",
    cluster: { ...listening, name: "C", tls: files(authority), routes },
  });
  await formed([one, two]);
  const strange = files(new CertificateAuthority("stranger"));
  const three = await startLocalServer(t, {
    serverName: "S3",
    cluster: { ...listening, name: "C", tls: strange, routes },
  });
  await until("the stranger was refused", () => one.log.matching(/TLS route handshake error/).length > 0);
  assert.deepEqual([others(one), others(three)], [1, 0]);
  const client = await subscribed(t, two, "SUB a 1\r\n");
  await known(one, "a");
  const publisher = await connectClient(t, one.port);
  publisher.send("PUB a 2\r\nhi\r\n");
  assert.equal((await client.expect("MSG a 1 2")).payload, "hi");
});

test("the answer to a request finds a client that has subscribed to it in the same breath", async (t) => {
  const servers = await startLocalCluster(t, 3);
  const responder = await subscribed(t, servers[2], "SUB echo workers 1\r\n");
  responder.handle = ({ line, payload }) => {
    const reply = line.startsWith("MSG echo ") ? line.split(" ")[3] : undefined;
    if (reply !== undefined) responder.send(`PUB ${reply} ${payload.length}\r\n${payload}\r\n`);
    return reply !== undefined;
  };
  await Promise.all(servers.map((server) => known(server, "echo")));
  for (let round = 0; round < 200; round++) {
    const { port } = servers[round % 2];
    const asker = await connectClient(t, port);
    asker.send(`SUB _INBOX.${round} 1\r\nUNSUB 1 1\r\nPUB echo _INBOX.${round} 1\r\n!\r\n`);
    await asker.expect(`MSG _INBOX.${round} 1 1`);
    asker.close();
  }
  assert.equal(servers[0].server.accounts.global.sublist.hasInterest("_INBOX.1"), false);
});

test("a subscription that ends after some messages ends in the whole cluster", async (t) => {
  const [one, two] = await startLocalCluster(t, 2);
  const client = await subscribed(t, two, "SUB a 1\r\nUNSUB 1 3\r\n");
  await known(one, "a");
  const publisher = await connectClient(t, one.port);
  publisher.send("PUB a 0\r\n\r\n".repeat(10));
  for (let i = 0; i < 3; i++) await client.expect("MSG a 1 0");
  await until("the interest has gone", () => !one.server.accounts.global.sublist.hasInterest("a"));
  assert.deepEqual(await client.sync(), []);
});

test("nobody in the whole cluster answers: that is told at once, and not when somebody does", async (t) => {
  const [one, two] = await startLocalCluster(t, 2);
  const asker = await subscribed(t, one, "SUB inbox 1\r\nPUB nobody inbox 0\r\n\r\n".replace("PUB", "PING\r\nPUB"));
  const told = await asker.next();
  assert.match(told.headers, /^NATS\/1\.0 503/);
  const responder = await subscribed(t, two, "SUB somebody 1\r\n");
  await known(one, "somebody");
  asker.send("PUB somebody inbox 0\r\n\r\n");
  await responder.expect("MSG somebody 1 inbox 0");
  assert.deepEqual(
    (await asker.sync()).filter(({ headers }) => headers !== ""),
    [],
  );
});

test("services and streams of other accounts work across three servers", async (t) => {
  const accounts = {
    A: { users: users("a"), exports: [{ service: "svc.>" }, { stream: "feed.>" }] },
    B: {
      users: users("b"),
      imports: [
        { service: { account: "A", subject: "svc.echo" }, to: "echo" },
        { stream: { account: "A", subject: "feed.>" }, prefix: "a" },
      ],
    },
  };
  const [one, two, three] = await startLocalCluster(t, 3, { accounts });
  const responder = await subscribed(t, one, "SUB svc.echo 1\r\n", login("a"));
  responder.handle = ({ line, payload }) => {
    const reply = line.startsWith("HMSG svc.echo ") ? line.split(" ")[3] : undefined;
    if (reply !== undefined) responder.send(`PUB ${reply} ${payload.length}\r\n${payload}\r\n`);
    return reply !== undefined;
  };
  const hearing = await subscribed(t, three, "SUB a.feed.* 1\r\n", login("b"));
  await known(two, "svc.echo", "A");
  await known(one, "feed.x", "A");
  const asker = await subscribed(t, two, "SUB inbox 1\r\n", login("b"));
  asker.send("PUB echo inbox 2\r\nhi\r\n");
  assert.equal((await asker.expect("MSG inbox 1 2")).payload, "hi");
  responder.send("PUB feed.x 4\r\nnews\r\n");
  assert.equal((await hearing.expect("MSG a.feed.x 1 4")).payload, "news");
  assert.deepEqual(await hearing.sync(), []);
});

test("each member of a group gets its share, wherever it is", async (t) => {
  const [one, two, three] = await startLocalCluster(t, 3);
  const MESSAGES = 1200;
  const counts = new Map<string, number>();
  const join = async (server: LocalServer, name: string): Promise<void> => {
    const client = await connectClient(t, server.port);
    client.handle = ({ line }) => {
      if (line.startsWith("MSG ")) counts.set(name, (counts.get(name) ?? 0) + 1);
      return line.startsWith("MSG ");
    };
    client.send("SUB work group 1\r\n");
    await client.sync();
  };
  await join(one, "own");
  for (const name of ["first", "second", "third"]) await join(two, name);
  for (const name of ["fourth", "fifth"]) await join(three, name);
  const weights = (): number =>
    one.server.accounts.global.sublist.match("work").queues[0]?.reduce((sum, { weight }) => sum + weight, 0) ?? 0;
  await until("all members are known", () => weights() === 6);
  const publisher = await connectClient(t, one.port);
  publisher.send("PUB work 0\r\n\r\n".repeat(MESSAGES));
  await until("all have come", () => [...counts.values()].reduce((sum, count) => sum + count, 0) === MESSAGES);
  // Six standard deviations around a sixth.
  for (const [name, count] of counts) assert.ok(Math.abs(count - MESSAGES / 6) < 80, `${name} got ${count}`);
  assert.equal(counts.size, 6);
});
