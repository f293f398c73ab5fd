// A mirror and a source of a work queue, and power cuts: it has let go only of what they keep, whether they read by a consumer of
// its or by one that they have made themselves.
// `NATSNODE_RUNS` is how many histories there are.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const SEEDS = Number(process.env["NATSNODE_RUNS"] ?? 6);
const LIVES = 3;
const BURSTS = 6;
/** More than a heartbeat, after which what came last is acknowledged. */
const LONGEST_PAUSE_MS = 1300;
const READER = { durable_name: "C", ack_policy: "flow_control", deliver_subject: "to.s", max_ack_pending: 5 };

const KINDS = [
  { kind: "a source by a consumer of its origin", isMirror: false, consumer: { name: "C", deliver_subject: "to.s" } },
  { kind: "a source", isMirror: false, consumer: undefined },
  { kind: "a mirror", isMirror: true, consumer: undefined },
];

async function copied(life: Life): Promise<string[]> {
  const found: string[] = [];
  const { state } = await life.ask("$JS.API.STREAM.INFO.S");
  for (let seq = 1; seq <= (state?.last_seq ?? 0); seq++) {
    const { message } = await life.ask("$JS.API.STREAM.MSG.GET.S", { seq });
    // An origin may be left with gaps by a write that was torn.
    if (message !== undefined) found.push(Buffer.from(message.data ?? "", "base64").toString());
  }
  return found;
}

for (const { kind, isMirror, consumer } of KINDS) {
  test(`after power cuts ${kind} has all that its origin has let go of, once and in order`, async () => {
    let removed = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const world = simulatedRuntime({ seed });
      let life = await Life.begin(world);
      await life.ask("$JS.API.STREAM.CREATE.O", { name: "O", subjects: ["o"], retention: "workqueue" });
      if (consumer !== undefined) await life.ask("$JS.API.CONSUMER.CREATE.O.C", { stream_name: "O", config: READER });
      const origin = { name: "O", consumer };
      await life.ask("$JS.API.STREAM.CREATE.S", {
        name: "S",
        ...(isMirror ? { mirror: origin } : { sources: [origin] }),
      });
      let next = 1;
      const stored = new Set<string>();
      for (let round = 0; round < LIVES; round++) {
        const asked: [payload: string, name: string][] = [];
        for (let burst = 0; burst < BURSTS; burst++) {
          for (let count = world.random.below(8); count > 0; count--)
            asked.push([`${next}`, life.send("o", `${next++}`)]);
          await life.server.advance(world.random.float() * LONGEST_PAUSE_MS);
        }
        for (const [payload, name] of asked) if (life.answer(name)?.seq !== undefined) stored.add(payload);
        world.crash({ torn: true });
        world.restart();
        life = await Life.begin(world);
      }
      await life.server.advance(10_000);
      const found = await copied(life);
      const { state } = await life.ask("$JS.API.STREAM.INFO.O");
      assert.equal(state?.messages, 0, `seed ${seed}: all is acknowledged`);
      removed += state.last_seq;
      const inOrder = [...new Set(found)].sort((a, b) => Number(a) - Number(b));
      assert.deepEqual(found, inOrder, `seed ${seed}`);
      for (const payload of stored) assert.ok(found.includes(payload), `seed ${seed}: ${payload} is lost`);
    }
    assert.ok(removed > SEEDS);
  });
}
