// Archives of streams go from natsnode to natsnode and to and from the neighbour: messages, holes and consumers are the same.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";

interface Place {
  readonly consumer_seq: number;
  readonly stream_seq: number;
}

interface Answer {
  readonly error?: { readonly err_code: number; readonly description: string };
  readonly config?: object;
  readonly state?: { readonly consumer_count: number };
  readonly delivered?: Place;
  readonly ack_floor?: Place;
  readonly num_ack_pending?: number;
  readonly num_pending?: number;
  readonly message?: object;
  readonly deliver_subject?: string;
}

const CHUNK_BYTES = 4096;

async function open(t: TestContext, program: ServerProgram): Promise<NatsConnection> {
  const server = await startServerProcess(t, { program, config: "jetstream { store_dir: '{{DIR}}' }" });
  const client = await connect({ port: server.port });
  t.after(() => client.close());
  return client;
}

async function ask(client: NatsConnection, subject: string, body: object | "" = ""): Promise<Answer> {
  const answer = await client.request(`$JS.API.${subject}`, body === "" ? "" : JSON.stringify(body));
  return answer.json<Answer>();
}

async function fill(client: NatsConnection): Promise<void> {
  await ask(client, "STREAM.CREATE.S", { name: "S", subjects: ["s.>"], max_msgs: 100 });
  for (let at = 1; at <= 104; at++) {
    const head = headers();
    head.set("Number", String(at));
    await client.request(`s.${at % 7}`, `${at} `.repeat(50), {
      timeout: 5000,
      headers: at % 3 === 0 ? head : undefined,
    });
  }
  for (const seq of [50, 104]) await ask(client, "STREAM.MSG.DELETE.S", { seq });
  const config = { name: "C", durable_name: "C", ack_policy: "explicit", filter_subject: "s.1", ack_wait: 60e9 };
  await ask(client, "CONSUMER.CREATE.S.C.s.1", { stream_name: "S", config });
  const inbox = client.subscribe("inbox", { max: 5 });
  client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", '{"batch":5}', { reply: "inbox" });
  let at = 0;
  for await (const { reply = "" } of inbox) if (at++ === 0) await client.request(reply, "+ACK");
}

/** What there is to be seen of it, without what nats-server does not keep: when a message was stored that is deleted. */
async function look(client: NatsConnection): Promise<object> {
  const { state } = await ask(client, "STREAM.INFO.S", { deleted_details: true });
  const { delivered, ack_floor, num_ack_pending, num_pending } = await ask(client, "CONSUMER.INFO.S.C");
  const messages: unknown[] = [];
  for (let seq = 5; seq <= 103; seq++) messages.push((await ask(client, "STREAM.MSG.GET.S", { seq })).message);
  const places = [delivered, ack_floor].map((place) => [place?.consumer_seq, place?.stream_seq]);
  return { state: { ...state, last_ts: undefined }, places, num_ack_pending, num_pending, messages };
}

async function take(client: NatsConnection): Promise<{ archive: Buffer; config: object }> {
  const chunks: Uint8Array[] = [];
  const inbox = client.subscribe("archive");
  const { config = {} } = await ask(client, "STREAM.SNAPSHOT.S", {
    deliver_subject: "archive",
    chunk_size: CHUNK_BYTES,
  });
  for await (const message of inbox) {
    if (message.data.length === 0) break;
    chunks.push(message.data);
    message.respond();
  }
  return { archive: Buffer.concat(chunks), config };
}

async function give(client: NatsConnection, archive: Buffer, config: object): Promise<Answer> {
  const { deliver_subject: subject = "" } = await ask(client, "STREAM.RESTORE.S", { config, state: {} });
  for (let at = 0; at < archive.length; at += CHUNK_BYTES) {
    await client.request(subject, archive.subarray(at, at + CHUNK_BYTES));
  }
  return (await client.request(subject)).json<Answer>();
}

const pairs: readonly [ServerProgram, ServerProgram][] = [
  ["natsnode", "natsnode"],
  ["natsnode", "neighbour"],
  ["neighbour", "natsnode"],
];
for (const [from, to] of pairs) {
  const skip = from === to ? false : withoutNeighbour();
  test(`an archive of ${from} makes the same stream in ${to}`, { skip }, async (t) => {
    const [giver, taker] = [await open(t, from), await open(t, to)];
    await fill(giver);
    const before = await look(giver);
    const { archive, config } = await take(giver);
    assert.equal((await give(taker, archive, config)).error, undefined);
    assert.deepEqual(await look(taker), before);
    // It goes on where it was.
    const ack = (await taker.request("s.1", "next")).json<{ seq: number }>();
    assert.equal(ack.seq, 105);
  });
}

test("half an archive, and one of something else, make no stream", async (t) => {
  const client = await open(t, "natsnode");
  await fill(client);
  const { archive, config } = await take(client);
  await ask(client, "STREAM.DELETE.S");
  for (const broken of [archive.subarray(0, archive.length / 2), Buffer.from("something else")]) {
    assert.equal((await give(client, broken, config)).error?.err_code, 10062);
    assert.equal((await ask(client, "STREAM.INFO.S")).error?.err_code, 10059);
  }
  assert.equal((await give(client, archive, config)).error, undefined);
});
