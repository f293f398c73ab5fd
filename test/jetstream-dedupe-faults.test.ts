// A disk that fails while the ids of messages are read at a start: who repeats a message with an id waits, and it is stored once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { platformError } from "../src/runtime/errors.js";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const UNAVAILABLE = 10008;
const ID = "Nats-Msg-Id: a";

test("a message is not stored again while its id cannot be read", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const before = await Life.begin(world);
  await before.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "file", allow_atomic: true });
  await before.ask("s", "hello", ID);
  await world.clock.settle(before.server.server.close());

  const repair = failMessages(world);
  const life = await Life.begin(world);
  await life.server.advance(5000);
  assert.equal((await life.ask("s", "hello", ID)).error?.err_code, UNAVAILABLE);
  const batch = `${ID}\r\nNats-Batch-Id: b\r\nNats-Batch-Sequence: 1\r\nNats-Batch-Commit: 1`;
  assert.equal((await life.ask("s", "hello", batch)).error?.err_code, UNAVAILABLE);
  assert.equal((await life.ask("s", "without an id")).seq, 2);
  repair();
  await life.server.advance(10_000);
  const repeated = await life.ask("s", "hello", ID);
  assert.deepEqual([repeated.seq, repeated.duplicate], [1, true]);
  assert.equal((await life.ask("$JS.API.STREAM.INFO.S")).state?.messages, 2);
});

/** What segments begin with can be read, but no message of them; gives what ends it. */
function failMessages({ disk }: SimulatedRuntime): () => void {
  const open = disk.open.bind(disk);
  let isFailing = true;
  disk.open = async (path, ...rest) => {
    const file = await open(path, ...rest);
    const read = file.read.bind(file);
    file.read = async (buffer, at) => {
      if (isFailing && at > 0 && path.endsWith(".seg")) throw platformError("EIO", "read", path);
      return read(buffer, at);
    };
    return file;
  };
  return () => {
    isFailing = false;
  };
}
