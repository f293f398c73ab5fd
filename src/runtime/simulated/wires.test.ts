import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transport } from "../network.js";
import { connected, watch } from "./test-hosts.js";

test("a cut wire resets connections, and reset leaves the wire usable", async () => {
  const { world, client, server, dial } = await connected();
  world.wires.reset("a", "b");
  await world.clock.runUntilIdle();
  assert.deepEqual([client.events, server.events], [["close ECONNRESET"], ["close ECONNRESET"]]);
  const [again, accepted] = await dial();
  world.wires.cut("b", "a");
  await world.clock.runUntilIdle();
  assert.deepEqual([again.events, accepted.events], [["close ECONNRESET"], ["close ECONNRESET"]]);
});

test("a silent cut tells nobody, and healing brings what was written meanwhile, in order", async () => {
  const { world, client, server } = await connected();
  client.transport.write([Buffer.from("in flight,")]);
  world.wires.cutSilently("a", "b");
  client.transport.write([Buffer.from(" written,")]);
  server.transport.write([Buffer.from("back")]);
  await world.clock.advance(60_000);
  assert.equal(server.received() + client.received(), "");
  assert.deepEqual([client.events, server.events], [[], []]);
  client.transport.write([Buffer.from(" last")]);
  client.transport.end();
  world.wires.heal("a", "b");
  await world.clock.advance(0.4);
  assert.equal(server.received() + client.received(), "", "the way still takes its time");
  await world.clock.runUntilIdle();
  assert.equal(server.received(), "in flight, written, last");
  assert.deepEqual(server.events.slice(0, 1), ["end"]);
});

test("a one-way silent cut lets the other direction through", async () => {
  const { world, client, server } = await connected();
  world.wires.cutSilently("a", "b", { oneWay: true });
  client.transport.write([Buffer.from("lost")]);
  server.transport.write([Buffer.from("arrives")]);
  await world.clock.runUntilIdle();
  assert.deepEqual([client.received(), server.received()], ["arrives", ""]);
});

test("a half-open connection is found out by writing to it", async () => {
  const { world, client, server } = await connected();
  world.wires.halfOpen("a", "b");
  await world.clock.advance(60_000);
  assert.deepEqual(client.events, ["close ETIMEDOUT"]);
  assert.deepEqual(server.events, []);
  server.transport.write([Buffer.from("PING")]);
  await world.clock.runUntilIdle();
  assert.deepEqual(server.events, ["close ECONNRESET"]);
});

test("connections overtake each other, bytes of one never do", async () => {
  const { world, dial } = await connected();
  world.wires.link("a", "b", { latencyMs: 1, jitterMs: 20 });
  const pairs = [await dial(), await dial()];
  const order: string[] = [];
  const texts = ["", ""];
  for (const [index, [, server]] of pairs.entries()) {
    const seen = server.received;
    let known = 0;
    world.clock.every(0.5, () => {
      if (seen().length > known) order.push(String(index));
      known = seen().length;
    });
  }
  for (let i = 0; i < 20; i++) {
    for (const [index, [client]] of pairs.entries()) {
      const text = `${i};`;
      texts[index] += text;
      client.transport.write([Buffer.from(text)]);
    }
  }
  await world.clock.runUntilIdle();
  await world.clock.advance(5);
  assert.deepEqual(
    pairs.map(([, server]) => server.received()),
    texts,
  );
  assert.ok(order.includes("0") && order.includes("1"));
  const firsts = new Set<string>();
  for (let seed = 0; seed < 12; seed++) firsts.add(await firstToArrive(seed));
  assert.deepEqual([...firsts].sort(), ["0", "1"]);
});

/** Which of two connections, written to one after the other, is heard first. */
async function firstToArrive(seed: number): Promise<string> {
  const { world, dial } = await connected(seed);
  world.wires.link("a", "b", { latencyMs: 1, jitterMs: 20 });
  const pairs = [await dial(), await dial()];
  for (const [client] of pairs) client.transport.write([Buffer.from("x")]);
  await world.clock.runUntil(() => pairs.some(([, server]) => server.received() !== ""));
  return pairs[0][1].received() === "" ? "1" : "0";
}

test("bandwidth is shared by the link's connections", async () => {
  const { world, dial } = await connected();
  const [first, second] = [await dial(), await dial()];
  world.wires.link("a", "b", { latencyMs: 0, jitterMs: 0, bytesPerSecond: 100_000 });
  const before = world.clock.monotonicMs();
  first[0].transport.write([Buffer.alloc(50_000)]);
  second[0].transport.write([Buffer.alloc(50_000)]);
  await world.clock.runUntil(() => first[1].received().length + second[1].received().length === 100_000);
  const tookMs = world.clock.monotonicMs() - before;
  assert.ok(tookMs > 995 && tookMs < 1005, String(tookMs));
});

test("a crashed host falls silent; after its restart old connections are reset and new ones work", async () => {
  const { world, b, client, server, accepted } = await connected();
  server.transport.write([Buffer.from("never sent")]);
  b.crash();
  client.transport.write([Buffer.from("anyone?")]);
  await world.clock.advance(60_000);
  assert.deepEqual([client.events, server.events], [[], []]);
  assert.equal(client.received(), "");
  await assert.rejects(world.clock.settle(world.host("a").network.dial({ host: "b", port: 4222, timeoutMs: 100 })), {
    code: "ETIMEDOUT",
  });
  b.restart();
  await world.clock.runUntilIdle();
  assert.deepEqual(client.events, ["close ECONNRESET"]);
  assert.deepEqual(server.events, []);
  await assert.rejects(world.clock.settle(world.host("a").network.dial({ host: "b", port: 4222, timeoutMs: 100 })), {
    code: "ECONNREFUSED",
  });
  await b.network.listen({ host: "0.0.0.0", port: 4222 }, (transport) => accepted.push(watch(transport)));
  const again = watch(
    await world.clock.settle(world.host("a").network.dial({ host: "b", port: 4222, timeoutMs: 100 })),
  );
  again.transport.write([Buffer.from("hello again")]);
  await world.clock.runUntilIdle();
  assert.equal(accepted.at(-1)?.received(), "hello again");
});

test("a host that crashes while it dials connects to nobody", async () => {
  const { world, a, accepted } = await connected();
  let outcome = "none";
  const dialled = (what: string) => () => {
    outcome = what;
  };
  a.network.dial({ host: "b", port: 4222, timeoutMs: 100 }).then(dialled("connected"), dialled("failed"));
  a.crash();
  a.restart();
  await world.clock.advance(1000);
  assert.equal(accepted.length, 1);
  assert.equal(outcome, "none");
});

test("a killed host's connections are closed for it, its listeners are gone, and a new one takes over", async () => {
  const { world, b, client, server, accepted } = await connected();
  b.clock.after(1, () => server.transport.write([Buffer.from("never sent")]));
  b.kill();
  await world.clock.runUntilIdle();
  assert.deepEqual(client.events, ["end"]);
  client.transport.write([Buffer.from("anyone?")]);
  await world.clock.runUntilIdle();
  assert.deepEqual(client.events, ["end", "close ECONNRESET"]);
  assert.deepEqual([server.events, client.received()], [[], ""]);
  const dial = () => world.clock.settle(world.host("a").network.dial({ host: "b", port: 4222, timeoutMs: 100 }));
  await assert.rejects(dial(), { code: "ECONNREFUSED" });
  await b.network.listen({ host: "0.0.0.0", port: 4222 }, (transport) => accepted.push(watch(transport)));
  const again = watch(await dial());
  again.transport.write([Buffer.from("hello again")]);
  await world.clock.runUntilIdle();
  assert.equal(accepted.at(-1)?.received(), "hello again");
});

test("a frozen host takes what arrives and finds it when it thaws, and so it does with what it dials", async () => {
  const { world, a, b, client, server, accepted } = await connected();
  let connectedTo: Transport | undefined;
  b.freeze();
  client.transport.write([Buffer.from("hello")]);
  const dialled = await world.clock.settle(a.network.dial({ host: "b", port: 4222, timeoutMs: 100 }));
  dialled.write([Buffer.from("me too")]);
  a.freeze();
  void a.network.dial({ host: "b", port: 4222, timeoutMs: 100 }).then((transport) => {
    connectedTo = transport;
  });
  await world.clock.advance(1000);
  assert.deepEqual([server.received(), accepted.length, connectedTo], ["", 1, undefined]);
  b.thaw();
  await world.clock.advance(1);
  assert.deepEqual([server.received(), accepted[1].received(), connectedTo], ["hello", "me too", undefined]);
  a.thaw();
  await world.clock.advance(1);
  assert.equal(connectedTo?.remotePort, 4222);
});
