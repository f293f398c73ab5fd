// A disk that takes nothing while a fast batch is on its way: its publisher is told of nothing that was not written.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const STORE_FAILED = 10077;

/** What comes within a while after a publish while every write fails. */
async function answersOf(operation: "start" | "commit", config = {}): Promise<Record<string, unknown>[]> {
  const world = simulatedRuntime({ seed: 1 });
  const life = await Life.begin(world);
  const stream = { name: "S", subjects: ["s"], storage: "file", allow_batched: true, ...config };
  await life.ask("$JS.API.STREAM.CREATE.S", stream);
  await life.server.advance(500);
  for (const failing of ["write", "sync", "open"] as const) {
    world.disk.fail({ operation: failing, code: "EIO", path: ".log", times: Number.POSITIVE_INFINITY });
  }
  life.client.take();
  life.client.send(`PUB s _R.x.b.1.ok.1.${operation === "start" ? 0 : 2}.$FI 1\r\nx\r\n`);
  await life.server.advance(3000);
  return Array.from(life.client.take().matchAll(/^\{.*\}$/gm), ([text]) => JSON.parse(text) as Record<string, unknown>);
}

test("the end of a fast batch that was not written is refused", async () => {
  const answers = await answersOf("commit");
  assert.equal(answers.length, 1);
  assert.equal((answers[0]?.["error"] as Record<string, unknown> | undefined)?.["err_code"], STORE_FAILED);
});

test("a stream without acknowledgements keeps the refusal to itself", async () => {
  assert.deepEqual(await answersOf("commit", { no_ack: true }), []);
});

test("messages of a fast batch that were not written are not acknowledged on the way", async () => {
  assert.deepEqual(await answersOf("start"), [{ type: "ack", seq: 0, msgs: 1 }]);
});
