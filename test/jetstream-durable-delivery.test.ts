// Consumers are sent no message that a crash could still take back: its sequence would then be another message's, and who has
// got the first one, as an ordered consumer, would go on behind it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const SYNC_MS = 50;

for (const kind of ["push", "pull"] as const) {
  test(`a ${kind} consumer gets a message when it is durable, and not before`, async () => {
    const world = simulatedRuntime({ seed: 1 });
    const life = await Life.begin(world);
    await life.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "file" });
    const config = kind === "push" ? { deliver_subject: "_R.to" } : { ack_policy: "explicit" };
    await life.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config: { durable_name: "C", ...config } });
    world.disk.latency = { ...world.disk.latency, syncMs: SYNC_MS };
    if (kind === "pull") life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", "");
    const published = life.send("s", "payload");
    await life.server.advance(SYNC_MS / 2);
    const isDelivered = (): boolean => life.client.received.includes("$JS.ACK.S.C.1.1.1.");
    assert.deepEqual([isDelivered(), life.isAnswered(published)], [false, false], "before the sync has ended");
    await life.server.advance(SYNC_MS);
    assert.deepEqual([isDelivered(), life.isAnswered(published)], [true, true], "after it");
  });
}
