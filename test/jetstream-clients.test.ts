// The official clients of JetStream against a server of the library: streams and consumers, key-value and object buckets.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";

const storeDir = mkdtempSync(join(tmpdir(), "jetstream-"));
let server: NatsServer;
let client: NatsConnection;

before(async () => {
  server = await startServer({ port: -1, host: "127.0.0.1", jetstream: { storeDir } });
  client = await connect({ servers: server.clientUrl });
});

after(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
  rmSync(storeDir, { recursive: true, force: true });
});

test("publish, consume and acknowledge", async () => {
  const manager = await jetstreamManager(client);
  await manager.streams.add({ name: "ORDERS", subjects: ["orders.*"] });
  const js = jetstream(client);
  for (let at = 1; at <= 10; at++) {
    const ack = await js.publish("orders.new", `${at}`, { msgID: `id-${at}` });
    assert.deepEqual([ack.stream, ack.seq, ack.duplicate], ["ORDERS", at, false]);
  }
  assert.equal((await js.publish("orders.new", "again", { msgID: "id-3" })).duplicate, true);
  await manager.consumers.add("ORDERS", { durable_name: "work", ack_policy: AckPolicy.Explicit });
  const consumer = await js.consumers.get("ORDERS", "work");
  const seen: string[] = [];
  for await (const message of await consumer.fetch({ max_messages: 10, expires: 2000 })) {
    seen.push(message.string());
    assert.equal(await message.ackAck(), true);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 10 }, (_, at) => String(at + 1)),
  );
  assert.equal((await consumer.info()).ack_floor.stream_seq, 10);
});

test("an ordered consumer reads a stream from its beginning", async () => {
  const manager = await jetstreamManager(client);
  await manager.streams.add({ name: "LOG", subjects: ["log"] });
  const js = jetstream(client);
  for (let at = 1; at <= 50; at++) await js.publish("log", `${at}`);
  const consumer = await js.consumers.get("LOG");
  const seen: number[] = [];
  for await (const message of await consumer.consume()) {
    seen.push(message.seq);
    if (seen.length === 50) break;
  }
  assert.equal(seen[49], 50);
});

test("a key-value bucket", async () => {
  const bucket = await new Kvm(client).create("settings", { history: 3 });
  const revision = await bucket.create("a", "1");
  await bucket.update("a", "2", revision);
  await assert.rejects(bucket.update("a", "3", revision), /wrong last sequence/);
  await bucket.put("b", "x");
  assert.equal((await bucket.get("a"))?.string(), "2");
  const keys: string[] = [];
  for await (const key of await bucket.keys()) keys.push(key);
  assert.deepEqual(keys.sort(), ["a", "b"]);
  const history: string[] = [];
  for await (const entry of await bucket.history({ key: "a" })) history.push(entry.string());
  assert.deepEqual(history, ["1", "2"]);
  await bucket.delete("a");
  assert.equal((await bucket.get("a"))?.operation, "DEL");
  await bucket.purge("b");
  assert.equal((await bucket.status()).bucket, "settings");
});

test("an object bucket", async () => {
  const bucket = await new Objm(client).create("files");
  const content = new Uint8Array(300_000).map((_, at) => at % 251);
  const info = await bucket.putBlob({ name: "big" }, content);
  assert.equal(info.size, content.length);
  const read = await bucket.getBlob("big");
  assert.ok(read !== null && Buffer.from(content).equals(read));
  assert.equal((await bucket.delete("big")).success, true);
  assert.equal(await bucket.getBlob("big"), null);
});
