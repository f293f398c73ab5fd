// A message whose bytes have changed on the disk: who listens is told, health checks say it, and the rest is served.
import assert from "node:assert/strict";
import { test } from "node:test";
import { healthz } from "../src/monitoring/healthz.js";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { filesBelow, Life } from "./support/jetstream-life.js";

const STREAMS = ["S", "OTHER"];
/** Short: messages in the window are read at the start. */
const WINDOW_NS = 100e6;

test("a message that cannot be read any more is told by an advisory and by /healthz", async () => {
  const world = simulatedRuntime({ seed: 3 });
  const before = await Life.begin(world);
  for (const name of STREAMS) {
    await before.ask(`$JS.API.STREAM.CREATE.${name}`, {
      name,
      subjects: [name],
      storage: "file",
      duplicate_window: WINDOW_NS,
    });
    await before.ask(name, "x".repeat(4000));
  }
  await before.server.advance(1000);
  await world.clock.settle(before.server.server.close());
  world.crash();
  world.restart();
  const life = await Life.begin(world);
  const { server } = life.server;
  assert.deepEqual(healthz(server, {}), { status: "ok", statusCode: 200 });
  life.client.send("SUB $JS.EVENT.ADVISORY.STREAM.DAMAGED.> 2\r\n");
  await life.server.settle();
  const sizeOf = (path: string): number => world.disk.statSync(path)?.sizeBytes ?? 0;
  const [segment = ""] = filesBelow(world, "/data/jetstream").filter((path) => sizeOf(path) > 4000);
  world.disk.flipBits(segment, 200);
  const damaged: string[] = [];
  for (const name of STREAMS) {
    const { error } = await life.ask(`$JS.API.STREAM.MSG.GET.${name}`, { seq: 1 });
    if (error !== undefined) damaged.push(name);
  }
  assert.equal(damaged.length, 1, segment);
  await life.server.advance(1000);

  const [stream = ""] = damaged;
  const [, text = "{}"] = life.client.received.match(/DAMAGED\.\w+ 2 \d+\r\n(.*)\r\n/) ?? [];
  const advisory = JSON.parse(text) as { type: string; stream: string; error: string; quarantine: string };
  assert.equal(advisory.type, "io.nats.jetstream.advisory.v1.stream_damaged");
  assert.equal(advisory.stream, stream);
  assert.ok(sizeOf(advisory.quarantine) > 0, `${advisory.quarantine} has what was set aside`);
  const { error, quarantine } = advisory;
  const whole = healthz(server, {});
  assert.deepEqual([whole.status, whole.problems], ["ok", [{ account: "$G", stream, error, quarantine }]]);
  const ofStream = healthz(server, { account: "$G", stream });
  assert.deepEqual(ofStream, { status: "unavailable", statusCode: 503, error });
  for (const other of STREAMS.filter((name) => name !== stream)) {
    assert.equal(healthz(server, { account: "$G", stream: other }).status, "ok");
  }
  const { state } = await life.ask(`$JS.API.STREAM.INFO.${stream}`);
  assert.deepEqual([state?.messages, state?.last_seq], [0, 1]);
});
