// What one connection's failure to write means for the others of a turn.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import type { Connection } from "./connection.js";
import { Turn } from "./turn.js";

test("a connection that fails to write is ended; the others are written, in this turn and in later ones", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const turn = new Turn(clock);
  const told: string[] = [];
  const connection = (name: string, flush: () => void): Connection =>
    ({
      dirty: false,
      flush: () => {
        told.push(name);
        flush();
      },
      failed: (error: Error) => told.push(error.message),
    }) as unknown as Connection;
  const broken = connection("broken", () => {
    throw new Error("no");
  });
  const good = connection("good", () => {});
  turn.flushLater(broken);
  turn.flushLater(good);
  await clock.advance(1);
  assert.deepEqual(told, ["broken", "no", "good"]);
  assert.equal(good.dirty, false);
  turn.flushLater(good);
  await clock.advance(1);
  assert.deepEqual(told, ["broken", "no", "good", "good"]);
});
