import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedRandom } from "../runtime/simulated/random.js";
import { ClusterName } from "./cluster-name.js";

const named = (configured?: string): ClusterName => new ClusterName(configured, new SimulatedRandom("1"));

test("a configured name stays", () => {
  const name = named("town");
  assert.deepEqual([name.text, name.isDynamic], ["town", false]);
  assert.equal(name.givesWayTo("zoo", false), false);
});

test("a random name gives way to a configured one, and to a greater random one", () => {
  const name = named();
  assert.equal(name.isDynamic, true);
  assert.equal(name.givesWayTo("A", false), true);
  assert.equal(name.givesWayTo("", true), false);
  assert.equal(name.givesWayTo("!", true), false);
  assert.equal(name.givesWayTo("~", true), true);
  name.take("~", true);
  assert.deepEqual([name.text, name.isDynamic], ["~", true]);
  name.take("town", false);
  assert.deepEqual([name.text, name.isDynamic, name.givesWayTo("~~", false)], ["town", false, false]);
  name.configure("city");
  assert.deepEqual([name.text, name.isDynamic], ["city", false]);
  name.configure(undefined);
  assert.equal(name.text, "city");
});
