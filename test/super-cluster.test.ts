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
