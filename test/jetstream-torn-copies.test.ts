// A power cut that tears the last write in the middle: copies of an origin's messages have what it has, without a gap.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const SEEDS = 80;
const MESSAGES = 60;
/** A write comes to the disk in sectors: it takes several to leave a gap. */
const PAYLOAD_BYTES = 200;
/** While the messages are written, and then their copies. */
const CUT_MS = { min: 2, max: 9 };

async function payloads(life: Life, name: string): Promise<string[]> {
  const { state } = await life.ask(`$JS.API.STREAM.INFO.${name}`);
  const found: string[] = [];
  for (let seq = state?.first_seq ?? 1; seq <= (state?.last_seq ?? 0); seq++) {
    const { message } = await life.ask(`$JS.API.STREAM.MSG.GET.${name}`, { seq });
    if (message !== undefined)
      found.push(
        Buffer.from(message.data ?? "", "base64")
          .toString()
          .trim(),
      );
  }
  return found;
}

test("after a torn write a mirror and a source have what their origin has", async () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const world = simulatedRuntime({ seed });
    const life = await Life.begin(world);
    await life.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"] });
    await life.ask("$JS.API.STREAM.CREATE.MIRROR", { name: "MIRROR", mirror: { name: "S" } });
    await life.ask("$JS.API.STREAM.CREATE.SOURCED", { name: "SOURCED", sources: [{ name: "S" }] });
    for (let number = 1; number <= MESSAGES; number++) life.send("s", `${number}`.padEnd(PAYLOAD_BYTES));
    await life.server.advance(CUT_MS.min + world.random.float() * (CUT_MS.max - CUT_MS.min));
    world.crash({ torn: true });
    world.restart();
    const after = await Life.begin(world);
    await after.ask("s", "last");
    await after.server.advance(5000);
    const original = await payloads(after, "S");
    assert.deepEqual(await payloads(after, "SOURCED"), original, `SOURCED, seed ${seed}`);
    assert.deepEqual(await payloads(after, "MIRROR"), original, `MIRROR, seed ${seed}`);
    lengths.add(original.length);
  }
  assert.ok(lengths.size > 2, `some are cut before, some in the middle, some after: ${[...lengths]}`);
});
