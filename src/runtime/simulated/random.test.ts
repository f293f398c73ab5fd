import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "./index.js";
import { SimulatedRandom } from "./random.js";

test("a seed repeats every number and byte, another gives others", () => {
  const draw = (seed: string) => {
    const random = new SimulatedRandom(seed);
    return JSON.stringify([random.float(), random.below(1000), [...random.bytes(8)], random.float()]);
  };
  assert.equal(draw("x"), draw("x"));
  assert.notEqual(draw("x"), draw("y"));
});

test("a fork depends on its name, not on what was drawn before", () => {
  const fresh = new SimulatedRandom("x").fork("disk").float();
  const used = new SimulatedRandom("x");
  used.bytes(100);
  assert.equal(used.fork("disk").float(), fresh);
  assert.notEqual(used.fork("network").float(), fresh);
});

test("a host is the same whenever it is asked for, and differs from others", () => {
  const world = simulatedRuntime({ seed: 7 });
  const other = simulatedRuntime({ seed: 7 });
  other.host("z").random.float();
  assert.equal(world.host("a"), world.host("a"));
  assert.equal(world.host("a").random.float(), other.host("a").random.float());
  assert.notEqual(world.host("a").random.float(), world.host("b").random.float());
  assert.equal(world.host("main").clock, world.clock);
  assert.equal(world.network.hostname(), "main");
  assert.notEqual(world.host("a").process.pid, world.process.pid);
  world.process.variables.set("HOME", "/root");
  assert.equal(world.process.env("HOME"), "/root");
  assert.equal(world.host("a").process.env("HOME"), undefined);
});
