import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox } from "./inbox.js";

/** An inbox whose turns a test runs itself, with everything its owner is told. */
function harness(onData: (text: string) => void = () => {}) {
  const turns: (() => void)[] = [];
  const told: string[] = [];
  const inbox = new Inbox(
    (run) => turns.push(run),
    (bytes) => told.push(`taken ${bytes}`),
  );
  const start = () =>
    inbox.start({
      onData: (chunk, from, to) => {
        const text = chunk.toString("latin1", from, to);
        told.push(text);
        onData(text);
      },
      onDrain: () => told.push("drain"),
      onEnd: () => told.push("end"),
      onClose: (error) => told.push(`close ${error?.message ?? ""}`),
    });
  const run = () => {
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn();
  };
  return { inbox, told, start, run, turns };
}

test("nothing is told before start, nor inside a call", () => {
  const { inbox, told, start, run } = harness();
  inbox.push(Buffer.from("a"));
  inbox.drained();
  inbox.end();
  inbox.close();
  run();
  assert.deepEqual(told, []);
  start();
  assert.deepEqual(told, []);
  run();
  assert.deepEqual(told, ["drain", "a", "taken 1", "end", "close "]);
});

test("an orderly close waits for a paused owner, an abort does not", () => {
  const orderly = harness();
  orderly.start();
  orderly.inbox.pause();
  orderly.inbox.push(Buffer.from("a"));
  orderly.inbox.close();
  orderly.run();
  assert.deepEqual(orderly.told, []);
  assert.equal(orderly.inbox.heldBytes, 1);
  orderly.inbox.resume();
  orderly.run();
  assert.deepEqual(orderly.told, ["a", "taken 1", "close "]);

  const aborted = harness();
  aborted.start();
  aborted.inbox.pause();
  aborted.inbox.push(Buffer.from("a"));
  aborted.inbox.close();
  aborted.run();
  aborted.inbox.abort(new Error("late"));
  aborted.run();
  aborted.inbox.push(Buffer.from("b"));
  aborted.inbox.abort();
  aborted.run();
  assert.deepEqual(aborted.told, ["close "]);
});

test("a paused owner hears of an end when it resumes", () => {
  const { inbox, told, start, run } = harness();
  start();
  inbox.pause();
  inbox.end();
  inbox.close();
  run();
  assert.deepEqual(told, []);
  inbox.resume();
  run();
  assert.deepEqual(told, ["end", "close "]);
});

test("an owner may pause or abort while it is being told", () => {
  const { inbox, told, start, run } = harness((text) => {
    if (text === "a") inbox.pause();
    if (text === "b") inbox.abort(new Error("enough"));
  });
  start();
  for (const text of ["a", "b", "c"]) inbox.push(Buffer.from(text));
  run();
  assert.deepEqual(told, ["a", "taken 1"]);
  inbox.resume();
  run();
  assert.deepEqual(told, ["a", "taken 1", "b", "taken 1", "close enough"]);
});

test("an owner that throws loses no later data", () => {
  const { inbox, told, start, turns, run } = harness((text) => {
    if (text === "a") throw new Error("owner");
  });
  start();
  inbox.push(Buffer.from("a"));
  inbox.push(Buffer.from("b"));
  inbox.end();
  assert.throws(() => turns.shift()!(), /owner/);
  run();
  assert.deepEqual(told, ["a", "b", "taken 1", "end"]);
});

test("a silenced inbox tells nothing more", () => {
  const { inbox, told, start, run } = harness((text) => {
    if (text === "a") inbox.silence();
  });
  start();
  inbox.push(Buffer.from("a"));
  inbox.push(Buffer.from("b"));
  inbox.end();
  run();
  inbox.abort(new Error("x"));
  inbox.drained();
  run();
  assert.deepEqual(told, ["a", "taken 1"]);
});
