// Two sources that differ only in where their messages go: each goes on at its own place.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const to = (dest: string): object => ({ name: "A", subject_transforms: [{ src: ">", dest }] });

test("after a kill two sources of one origin go on where each of them was", async () => {
  const world = simulatedRuntime({ seed: 3 });
  const before = await Life.begin(world);
  await before.ask("$JS.API.STREAM.CREATE.A", { name: "A", subjects: ["a"] });
  const sourced = { name: "S", sources: [to("x.>")] };
  await before.ask("$JS.API.STREAM.CREATE.S", sourced);
  for (let at = 0; at < 3; at++) await before.ask("a", `${at}`);
  await before.server.advance(1000);
  // The second one has taken the first messages only when the first one has taken all.
  await before.ask("$JS.API.STREAM.UPDATE.S", {
    ...sourced,
    sources: [to("x.>"), to("y.>")],
    max_msgs: 5,
    discard: "new",
  });
  await before.server.advance(1000);
  assert.equal((await before.ask("$JS.API.STREAM.INFO.S")).state?.messages, 5);
  world.crash();
  world.restart();

  const life = await Life.begin(world);
  await life.ask("$JS.API.STREAM.UPDATE.S", { ...sourced, sources: [to("x.>"), to("y.>")], max_msgs: 100 });
  await life.server.advance(5000);
  const subjects: string[] = [];
  for (let seq = 1; seq <= 7; seq++) {
    const { message } = await life.ask("$JS.API.STREAM.MSG.GET.S", { seq });
    if (message !== undefined) subjects.push(`${message.subject} ${Buffer.from(message.data ?? "", "base64")}`);
  }
  assert.deepEqual(subjects, ["x.a 0", "x.a 1", "x.a 2", "y.a 0", "y.a 1", "y.a 2"]);
});
