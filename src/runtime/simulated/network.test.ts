import assert from "node:assert/strict";
import { test } from "node:test";
import { type SimulatedHost, type SimulatedRuntime, simulatedRuntime } from "./index.js";
import { connected, type Side, watch } from "./test-hosts.js";

test("a connection carries bytes both ways, after the link's latency, and knows its addresses", async () => {
  const { world, a, b, client, server } = await connected();
  assert.equal(client.transport.remoteAddress, b.network.interfaceAddresses()[0]);
  assert.equal(client.transport.remotePort, 4222);
  assert.equal(server.transport.remoteAddress, a.network.interfaceAddresses()[0]);
  assert.equal(server.transport.remotePort, client.transport.localPort);
  world.wires.link("a", "b", { latencyMs: 30, jitterMs: 0 });
  client.transport.write([Buffer.from("hel"), Buffer.from("lo")]);
  server.transport.write([Buffer.from("INFO")]);
  await world.clock.advance(29.9);
  assert.equal(server.received() + client.received(), "");
  await world.clock.advance(0.2);
  assert.equal(server.received(), "hello");
  assert.equal(client.received(), "INFO");
});

test("much data arrives whole and in order, in chunks of all sizes, and the writer hears when it may go on", async () => {
  const { world, client, server } = await connected();
  const data = Buffer.alloc(1_000_000);
  for (let i = 0; i < data.length; i++) data[i] = (i * 31) >>> 3;
  client.transport.write([data.subarray(0, 10), data.subarray(10)]);
  assert.ok(client.transport.bufferedBytes > 0);
  await world.clock.runUntilIdle();
  assert.ok(server.received() === data.toString("latin1"));
  assert.deepEqual(client.events, ["drain"]);
  assert.equal(client.transport.bufferedBytes, 0);
  assert.ok(new Set(server.chunks).size > 20);
  assert.ok(server.chunks.some((size) => size < 20));
});

test("writes sent apart are found joined sometimes", async () => {
  const { world, client, server } = await connected();
  for (let i = 0; i < 200; i++) client.transport.write([Buffer.from("12345678")]);
  await world.clock.runUntilIdle();
  assert.equal(server.received(), "12345678".repeat(200));
  assert.ok(server.chunks.some((size) => size > 8));
  assert.ok(server.chunks.some((size) => size < 8));
});

test("a chunk that an owner keeps is overwritten", async () => {
  const world = simulatedRuntime({ seed: 1 });
  let kept: Buffer | undefined;
  await world.network.listen({ host: "127.0.0.1", port: 1 }, (transport) =>
    transport.start({
      onData: (chunk, start, end) => {
        kept = chunk.subarray(start, end);
      },
      onDrain: () => {},
      onEnd: () => {},
      onClose: () => {},
    }),
  );
  const transport = await world.clock.settle(world.network.dial({ host: "localhost", port: 1, timeoutMs: 100 }));
  transport.write([Buffer.from("a")]);
  await world.clock.runUntilIdle();
  assert.equal(kept?.toString("latin1"), "~");
});

test("a paused reader holds the writer back", async () => {
  const { world, client, server } = await connected();
  server.transport.pause();
  client.transport.write([Buffer.alloc(1_000_000, "x")]);
  await world.clock.runUntilIdle();
  assert.equal(server.received(), "");
  assert.ok(client.transport.bufferedBytes > 800_000);
  server.transport.resume();
  await world.clock.runUntilIdle();
  assert.equal(server.received().length, 1_000_000);
  assert.deepEqual(client.events, ["drain"]);
});

test("end sends what is queued; the other side may still write, into a reset", async () => {
  const { world, client, server } = await connected();
  client.transport.write([Buffer.alloc(400_000, "x")]);
  client.transport.end();
  client.transport.write([Buffer.from("too late")]);
  await world.clock.runUntilIdle();
  assert.equal(server.received().length, 400_000);
  assert.deepEqual(client.events, ["close ok"]);
  assert.deepEqual(server.events, ["end"]);
  server.transport.write([Buffer.from("anyone?")]);
  await world.clock.runUntilIdle();
  assert.deepEqual(server.events, ["end", "close ECONNRESET"]);

  const second = await connected();
  second.client.transport.end();
  await second.world.clock.runUntilIdle();
  second.server.transport.end();
  await second.world.clock.runUntilIdle();
  assert.deepEqual(second.server.events, ["end", "close ok"]);
});

test("destroy closes at once: with unread data the other side is reset, otherwise it reads to the end", async () => {
  const { world, client, server } = await connected();
  client.transport.write([Buffer.from("last words")]);
  client.transport.destroy();
  await world.clock.runUntilIdle();
  assert.equal(server.received(), "last words");
  assert.deepEqual(client.events, ["close ok"]);
  assert.deepEqual(server.events, ["end"]);

  const other = await connected();
  other.server.transport.pause();
  other.client.transport.write([Buffer.from("unread")]);
  await other.world.clock.runUntilIdle();
  other.server.transport.destroy();
  await other.world.clock.runUntilIdle();
  assert.deepEqual(other.client.events, ["close ECONNRESET"]);
});

test("dialling fails as it does in the world", async () => {
  const { world, a, b } = await connected();
  const dial = (host: string, port: number) =>
    world.clock.settle(a.network.dial({ host, port, timeoutMs: 1000 }).then((t) => t.destroy()));
  await assert.rejects(dial("b", 9999), { code: "ECONNREFUSED", syscall: "connect" });
  await assert.rejects(dial("nowhere", 4222), { code: "ENOTFOUND" });
  await assert.rejects(dial("192.0.2.1", 4222), { code: "EHOSTUNREACH" });
  world.wires.refuse("b", 4222);
  await assert.rejects(dial("b", 4222), { code: "ECONNREFUSED" });
  world.wires.refuse("b", 4222, false);
  await dial("b", 4222);
  world.wires.cut("a", "b");
  await assert.rejects(dial("b", 4222), { code: "EHOSTUNREACH" });
  world.wires.heal("a", "b");
  await dial(b.network.interfaceAddresses()[0], 4222);
  world.wires.cutSilently("a", "b");
  const before = world.clock.monotonicMs();
  await assert.rejects(dial("b", 4222), { code: "ETIMEDOUT" });
  assert.equal(world.clock.monotonicMs() - before, 1000);
  await assert.rejects(world.clock.settle(b.network.listen({ host: "127.0.0.1", port: 4222 }, () => {})), {
    code: "EADDRINUSE",
  });
  await assert.rejects(world.clock.settle(b.network.listen({ host: "a", port: 1 }, () => {})), {
    code: "EADDRNOTAVAIL",
  });
});

test("a dial that the network swallows at first gets through when it is healed in time", async () => {
  const { world, a } = await connected();
  world.wires.cutSilently("b", "a", { oneWay: true });
  const dialled = a.network.dial({ host: "b", port: 4222, timeoutMs: 10_000 });
  await world.clock.advance(500);
  world.wires.heal("a", "b");
  const transport = await world.clock.settle(dialled);
  assert.ok(world.clock.monotonicMs() < 5_000);
  transport.destroy();
});

test("a closed listener refuses, its connections live on and its port is free", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const sides: Side[] = [];
  const listener = await world.network.listen({ host: "", port: 0 }, (transport) => sides.push(watch(transport)));
  assert.ok(listener.port > 0);
  const target = { host: "127.0.0.1", port: listener.port, timeoutMs: 100 };
  const client = watch(await world.clock.settle(world.network.dial(target)));
  await world.clock.settle(listener.close());
  await assert.rejects(world.clock.settle(world.network.dial(target)), { code: "ECONNREFUSED" });
  client.transport.write([Buffer.from("alive")]);
  await world.clock.runUntilIdle();
  assert.equal(sides[0].received(), "alive");
  const again = await world.network.listen({ host: "127.0.0.1", port: listener.port }, () => {});
  assert.equal(again.host, "127.0.0.1");
});

test("what listens on the loopback is not there for others", async () => {
  const world = simulatedRuntime({ seed: 1 });
  await world.host("b").network.listen({ host: "localhost", port: 8222 }, () => {});
  await assert.rejects(world.clock.settle(world.host("a").network.dial({ host: "b", port: 8222, timeoutMs: 100 })), {
    code: "ECONNREFUSED",
  });
});

test("HTTP requests reach a simulated listener", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const b = world.host("b");
  await b.network.listenHttp({ host: "0.0.0.0", port: 8222 }, async (request) => {
    if (request.url === "/fail") throw new Error("no");
    return {
      status: 200,
      body: `${request.method} ${request.url} ${request.headers["accept"]} ${request.remoteAddress}`,
    };
  });
  const ask = (url: string, port = 8222) =>
    world.clock.settle(world.network.request({ host: "b", port, url, headers: { Accept: "text/html" } }));
  const address = world.network.interfaceAddresses()[0];
  assert.deepEqual(await ask("/varz"), { status: 200, body: `GET /varz text/html ${address}` });
  assert.equal((await ask("/fail")).status, 500);
  await assert.rejects(ask("/varz", 1), { code: "ECONNREFUSED" });
});

/** A busy little world with faults; gives everything that happened on its wires. */
async function trace(seed: string): Promise<string> {
  const world: SimulatedRuntime = simulatedRuntime({ seed });
  const lines: string[] = [];
  world.wires.trace = (line) => lines.push(line);
  const hosts: SimulatedHost[] = ["a", "b", "c"].map((name) => world.host(name));
  for (const host of hosts) {
    await host.network.listen({ host: "0.0.0.0", port: 4222 }, (transport) => {
      transport.start({
        onData: (chunk, start, end) => transport.write([Buffer.from(chunk.subarray(start, end))]),
        onDrain: () => {},
        onEnd: () => transport.end(),
        onClose: (error) => lines.push(`${host.name} ${error?.message}`),
      });
    });
    host.clock.every(7, () => {
      const target = hosts[host.random.below(hosts.length)];
      void host.network.dial({ host: target.name, port: 4222, timeoutMs: 50 }).then(
        (transport) => {
          const side = watch(transport);
          transport.write([host.random.bytes(1 + host.random.below(300_000))]);
          host.clock.after(host.random.below(40), () => {
            lines.push(`${host.name} ${side.received().length} ${side.events}`);
            if (host.random.below(2) === 0) transport.end();
            else transport.destroy();
          });
        },
        (error) => lines.push(`${host.name} ${error.code}`),
      );
    });
  }
  await world.clock.advance(60);
  world.wires.cutSilently("a", "b");
  await world.clock.advance(60);
  world.wires.heal("a", "b");
  world.wires.cut("b", "c");
  hosts[0].disk.writeSync("/f", hosts[0].random.bytes(5000));
  await hosts[0].clock.settle(hosts[0].disk.syncDirectory("/"));
  hosts[0].crash({ torn: true });
  lines.push(hosts[0].disk.readSync("/f").toString("hex"));
  await world.clock.advance(60);
  hosts[0].restart();
  world.wires.heal("b", "c");
  await world.clock.advance(200);
  return lines.join("\n");
}

test("one seed gives one history, another seed another", async () => {
  const first = await trace("seed one");
  assert.ok(first.length > 10_000);
  assert.ok((await trace("seed one")) === first, "two runs of one seed differ");
  assert.notEqual(await trace("seed two"), first);
});
