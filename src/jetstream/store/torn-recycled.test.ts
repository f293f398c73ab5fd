// A write into a file of the journal that was used before, torn by a power cut: behind the tear stand whole records of older writes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OPTIONS, pass } from "../../../test/support/erasing.js";
import { newMessage } from "../../../test/support/stream-model.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { openStorage } from "./file-storage.js";
import { timesOf } from "./memory-store.js";
import { durable } from "./store.js";

const SEEDS = 40;
const ROUNDS = 30;

for (const isAnew of [false, true]) {
  const name = isAnew
    ? "a stream that was made anew under its name is what it was last"
    : "a deleted stream does not come back";
  test(`after a torn write into a used file ${name}`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = simulatedRuntime({ seed });
      const { clock, random } = world;
      const storage = await clock.settle(openStorage(world, "/store", OPTIONS));
      const kept = storage.stream("K");
      const keep = (text: string) => {
        const next = kept.state.lastSequence + 1;
        return kept.append(newMessage("a", "", text), next, timesOf(BigInt(next)));
      };
      for (let round = 0; round < ROUNDS; round++) {
        const gone = storage.stream(isAnew ? "G" : `G${round}`);
        const text = `round ${round} `.repeat(1 + random.below(30));
        await clock.settle(durable(storage.commits, gone.append(newMessage("a", "", text), 1, timesOf(1n))));
        if (!isAnew || round < ROUNDS - 1) await clock.settle(durable(storage.commits, gone.delete()));
        await clock.settle(durable(storage.commits, keep(`${round} `.repeat(random.below(50)))));
        await pass(world, random.below(20));
      }
      for (let n = 0; n < 30; n++) keep(`tail ${n} `.repeat(random.below(20)));
      await pass(world, 0.15 + random.below(3));
      world.crash({ torn: true });
      world.restart();
      const again = await clock.settle(openStorage(world, "/store", OPTIONS));
      assert.deepEqual([...again.streams.keys()].sort(), isAnew ? ["G", "K"] : ["K"], `seed ${seed}`);
      assert.deepEqual(again.problems, [], `seed ${seed}`);
      for (let sequence = 1; sequence <= ROUNDS; sequence++) assert.ok(again.stream("K").has(sequence), `seed ${seed}`);
      if (isAnew) {
        const stored = await clock.settle(Promise.resolve(again.stream("G").load(1)));
        assert.match(stored?.payload.toString() ?? "", /^round 29 /, `seed ${seed}`);
      }
      await clock.settle(again.close());
    }
  });
}
