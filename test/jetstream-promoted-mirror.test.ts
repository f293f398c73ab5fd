// A mirror keeps no message ids; one that becomes a stream of its own knows those of its messages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

test("a mirror that becomes a stream takes no message of its origin twice", async () => {
  const life = await Life.begin(simulatedRuntime({ seed: 5 }));
  await life.ask("$JS.API.STREAM.CREATE.O", { name: "O", subjects: ["o"] });
  await life.ask("$JS.API.STREAM.CREATE.M", { name: "M", mirror: { name: "O" } });
  for (const id of ["one", "two"]) await life.ask("o", id, `Nats-Msg-Id: ${id}`);
  await life.server.advance(1000);
  const promoted = await life.ask("$JS.API.STREAM.UPDATE.M", { name: "M", subjects: ["m"] });
  assert.equal(promoted.error, undefined);
  await life.server.advance(1000);
  for (const id of ["one", "two"]) assert.equal((await life.ask("m", id, `Nats-Msg-Id: ${id}`)).duplicate, true, id);
  assert.equal((await life.ask("m", "three", "Nats-Msg-Id: three")).seq, 3);
});
