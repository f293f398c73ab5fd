// A message that is acknowledged while it is read from the disk for its redelivery is done: it does not come as a new one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const ACK_WAIT_MS = 10_000;
const STEP_MS = 0.03;

/** How often a message is delivered again whose acknowledgement follows the request for it after so many milliseconds. */
async function deliveriesWithAckAfter(ms: number): Promise<number> {
  const world = simulatedRuntime({ seed: 1 });
  const before = await Life.begin(world);
  // Messages in the window for duplicates are read at the start.
  const stream = { name: "S", subjects: ["s"], storage: "file", duplicate_window: 100e6 };
  await before.ask("$JS.API.STREAM.CREATE.S", stream);
  const config = { durable_name: "C", ack_policy: "explicit", ack_wait: ACK_WAIT_MS * 1e6 };
  await before.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config });
  await before.ask("s", "payload");
  before.send("$JS.API.CONSUMER.MSG.NEXT.S.C", "");
  await before.server.advance(1000);
  const [ackSubject = ""] = before.client.received.match(/\$JS\.ACK\.S\.C\.\S+/) ?? [];
  // Read by nobody since the start, it has to come from the disk.
  await world.clock.settle(before.server.server.close());
  world.crash();
  world.restart();
  const life = await Life.begin(world);
  await life.server.advance(ACK_WAIT_MS);
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", "");
  await life.server.advance(ms);
  await life.untilAnswered(life.send(ackSubject, "+ACK"));
  await life.server.advance(100);
  const { num_ack_pending: pending, ack_floor: floor, delivered } = await life.ask("$JS.API.CONSUMER.INFO.S.C");
  assert.deepEqual([pending, floor?.stream_seq], [0, 1], `acknowledged after ${ms} ms`);
  return (delivered?.consumer_seq ?? 0) - 1;
}

test("a message that is acknowledged while it is read for its redelivery does not come as new", async () => {
  const deliveries: number[] = [];
  for (let step = 0; step < 40; step++) deliveries.push(await deliveriesWithAckAfter(step * STEP_MS));
  assert.deepEqual([...new Set(deliveries)].sort(), [0, 1], "acknowledgements come before and after the delivery");
});
