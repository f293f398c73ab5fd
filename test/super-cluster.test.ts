// Clusters joined by gateways: what crosses them, which cluster serves a queue group, and how answers find back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadsOf, SimulatedSuperCluster } from "./support/simulated-super-cluster.js";

test("a message reaches each subscriber of all clusters once, wherever it is published", async () => {
  const all = await SimulatedSuperCluster.start({ A: 2, B: 2, C: 1 });
  const clients = await all.clients(["A1", "A2", "B1", "B2", "C1"]);
  for (const client of clients) client.send("SUB x.> 1\r\n");
  await all.settle();
  for (const [i, client] of clients.entries()) client.send(`PUB x.y 1\r\n${i}\r\n`);
  await all.settle();
  for (const client of clients) assert.deepEqual(payloadsOf(client).sort(), ["0", "1", "2", "3", "4"]);
  await all.close();
});

test("a queue group is served in the own cluster, else in the nearest one that has members, and at home again", async () => {
  const latencyMs = { "A B": 40, "A C": 10, "B C": 20 };
  const all = await SimulatedSuperCluster.start({ A: 2, B: 1, C: 1 }, { latencyMs });
  await all.advance(20_000);
  const [asking, near, other, nearest] = await all.clients(["A1", "A2", "B1", "C1"]);
  const publish = async (): Promise<number[]> => {
    for (let i = 0; i < 10; i++) asking.send(`PUB job 1\r\n${i}\r\n`);
    await all.settle(100);
    return [near, other, nearest].map((client) => payloadsOf(client).length);
  };
  for (const client of [near, other, nearest]) client.send("SUB job q 1\r\n");
  await all.settle(100);
  assert.deepEqual(await publish(), [10, 0, 0]);
  near.send("UNSUB 1\r\n");
  await all.settle(100);
  assert.deepEqual(await publish(), [0, 0, 10]);
  nearest.send("UNSUB 1\r\n");
  await all.settle(100);
  assert.deepEqual(await publish(), [0, 10, 0]);
  near.send("SUB job q 2\r\n");
  await all.settle(100);
  assert.deepEqual(await publish(), [10, 0, 0]);
  await all.close();
});

test("nothing crosses a gateway that nobody wants on the other side", async () => {
  const all = await SimulatedSuperCluster.start({ A: 1, B: 1 });
  const [from, to] = await all.clients(["A1", "B1"]);
  to.send("SUB wanted 1\r\n");
  await all.settle();
  const before = all.sentTo("A1", "B");
  for (let i = 0; i < 1000; i++) from.send(`PUB unwanted.${i} 5\r\nhello\r\n`);
  await all.settle();
  assert.deepEqual(all.sentTo("A1", "B"), before);
  from.send("PUB wanted 5\r\nhello\r\n");
  await all.settle();
  assert.deepEqual(payloadsOf(to), ["hello"]);
  assert.deepEqual(all.sentTo("A1", "B"), { msgs: before.msgs + 1, bytes: before.bytes + 5 });
  await all.close();
});

test("an answer that is faster than the interest of its requester is led back", async () => {
  // The request is sent on the first server's connection, the interest on the other side's, which is slow.
  const all = await SimulatedSuperCluster.start({ A: 2, B: 2 });
  const service = await all.client("B2");
  service.send("SUB svc 1\r\n");
  await all.settle();
  const asking = await all.client("A1");
  for (const one of ["A1", "A2"]) for (const other of ["B1", "B2"]) all.world.wires.link(one, other, { jitterMs: 50 });
  for (let i = 0; i < 20; i++) {
    asking.send(`SUB inbox.${i} ${i + 1}\r\nPUB svc inbox.${i} 2\r\nhi\r\n`);
    await all.until("the request is there", () => service.received.includes("\r\nhi\r\n"));
    assert.ok(service.take().includes(`MSG svc 1 inbox.${i} 2\r\nhi\r\n`));
    service.send(`PUB inbox.${i} 1\r\n${i % 10}\r\n`);
    await all.until("the answer is there", () => asking.received.includes("MSG"));
    assert.deepEqual(payloadsOf(asking), [String(i % 10)]);
  }
  await all.close();
});

test("the answer to a server of the cluster that dialled elsewhere passes over a route", async () => {
  const all = await SimulatedSuperCluster.start({ A: 2, B: 2 });
  const connectedTo = (from: string, cluster: string): string =>
    all
      .server(from)
      .reports.gateways()
      .find((gateway) => gateway.solicited && gateway.cluster === cluster)?.remoteName ?? "";
  // A service whose server answers to the server that did not ask.
  const serving = ["B1", "B2"].find((name) => connectedTo(name, "A") === "A2") ?? "B1";
  const askingAt = connectedTo(serving, "A") === "A2" ? "A1" : "A2";
  const [service, asking] = await all.clients([serving, askingAt]);
  service.send("SUB svc 1\r\n");
  await all.settle();
  // So the interest in the answer is known to the other cluster long after the request.
  all.world.wires.link("A1", "A2", { latencyMs: 300 });
  asking.send("SUB answers 1\r\nPUB svc answers 1\r\n?\r\n");
  await all.until("the request is there", () => service.received.includes("\r\n?\r\n"));
  service.send("PUB answers 1\r\n!\r\n");
  await all.settle(400);
  assert.deepEqual(payloadsOf(asking), ["!"]);
  await all.close();
});

test("clusters learn of each other from those in the middle, and servers from their cluster", async () => {
  const knows = { A: [], B: ["A"], C: ["A"] };
  const all = await SimulatedSuperCluster.start({ A: 2, B: 2, C: 2 }, { knows });
  const clients = await all.clients(["A2", "B2", "C2"]);
  for (const client of clients) client.send("SUB x 1\r\n");
  await all.settle();
  clients[1].send("PUB x 1\r\n1\r\n");
  await all.settle();
  for (const client of clients) assert.deepEqual(payloadsOf(client), ["1"]);
  await all.close();
});

test("a server that ends is replaced by another one of its cluster, learned or configured", async () => {
  const all = await SimulatedSuperCluster.start({ A: 1, B: 3 }, { knows: { A: [], B: ["A"] } });
  const outbound = (): string | undefined =>
    all
      .server("A1")
      .reports.gateways()
      .find(({ solicited }) => solicited)?.remoteName;
  const first = outbound() as string;
  const [publisher, subscriber] = await all.clients([
    "A1",
    ["B1", "B2", "B3"].find((name) => name !== first) as string,
  ]);
  subscriber.send("SUB x 1\r\n");
  await all.settle();
  await all.world.clock.settle(all.server(first).close());
  await all.until("another one is dialled", () => outbound() !== undefined && outbound() !== first);
  await all.settle();
  publisher.send("PUB x 1\r\n1\r\n");
  await all.settle();
  assert.deepEqual(payloadsOf(subscriber), ["1"]);
  await all.close();
});

test("interest ends with the connection to the cluster, and comes back with it", async () => {
  const all = await SimulatedSuperCluster.start({ A: 1, B: 1 });
  const [from, to] = await all.clients(["A1", "B1"]);
  to.send("SUB x 1\r\nSUB y q 2\r\n");
  await all.settle();
  const request = async (subject: string): Promise<string> => {
    from.send(`PUB ${subject} answers 0\r\n\r\n`);
    await all.settle();
    return from.take();
  };
  from.send("SUB answers 9\r\n");
  assert.equal(await request("x"), "");
  all.world.wires.cut("A1", "B1");
  await all.settle();
  assert.match(await request("x"), /503/);
  assert.match(await request("y"), /503/);
  to.send("SUB z 3\r\nUNSUB 1\r\n");
  all.world.wires.heal("A1", "B1");
  await all.until("both are connected again", () => all.isWhole());
  await all.settle();
  to.take();
  assert.match(await request("x"), /503/);
  assert.equal(await request("y"), "");
  assert.equal(await request("z"), "");
  assert.equal(payloadsOf(to).length, 2);
  await all.close();
});

test("imports and exports, and the system account, work across clusters", async () => {
  const accounts = {
    EXP: {
      users: [{ user: "exp", password: "p" }],
      exports: [{ service: "svc" }, { stream: "news.>" }],
    },
    IMP: {
      users: [{ user: "imp", password: "p" }],
      imports: [
        { service: { account: "EXP", subject: "svc" }, to: "their.svc" },
        { stream: { account: "EXP", subject: "news.>" }, prefix: "their" },
      ],
    },
    SYS: { users: [{ user: "sys", password: "p" }] },
  };
  const all = await SimulatedSuperCluster.start({ A: 2, B: 2 }, { options: { accounts, systemAccount: "SYS" } });
  const as = (user: string) => ({ user, pass: "p" });
  const [service, importer] = [await all.client("B2", as("exp")), await all.client("A1", as("imp"))];
  service.send("SUB svc 1\r\n");
  importer.send("SUB inbox.* 1\r\nSUB their.news.> 2\r\n");
  await all.settle();
  for (let i = 0; i < 3; i++) {
    importer.send(`PUB their.svc inbox.${i} 1\r\n${i}\r\n`);
    await all.until("the request is there", () => service.received.includes("MSG svc"));
    const reply = /MSG svc 1 (\S+) /.exec(service.take())?.[1];
    assert.match(reply ?? "", /^_R_\./);
    service.send(`PUB ${reply} 2\r\nok\r\n`);
    await all.settle();
    assert.equal(importer.take(), `MSG inbox.${i} 1 2\r\nok\r\n`);
  }
  service.send("PUB news.eu 1\r\nn\r\nPUB inbox.0 1\r\nx\r\n");
  await all.settle();
  assert.equal(importer.take(), "MSG their.news.eu 2 1\r\nn\r\n");

  const admin = await all.client("A1", as("sys"));
  admin.send("SUB answers 1\r\nPUB $SYS.REQ.SERVER.PING.IDZ answers 0\r\n\r\n");
  await all.settle();
  const names = payloadsOf(admin).map((payload) => (JSON.parse(payload) as { name: string }).name);
  assert.deepEqual(names.sort(), ["A1", "A2", "B1", "B2"]);
  await all.close();
});

test("a message that came over a gateway goes to the whole cluster there, and to no other one", async () => {
  const all = await SimulatedSuperCluster.start({ A: 1, B: 3, C: 1 });
  const members = await all.clients(["B1", "B2", "B3"]);
  const [publisher, elsewhere] = await all.clients(["A1", "C1"]);
  for (const member of members) member.send("SUB x 1\r\nSUB x q 2\r\n");
  elsewhere.send("SUB x 1\r\n");
  await all.settle();
  const sent = (): number[] => ["B1", "B2", "B3"].map((name) => all.sentTo(name, "C").msgs);
  const before = sent();
  for (let i = 0; i < 30; i++) publisher.send("PUB x 1\r\n1\r\n");
  await all.settle();
  assert.equal(payloadsOf(elsewhere).length, 30);
  const counts = members.map((member) => payloadsOf(member).length);
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    3 * 30 + 30,
  );
  assert.deepEqual(sent(), before);
  await all.close();
});

test("a login is asked for, and whoever has another one is refused", async () => {
  const login = (password: string) => ({ authorization: { user: "gate", password } });
  const all = await SimulatedSuperCluster.start({ A: 1, B: 1 }, { gateway: () => login("right") });
  assert.equal(all.isWhole(), true);
  await all.close();
  const wrong = SimulatedSuperCluster.start(
    { A: 1, B: 1 },
    { gateway: (name) => login(name === "A1" ? "right" : "wrong"), patienceMs: 5_000 },
  );
  await assert.rejects(wrong, /all clusters are connected.*Authorization Violation/s);
});
