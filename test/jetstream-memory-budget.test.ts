// max_memory_process: publishers into streams are slowed, then refused, and taken again; everything else goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AckPolicy, type JsMsg, jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { SimulatedRuntime } from "../src/runtime/simulated/index.js";
import { startServerProcess } from "./support/server-process.js";
import { type SimulatedClient, type SimulatedServer, startSimulatedServer } from "./support/simulated-server.js";

const MIB = 1024 * 1024;
const LIMIT = 100 * MIB;

interface World extends SimulatedServer {
  readonly client: SimulatedClient;
  /** Sends a request and gives what it was answered. */
  ask(subject: string, body?: string | object, headers?: string): Promise<Record<string, unknown>>;
}

async function start(): Promise<World> {
  const server = await startSimulatedServer({
    jetstream: { storeDir: "/data", maxMemoryProcessBytes: LIMIT, maxMemoryStoreBytes: LIMIT },
  });
  const client = await server.login();
  client.send("SUB r 1\r\n");
  const ask: World["ask"] = async (subject, body = "", headers = "") => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const head = headers === "" ? "" : `NATS/1.0\r\n${headers}\r\n\r\n`;
    const sizes = head === "" ? `${text.length}` : `${head.length} ${head.length + text.length}`;
    client.take();
    client.send(`${head === "" ? "PUB" : "HPUB"} ${subject} r ${sizes}\r\n${head}${text}\r\n`);
    await server.advance(100);
    const [, answer] = /^MSG r 1 \d+\r\n(.*)\r\n/.exec(client.received) ?? [];
    assert.ok(answer !== undefined, `${subject}: ${client.received}`);
    return answer === "" ? {} : (JSON.parse(answer) as Record<string, unknown>);
  };
  const world = { ...server, client, ask };
  const made = await ask("$JS.API.STREAM.CREATE.S", {
    name: "S",
    subjects: ["s"],
    storage: "memory",
    allow_direct: true,
    allow_atomic: true,
  });
  assert.equal(made["error"], undefined);
  return world;
}

/** Another reading, once the one before does not count any more. */
async function has(world: SimulatedRuntime, bytes: number): Promise<void> {
  world.process.residentBytes = bytes;
  await world.clock.advance(200);
}

const refusal = { code: 503, err_code: 10023, description: "insufficient resources" };

test("beyond the budget messages are refused until a tenth of it is free; the log says so once", async () => {
  const { world, log, ask } = await start();
  assert.equal((await ask("s", "one"))["seq"], 1);
  await has(world, LIMIT);
  assert.deepEqual((await ask("s", "no"))["error"], refusal);
  await has(world, 0.95 * LIMIT);
  await world.clock.advance(5000);
  assert.deepEqual((await ask("s", "not yet"))["error"], refusal);
  await has(world, 0.89 * LIMIT);
  await world.clock.advance(5000);
  assert.equal((await ask("s", "two"))["seq"], 2);
  assert.deepEqual(
    log.lines.filter((line) => line.includes("max_memory_process")),
    [
      "warn JetStream refuses messages: the process has 100.0 MB of max_memory_process, 100.0 MB",
      "info JetStream takes messages again: the process has 89.0 MB of max_memory_process",
    ],
  );
});

test("while messages are refused, reading, acknowledging, deleting and purging go on", async () => {
  const { world, client, ask } = await start();
  for (const text of ["one", "two", "three"]) await ask("s", text);
  const consumer = { stream_name: "S", config: { durable_name: "c", ack_policy: "explicit" } };
  await ask("$JS.API.CONSUMER.CREATE.S.c", consumer);
  await has(world, 2 * LIMIT);
  assert.deepEqual((await ask("s", "no"))["error"], refusal);
  const batch = "Nats-Batch-Id: b\r\nNats-Batch-Sequence: 1";
  assert.deepEqual((await ask("s", "no", batch))["error"], refusal);
  const { message } = (await ask("$JS.API.STREAM.MSG.GET.S", { seq: 1 })) as { message: { data: string } };
  assert.equal(Buffer.from(message.data, "base64").toString(), "one");
  assert.equal((await ask("$JS.API.STREAM.MSG.DELETE.S", { seq: 3 }))["success"], true);
  client.take();
  client.send("PUB $JS.API.CONSUMER.MSG.NEXT.S.c r 0\r\n\r\n");
  await world.clock.advance(100);
  const [, ack = ""] = /^MSG s 1 (\S+) 3\r\none/.exec(client.received) ?? [];
  assert.deepEqual(await ask(ack, "+ACK"), {});
  assert.equal((await ask("$JS.API.STREAM.PURGE.S"))["purged"], 2);
});

test("close to the budget a publisher's input is paused", async () => {
  const { world, server, client, ask } = await start();
  const pauses: number[] = [];
  const { pause } = server.stalls;
  server.stalls.pause = (publisher, pauseMs) => {
    pauses.push(pauseMs);
    pause.call(server.stalls, publisher, pauseMs);
  };
  await has(world, 0.89 * LIMIT);
  await ask("s", "one");
  await ask("s", "two");
  assert.deepEqual(pauses, []);
  await has(world, 0.95 * LIMIT);
  await ask("s", "three");
  await ask("s", "four");
  assert.ok(pauses.length > 0 && pauses.every((ms) => ms > 5 && ms < 40), String(pauses));
  client.take();
  client.send("PING\r\n");
  await world.clock.advance(100);
  assert.equal(client.take(), "PONG\r\n");
});

test("a process with a small budget lives, is read, and takes messages again after a purge", {
  timeout: 60_000,
}, async (t) => {
  const server = await startServerProcess(t, {
    config: `jetstream { store_dir: "{{DIR}}/js", max_memory_store: 4GB, max_memory_process: 200MB }`,
  });
  const client = await connect({ port: server.port });
  t.after(() => client.close());
  const manager = await jetstreamManager(client);
  await manager.streams.add({ name: "S", subjects: ["s"], storage: StorageType.Memory });
  await manager.consumers.add("S", { durable_name: "c", ack_policy: AckPolicy.Explicit });
  const js = jetstream(client);
  const payload = new Uint8Array(256 * 1024);
  let stored = 0;
  // Far more than fits.
  const refused = await (async () => {
    for (; stored < 4000; stored++) {
      try {
        await js.publish("s", payload);
      } catch (error) {
        return error as { code?: number; message: string };
      }
    }
    return undefined;
  })();
  assert.match(String(refused?.message), /insufficient resources/);
  assert.ok(stored > 50, `${stored} were stored`);
  const message = (await (await js.consumers.get("S", "c")).next({ expires: 5000 })) as JsMsg;
  assert.equal(message.data.length, payload.length);
  assert.equal(await message.ackAck(), true);
  assert.equal((await manager.streams.purge("S")).purged, stored);
  await server.logged(/JetStream takes messages again/, 30_000);
  await js.publish("s", payload);
  assert.equal(server.log.match(/JetStream refuses messages/g)?.length, 1);
});
