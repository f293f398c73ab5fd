// What is repeated while it is on its way to the disk is answered when it is there: the power is cut right at the answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const CONSUMER = { durable_name: "C", ack_policy: "explicit", ack_wait: 60e9 };

/** A stream with one message that a consumer has delivered. */
async function delivered(seed: number) {
  const world = simulatedRuntime({ seed });
  const life = await Life.begin(world);
  await life.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "file" });
  await life.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config: CONSUMER });
  await life.ask("s", "payload");
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", "");
  await life.server.advance(1000);
  const [ackSubject] = life.client.received.match(/\$JS\.ACK\.S\.C\.\S+/) ?? [];
  assert.ok(ackSubject !== undefined, life.client.received);
  const afterPowerCut = async (name: string): Promise<Life> => {
    await life.untilAnswered(name);
    world.crash({ torn: true });
    world.restart();
    return Life.begin(world);
  };
  return { life, ackSubject, afterPowerCut };
}

for (const payload of ["+ACK", "+TERM"]) {
  test(`the second ${payload} of a message is answered when the first is durable`, async () => {
    for (let seed = 0; seed < 10; seed++) {
      const { life, ackSubject, afterPowerCut } = await delivered(seed);
      life.send(ackSubject, payload);
      const after = await afterPowerCut(life.send(ackSubject, payload));
      const { num_ack_pending: pending, ack_floor: floor } = await after.ask("$JS.API.CONSUMER.INFO.S.C");
      assert.deepEqual([pending, floor?.stream_seq], [0, 1], `seed ${seed}`);
    }
  });

  test(`${payload} of a message that was deleted while it was pending is answered when that is durable`, async () => {
    for (let seed = 0; seed < 10; seed++) {
      const { life, ackSubject, afterPowerCut } = await delivered(seed);
      life.send("$JS.API.STREAM.MSG.DELETE.S", JSON.stringify({ seq: 1, no_erase: true }));
      const after = await afterPowerCut(life.send(ackSubject, payload));
      const { num_ack_pending: pending, ack_floor: floor } = await after.ask("$JS.API.CONSUMER.INFO.S.C");
      assert.deepEqual([pending, floor?.stream_seq], [0, 1], `seed ${seed}`);
    }
  });
}

test("a purge that finds nothing left is answered when what was removed before is durably gone", async () => {
  for (const filter of [undefined, "s"]) {
    for (let seed = 0; seed < 10; seed++) {
      const { life, afterPowerCut } = await delivered(seed);
      life.send("$JS.API.STREAM.MSG.DELETE.S", JSON.stringify({ seq: 1, no_erase: true }));
      const after = await afterPowerCut(life.send("$JS.API.STREAM.PURGE.S", JSON.stringify({ filter })));
      const { state } = await after.ask("$JS.API.STREAM.INFO.S");
      assert.equal(state?.messages, 0, `seed ${seed}, filter ${filter}`);
    }
  }
});
