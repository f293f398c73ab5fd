// An archive that makes no sense makes no stream: whoever sends it is told why, and the name is free again.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { archiveEnd, archiveHead, encodeRecord } from "../src/jetstream/archives/archive.js";
import { JetStreamAccount } from "../src/jetstream/js-account.js";
import { S2Writer } from "../src/protocol/s2-writer.js";
import { type Answer, ask, startMembers } from "./support/jetstream-cluster.js";

const CONFIG = { name: "R", subjects: ["r"], storage: "file" };
const CONSUMER = { durable_name: "C", ack_policy: "explicit" };
const STATE = '{"last_seq":1,"last_ts":"2026-01-01T00:00:00Z"}';

const timeless = (name: string, content: string): Buffer =>
  encodeRecord({ name, timeNs: 0n, sequence: 0, header: Buffer.alloc(0), content: Buffer.from(content) });

function archiveOf(state: string, consumer: string): Buffer {
  const message = {
    name: "r",
    timeNs: 1_000_000_000n,
    sequence: 1,
    header: Buffer.alloc(0),
    content: Buffer.from("x"),
  };
  const records = [timeless("state.json", state), timeless("consumers/C", consumer), encodeRecord(message)];
  return Buffer.concat(new S2Writer("s2_fast").frame([archiveHead(), ...records, archiveEnd()]));
}

const consumerOf = (state: object | null, more = {}): string =>
  JSON.stringify({ config: { ...CONSUMER, ...more }, state });

async function restore(client: NatsConnection, archive: Buffer): Promise<Answer> {
  const begun = (await ask(client, "STREAM.RESTORE.R", { config: CONFIG, state: {} })) as Answer & {
    deliver_subject: string;
  };
  assert.equal(begun.error, undefined);
  await client.request(begun.deliver_subject, archive);
  return (await client.request(begun.deliver_subject, "", { timeout: 5000 })).json<Answer>();
}

/** A client of a server that holds names. */
async function start(t: TestContext): Promise<NatsConnection> {
  const [, { client }] = await startMembers(t, 1);
  return client;
}

async function assertNothingIsLeft(client: NatsConnection, what: string): Promise<void> {
  assert.equal((await ask(client, "STREAM.INFO.R")).error?.err_code, 10059, what);
  const whole = await restore(client, archiveOf(STATE, consumerOf(null)));
  assert.deepEqual([whole.error, whole.state?.messages], [undefined, 1], what);
  await ask(client, "STREAM.DELETE.R");
}

test("an archive that makes no sense is refused, and its name is free", { timeout: 60_000 }, async (t) => {
  const client = await start(t);
  for (const [state, consumer] of [
    [STATE, consumerOf(null, { ack_wait: "long" })],
    [STATE, "null"],
    [STATE, consumerOf(null, { durable_name: "../C" })],
    [STATE, consumerOf({ pending: { 1: { Sequence: 1, Timestamp: 0.5 } } })],
    [STATE, consumerOf({ pending: { 1: { Sequence: 1, Timestamp: "x" } } })],
    [STATE, consumerOf({ pending: { x: { Sequence: 1, Timestamp: 1 } } })],
    [STATE, consumerOf({ delivered: { stream_seq: -1 } })],
    ['{"last_seq":"x"}', consumerOf(null)],
    ['{"last_seq":1e300}', consumerOf(null)],
  ]) {
    const what = `${state} ${consumer}`;
    assert.equal((await restore(client, archiveOf(state, consumer))).error?.err_code, 10062, what);
    await assertNothingIsLeft(client, what);
  }
});

test("what an archive does not say is nothing", { timeout: 60_000 }, async (t) => {
  const client = await start(t);
  for (const state of ["null", '{"last_ts":5}', STATE]) {
    for (const consumer of [null, {}, { delivered: null, ack_floor: null, pending: null, redelivered: null }]) {
      const restored = await restore(client, archiveOf(state, consumerOf(consumer)));
      assert.deepEqual(
        [restored.error, restored.state?.messages],
        [undefined, 1],
        `${state} ${JSON.stringify(consumer)}`,
      );
      assert.equal((await ask(client, "CONSUMER.INFO.R.C")).error, undefined);
      await ask(client, "STREAM.DELETE.R");
    }
  }
});

test("a stream is undone whose consumer cannot be made", { timeout: 60_000 }, async (t) => {
  const client = await start(t);
  const made = t.mock.method(JetStreamAccount.prototype, "createConsumer", () => {
    throw new Error("the disk is full");
  });
  const { error } = await restore(client, archiveOf(STATE, consumerOf(null)));
  assert.deepEqual([error?.err_code, error?.description], [10062, "restore failed: the disk is full"]);
  made.mock.restore();
  await assertNothingIsLeft(client, "the consumer");
});
