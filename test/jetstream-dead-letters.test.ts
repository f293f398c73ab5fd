// Dead letters: what was delivered max_deliver times moves to another stream, once, also over restarts.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  AckPolicy,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
} from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";
import { lookAgain } from "./support/look-again.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const KEY = "natsnode.dead_letter";
const root = temporaryFolder({ after });
const SECOND_NS = 1_000_000_000;

async function world(name: string): Promise<{ server: NatsServer; client: NatsConnection }> {
  const server = await startServer({ port: -1, host: "127.0.0.1", jetstream: { storeDir: join(root, name) } });
  return { server, client: await connect({ servers: server.clientUrl }) };
}

async function failTwice(client: NatsConnection): Promise<void> {
  const consumer = await jetstream(client).consumers.get("ORDERS", "work");
  for (let times = 1; times <= 2; times++) {
    const message = (await consumer.next({ expires: 5000 })) as JsMsg;
    assert.equal(message.info.deliveryCount, times);
    message.nak();
  }
}

/** Resolves when nothing waits for an acknowledgement. */
async function untilDone(manager: JetStreamManager): Promise<void> {
  while ((await manager.consumers.info("ORDERS", "work")).num_ack_pending > 0) await lookAgain();
}

async function firstLetter(client: NatsConnection): Promise<JsMsg> {
  const consumer = await jetstream(client).consumers.get("DEAD");
  return (await consumer.next({ expires: 10_000 })) as JsMsg;
}

test("a message that was refused max_deliver times is kept with its headers and where it came from", async (t) => {
  const { server, client } = await world("kept");
  t.after(async () => {
    await client.close();
    await server.close();
  });
  const manager = await jetstreamManager(client);
  await manager.streams.add({ name: "ORDERS", subjects: ["orders.*"], retention: RetentionPolicy.Workqueue });
  await manager.streams.add({ name: "DEAD", subjects: ["dead.*"] });
  await manager.consumers.add("ORDERS", {
    durable_name: "work",
    ack_policy: AckPolicy.Explicit,
    max_deliver: 2,
    metadata: { [KEY]: "dead.orders" },
  });
  const given = headers();
  given.set("Shop", "7");
  await jetstream(client).publish("orders.new", "pizza", { headers: given, msgID: "a", expect: { lastSequence: 0 } });
  await failTwice(client);
  const letter = await firstLetter(client);
  assert.equal(letter.subject, "dead.orders");
  assert.equal(letter.string(), "pizza");
  assert.equal(letter.headers?.get("Shop"), "7");
  assert.equal(letter.headers?.has("Nats-Expected-Last-Sequence"), false);
  const origin = ["Stream", "Consumer", "Subject", "Sequence", "Deliveries", "Cause", "Msg-Id"];
  assert.deepEqual(
    origin.map((name) => letter.headers?.get(`Nats-Dead-Letter-${name}`)),
    ["ORDERS", "work", "orders.new", "1", "2", "max_deliver", "a"],
  );
  // The letter can be read before it is durable; the message goes then.
  await untilDone(manager);
  assert.equal((await manager.streams.info("ORDERS")).state.messages, 0, "the work queue has given it up");
});

test("the rule of a stream holds for its consumers, and waits over a restart for a stream that takes the letters", async (t) => {
  const first = await world("waits");
  const manager = await jetstreamManager(first.client);
  await manager.streams.add({ name: "ORDERS", subjects: ["orders.*"], metadata: { [KEY]: "dead.orders" } });
  await manager.consumers.add("ORDERS", {
    durable_name: "work",
    ack_policy: AckPolicy.Explicit,
    ack_wait: SECOND_NS,
    max_deliver: 2,
  });
  await jetstream(first.client).publish("orders.new", "pizza");
  await failTwice(first.client);
  assert.equal((await manager.consumers.info("ORDERS", "work")).num_ack_pending, 1, "nothing is lost meanwhile");
  await first.client.close();
  await first.server.close();

  const second = await world("waits");
  const again = await jetstreamManager(second.client);
  await again.streams.add({ name: "DEAD", subjects: ["dead.*"] });
  assert.equal((await firstLetter(second.client)).string(), "pizza");
  await second.client.close();
  await second.server.close();

  const third = await world("waits");
  t.after(async () => {
    await third.client.close();
    await third.server.close();
  });
  const last = await jetstreamManager(third.client);
  await untilDone(last);
  assert.equal((await last.streams.info("DEAD")).state.messages, 1);
});

test("a rule that is no literal subject is refused", async (t) => {
  const { server, client } = await world("refused");
  t.after(async () => {
    await client.close();
    await server.close();
  });
  const manager = await jetstreamManager(client);
  await manager.streams.add({ name: "ORDERS", subjects: ["orders.*"] });
  for (const subject of ["dead.*", "dead..x", "$JS.API.INFO"]) {
    const metadata = { [KEY]: subject };
    await assert.rejects(manager.consumers.add("ORDERS", { durable_name: "work", metadata }), /natsnode.dead_letter/);
    await assert.rejects(manager.streams.add({ name: "OTHER", metadata }), /natsnode.dead_letter/);
  }
});

test("a message that is terminated is kept with the reason, and answered when it is", async (t) => {
  const { server, client } = await world("terminated");
  t.after(async () => {
    await client.close();
    await server.close();
  });
  const manager = await jetstreamManager(client);
  await manager.streams.add({ name: "ORDERS", subjects: ["orders.*"], retention: RetentionPolicy.Workqueue });
  await manager.streams.add({ name: "DEAD", subjects: ["dead.*"] });
  const config = { durable_name: "work", ack_policy: AckPolicy.Explicit, metadata: { [KEY]: "dead.orders" } };
  await manager.consumers.add("ORDERS", config);
  await jetstream(client).publish("orders.new", "pizza");
  const message = await client.request("$JS.API.CONSUMER.MSG.NEXT.ORDERS.work", "", { timeout: 5000, noMux: true });
  await client.request(message.reply ?? "", "+TERM no oven\r\nX: y", { timeout: 5000 });
  assert.equal((await manager.consumers.info("ORDERS", "work")).num_ack_pending, 0);
  assert.equal((await manager.streams.info("ORDERS")).state.messages, 0);
  const letter = await firstLetter(client);
  assert.equal(letter.string(), "pizza");
  assert.deepEqual(
    ["Cause", "Reason", "Deliveries"].map((name) => letter.headers?.get(`Nats-Dead-Letter-${name}`)),
    ["term", "no oven X: y", "1"],
  );
  assert.equal(letter.headers?.has("X"), false);
});
