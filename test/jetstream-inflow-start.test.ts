// A disk that fails while a stream looks for how far its origins were read: it looks again, and takes nothing twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

test("what cannot be read at the start is told, and read again", async () => {
  const world = simulatedRuntime({ seed: 11 });
  const before = await Life.begin(world);
  // Short: no message is read at the start for its id.
  const window = { duplicate_window: 100e6 };
  await before.ask("$JS.API.STREAM.CREATE.O", { name: "O", subjects: ["o"], ...window });
  for (let at = 0; at < 3; at++) await before.ask("o", "x");
  const sourced = { name: "S", subjects: ["s"], ...window };
  const withSource = { ...sourced, sources: [{ name: "O" }] };
  await before.ask("$JS.API.STREAM.CREATE.S", withSource);
  await before.server.advance(1000);
  // Without the source the stream forgets how far it was read: what it has tells.
  await before.ask("$JS.API.STREAM.UPDATE.S", sourced);
  await world.clock.settle(before.server.server.close());

  const life = await Life.begin(world);
  await life.server.advance(1000);
  world.disk.fail({ operation: "read", code: "EIO", path: ".seg", times: Number.POSITIVE_INFINITY });
  await life.ask("$JS.API.STREAM.UPDATE.S", withSource);
  await life.ask("o", "y");
  const failed = await life.ask("$JS.API.STREAM.INFO.S");
  assert.match(failed.sources?.[0].error?.description ?? "", /EIO/);
  assert.equal(failed.state?.messages, 3);
  world.disk.repair();
  await life.server.advance(2000);
  const { state, sources } = await life.ask("$JS.API.STREAM.INFO.S");
  assert.deepEqual([state?.messages, sources?.[0].error], [4, undefined]);
});
