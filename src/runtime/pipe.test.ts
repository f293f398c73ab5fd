import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Transport } from "./network.js";
import { PIPE_CAPACITY_BYTES, transportPair } from "./pipe.js";
import { simulatedRuntime } from "./simulated/index.js";

function record(transport: Transport): string[] {
  const told: string[] = [];
  transport.start({
    onData: (chunk, start, end) => told.push(chunk.toString("latin1", start, end)),
    onDrain: () => told.push("(drain)"),
    onEnd: () => told.push("(end)"),
    onClose: (error) => told.push(`(close${error === undefined ? "" : ` ${error.message}`})`),
  });
  return told;
}

test("bytes arrive later, in order, and the writer may reuse its chunks", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [a, b] = transportPair(clock);
  assert.equal(a.inProcess, true);
  const toldA = record(a);
  const toldB = record(b);
  const chunk = Buffer.from("abc");
  a.write([chunk, Buffer.from("-")]);
  assert.equal(a.bufferedBytes, 0);
  chunk.fill("x");
  a.write([chunk]);
  b.write([Buffer.from("back")]);
  assert.deepEqual(toldB, []);
  await clock.runUntilIdle();
  assert.equal(toldB.join(""), "abc-xxx");
  assert.deepEqual(toldA, ["back"]);
});

test("an answer from inside onData is not told inside the write that caused it", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [a, b] = transportPair(clock);
  let writing = 0;
  let rounds = 0;
  for (const [own, other] of [
    [a, b],
    [b, a],
  ]) {
    own.start({
      onData: () => {
        assert.equal(writing, 0);
        if (++rounds > 20) return;
        writing++;
        own.write([Buffer.from(other === a ? "b" : "a")]);
        writing--;
      },
      onDrain: () => {},
      onEnd: () => {},
      onClose: () => {},
    });
  }
  a.write([Buffer.from("go")]);
  await clock.runUntilIdle();
  assert.equal(rounds, 21);
});

test("a paused reader lets the writer's buffer grow, and its resuming drains it", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [a, b] = transportPair(clock);
  const toldA = record(a);
  const toldB = record(b);
  b.pause();
  a.write([Buffer.alloc(PIPE_CAPACITY_BYTES, "1")]);
  assert.equal(a.bufferedBytes, 0);
  a.write([Buffer.alloc(100, "2")]);
  assert.equal(a.bufferedBytes, 100);
  await clock.runUntilIdle();
  assert.deepEqual([toldA, toldB], [[], []]);
  b.resume();
  await clock.runUntilIdle();
  assert.deepEqual(toldA, ["(drain)"]);
  assert.equal(a.bufferedBytes, 0);
  assert.equal(toldB.join("").length, PIPE_CAPACITY_BYTES + 100);
});

test("end sends what is queued, then both sides are closed", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [a, b] = transportPair(clock);
  const toldA = record(a);
  const toldB = record(b);
  b.pause();
  a.write([Buffer.alloc(PIPE_CAPACITY_BYTES + 1, "1")]);
  a.end();
  a.write([Buffer.from("too late")]);
  await clock.runUntilIdle();
  assert.deepEqual(toldA, [], "what the system has not taken keeps the end open");
  b.resume();
  await clock.runUntilIdle();
  assert.deepEqual(toldA, ["(close)"]);
  assert.equal(toldB[0].length, PIPE_CAPACITY_BYTES + 1);
  assert.deepEqual(toldB.slice(1), ["(end)", "(close)"]);
  b.write([Buffer.from("nobody")]);
  assert.equal(b.bufferedBytes, 0);
  b.destroy();
  b.end();
  await clock.runUntilIdle();
  assert.equal(toldB.length, 3);
});

test("destroy closes at once, even when paused; the other side hears it", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [a, b] = transportPair(clock);
  const toldA = record(a);
  const toldB = record(b);
  b.write([Buffer.from("unread")]);
  a.pause();
  a.destroy();
  assert.deepEqual(toldA, []);
  await clock.runUntilIdle();
  assert.deepEqual(toldA, ["(close)"]);
  assert.deepEqual(toldB, ["(end)", "(close)"]);
});

test("an end that waits for its reader closes when the reader is destroyed", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [a, b] = transportPair(clock);
  const toldA = record(a);
  const toldB = record(b);
  a.pause();
  b.pause();
  a.write([Buffer.alloc(PIPE_CAPACITY_BYTES * 2)]);
  a.end();
  b.destroy();
  await clock.runUntilIdle();
  assert.deepEqual([toldA, toldB], [["(close)"], ["(close)"]]);
});

test("a side that starts late misses nothing", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [a, b] = transportPair(clock);
  record(a);
  a.write([Buffer.from("early")]);
  a.end();
  await clock.runUntilIdle();
  const toldB = record(b);
  await clock.runUntilIdle();
  assert.deepEqual(toldB, ["early", "(end)", "(close)"]);
});

test("whatever is written, paused and resumed, the reader gets the writer's bytes", async () => {
  const step = fc.oneof(fc.uint8Array({ maxLength: 40_000 }), fc.constantFrom("pause", "resume", "turn"));
  await fc.assert(
    fc.asyncProperty(fc.array(step), async (steps) => {
      const { clock } = simulatedRuntime({ seed: 1 });
      const [a, b] = transportPair(clock);
      record(a);
      const told = record(b);
      const written: Buffer[] = [];
      for (const next of steps) {
        if (next === "pause") b.pause();
        else if (next === "resume") b.resume();
        else if (next === "turn") await clock.runUntilIdle();
        else {
          a.write([next as Uint8Array]);
          written.push(Buffer.from(next as Uint8Array));
        }
      }
      b.resume();
      a.end();
      await clock.runUntilIdle();
      const text = told.filter((line) => !/^\((drain|end|close)\)$/.test(line)).join("");
      assert.equal(text, Buffer.concat(written).toString("latin1"));
      assert.equal(a.bufferedBytes, 0);
    }),
    { numRuns: 40 },
  );
});
