// What a mirror or a source has got of a stream is there after a power cut: else the sequence would be given again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const SEEDS = 20;

test("consumers of mirrors and sources send what is durable", async () => {
  const config = { direct: true, deliver_subject: "_R.to", ack_policy: "none", max_deliver: 1 };
  for (let seed = 0; seed < SEEDS; seed++) {
    const world = simulatedRuntime({ seed });
    const life = await Life.begin(world);
    await life.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "file" });
    await life.untilAnswered(life.send("$JS.API.CONSUMER.CREATE.S", JSON.stringify({ stream_name: "S", config })));
    for (const payload of ["one", "two", "three"]) life.send("s", payload);
    while (!life.client.received.includes("$JS.ACK.S.")) await life.server.advance(0.25);
    const got = [...life.client.received.matchAll(/\$JS\.ACK\.S\.\w+\.1\.(\d+)\./g)].map(([, sequence]) =>
      Number(sequence),
    );
    world.crash({ torn: true });
    world.restart();
    const after = await Life.begin(world);
    const { state } = await after.ask("$JS.API.STREAM.INFO.S");
    assert.ok((state?.last_seq ?? 0) >= Math.max(...got), `seed ${seed}: ${got} came, ${state?.last_seq} is the last`);
  }
});
