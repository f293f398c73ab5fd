import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { EventDispatcher } from "./events.js";

const ready = { clientUrl: "nats://127.0.0.1:1", host: "127.0.0.1", port: 1 };

test("listeners are called in the order of adding, once when asked, and not after off", () => {
  const events = new EventDispatcher();
  const heard: string[] = [];
  const first = (): number => heard.push("first");
  events.add("lameDuck", first, false);
  events.add("lameDuck", first, false);
  events.add("lameDuck", () => heard.push("second"), true);
  events.emit("lameDuck", { clients: 1 });
  events.emit("lameDuck", { clients: 1 });
  events.remove("lameDuck", first);
  events.emit("lameDuck", { clients: 1 });
  assert.deepEqual(heard, ["first", "second", "first"]);
});

test("a listener that comes after ready is still told of it, once", async () => {
  const events = new EventDispatcher();
  events.emit("ready", ready);
  const heard: unknown[] = [];
  const late = (event: unknown): number => heard.push(event);
  const removed = (): number => heard.push("removed");
  events.add("ready", late, true);
  events.add("ready", removed, false);
  events.remove("ready", removed);
  assert.deepEqual(heard, [], "never from inside the call");
  await setImmediate();
  assert.deepEqual(heard, [ready]);
});

test("what a listener throws or rejects with becomes an error event, and the others are called", async () => {
  const events = new EventDispatcher();
  const errors: string[] = [];
  let called = 0;
  events.add("closed", () => Promise.reject(new Error("later")), false);
  events.add(
    "closed",
    () => {
      throw "now";
    },
    false,
  );
  events.add("closed", () => called++, false);
  events.emit("closed", { uptimeMs: 1 });
  assert.equal(called, 1, "without a listener for errors nothing happens");
  events.add("error", (error) => errors.push(error.message), false);
  events.add(
    "error",
    () => {
      throw new Error("in the listener for errors");
    },
    false,
  );
  events.emit("closed", { uptimeMs: 1 });
  await setImmediate();
  assert.deepEqual(errors, ["now", "later", "later"]);
});
