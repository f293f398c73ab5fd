// A removal that a client has asked for, and a power cut while it is written: what is there again comes to its consumer.
// `NATSNODE_RUNS` is how many cuts there are of each.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const MESSAGES = 40;
const SEEDS = Number(process.env["NATSNODE_RUNS"] ?? 24);

for (const [what, request] of [
  ["MSG.DELETE", { seq: 1, no_erase: true }],
  ["PURGE", { filter: "s.1" }],
  ["PURGE", {}],
] as const) {
  test(`STREAM.${what} ${JSON.stringify(request)} and a power cut`, async () => {
    const found = new Set<boolean>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const world = simulatedRuntime({ seed });
      const life = await Life.begin(world);
      const stream = { name: "S", subjects: ["s.*"], storage: "file", retention: "workqueue" };
      await life.ask("$JS.API.STREAM.CREATE.S", stream);
      const config = { durable_name: "C", ack_policy: "explicit", ack_wait: 60e9 };
      await life.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config });
      for (let count = 1; count <= MESSAGES; count++) await life.ask(`s.${count}`, "payload");
      await life.server.advance(100);
      life.send(`$JS.API.STREAM.${what}.S`, JSON.stringify(request));
      await life.server.advance(0.5 + world.random.float());
      world.crash({ torn: true });
      world.restart();
      const after = await Life.begin(world);
      const { message } = await after.ask("$JS.API.STREAM.MSG.GET.S", { seq: 1 });
      after.send("$JS.API.CONSUMER.MSG.NEXT.S.C", JSON.stringify({ batch: MESSAGES, no_wait: true }));
      await after.server.advance(100);
      const came = after.client.received.includes("$JS.ACK.S.C.1.1.");
      assert.equal(came, message !== undefined, `seed ${seed}`);
      found.add(came);
    }
    assert.equal(found.size, 2, "some are cut before, some after");
  });
}
