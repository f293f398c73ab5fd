// A mistake in the server that shows while a consumer works by itself: it is logged, the process and everything else go on, and
// the consumer tries again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConsumerState } from "../src/jetstream/consumers/consumer-state.js";
import { DeliveryWriter } from "../src/jetstream/consumers/delivery-writer.js";
import { OriginPlace } from "../src/jetstream/inflows/origin-place.js";
import { MessageHeaders } from "../src/jetstream/streams/publish-headers.js";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const ACK_WAIT_MS = 5000;
const PLANTED = "a planted mistake";

const plant = (): never => {
  throw new Error(PLANTED);
};

async function begin(config: object = {}): Promise<Life> {
  const life = await Life.begin(simulatedRuntime({ seed: 1 }));
  for (const name of ["S", "T"]) {
    await life.ask(`$JS.API.STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], storage: "file" });
    const whole = { durable_name: "C", ack_policy: "explicit", ack_wait: ACK_WAIT_MS * 1e6, ...config };
    await life.ask(`$JS.API.CONSUMER.CREATE.${name}.C`, { stream_name: name, config: whole });
  }
  return life;
}

const mistakes = (life: Life): string[] => life.server.log.lines.filter((line) => line.includes(PLANTED));
const deliveries = (life: Life, name: string): number =>
  [...life.client.received.matchAll(new RegExp(`\\$JS\\.ACK\\.${name}\\.C\\.\\S+`, "g"))].length;

test("a mistake while a message is delivered", async (t) => {
  const life = await begin();
  const planted = t.mock.method(DeliveryWriter.prototype, "reply", plant);
  await life.ask("S.1", "payload");
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", "");
  await life.server.advance(10_000);
  assert.ok(planted.mock.callCount() > 5, "it is tried again");
  assert.deepEqual([mistakes(life).length, deliveries(life, "S")], [1, 0]);
  assert.equal((await life.ask("T.1", "payload")).seq, 1);
  planted.mock.restore();
  await life.server.advance(1000);
  assert.equal(deliveries(life, "S"), 1);
});

test("a mistake while it is looked for what is due again", async (t) => {
  const life = await begin();
  await life.ask("S.1", "payload");
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", "");
  await life.server.advance(1000);
  const planted = t.mock.method(ConsumerState.prototype, "deliveryCount", plant);
  await life.server.advance(2 * ACK_WAIT_MS);
  assert.equal(mistakes(life).length, 1);
  planted.mock.restore();
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", "");
  await life.server.advance(2000);
  assert.equal(deliveries(life, "S"), 2);
});

test("a mistake while a dead letter is made, and one while it is ended", async (t) => {
  const life = await begin({ max_deliver: 1, metadata: { "natsnode.dead_letter": "T.dead" } });
  for (const [of, method] of [
    [MessageHeaders, "in"],
    [ConsumerState.prototype, "apply"],
  ] as const) {
    await life.ask("S.1", "payload");
    life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", "");
    await life.server.advance(1000);
    const planted = t.mock.method(of as typeof ConsumerState.prototype, method as "apply", plant);
    await life.server.advance(2 * ACK_WAIT_MS);
    assert.ok(
      life.server.log.lines.some((line) => line.includes(PLANTED)),
      method,
    );
    life.server.log.lines.length = 0;
    planted.mock.restore();
    await life.server.advance(2 * ACK_WAIT_MS);
    const { num_ack_pending: pending } = await life.ask("$JS.API.CONSUMER.INFO.S.C");
    assert.equal(pending, 0, method);
  }
  assert.equal((await life.ask("$JS.API.STREAM.INFO.T")).state?.messages, 2);
});

test("a mistake while a stream takes what flows into it", async (t) => {
  const life = await Life.begin(simulatedRuntime({ seed: 1 }));
  await life.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["S.>"] });
  await life.ask("$JS.API.STREAM.CREATE.ALL", { name: "ALL", sources: [{ name: "S" }] });
  await life.server.advance(1000);
  for (const [at, method] of (["see", "recognise"] as const).entries()) {
    const planted = t.mock.method(OriginPlace.prototype, method, plant);
    assert.equal((await life.ask("S.1", "payload")).seq, at + 1);
    await life.server.advance(10_000);
    const { sources } = await life.ask("$JS.API.STREAM.INFO.ALL");
    assert.equal(sources?.[0].error?.description, PLANTED, method);
    planted.mock.restore();
    await life.server.advance(2000);
    const { state, sources: healed } = await life.ask("$JS.API.STREAM.INFO.ALL");
    assert.deepEqual([state?.messages, healed?.[0].error], [at + 1, undefined], method);
  }
});
