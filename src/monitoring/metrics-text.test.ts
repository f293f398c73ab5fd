import assert from "node:assert/strict";
import { test } from "node:test";
import { labelsText, MetricsText } from "./metrics-text.js";

test("samples stand together under what they are", () => {
  const metrics = new MetricsText();
  metrics.family("a", "first").add(labelsText({ id: "1" }), 1);
  metrics.family("b", "second", "counter").add("", 2n ** 63n);
  metrics.family("a", "not heard").add(labelsText({ id: "2", of: "x" }), 0.5);
  const lines = [
    ...["# HELP a first", "# TYPE a gauge", 'a{id="1"} 1', 'a{id="2",of="x"} 0.5'],
    ...["# HELP b second", "# TYPE b counter", "b 9223372036854775808", ""],
  ];
  assert.equal(String(metrics), lines.join("\n"));
  assert.deepEqual([metrics.has("a"), metrics.has("c")], [true, false]);
});

test("values that are no numbers have names", () => {
  const metrics = new MetricsText();
  const family = metrics.family("a", "a");
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21]) family.add("", value);
  assert.deepEqual(String(metrics).split("\n").slice(2), ["a NaN", "a +Inf", "a -Inf", "a 1e+21", ""]);
});

test("what would end a label or a line is escaped", () => {
  assert.equal(labelsText({ name: 'a"b\\c\nd' }), '{name="a\\"b\\\\c\\nd"}');
  const metrics = new MetricsText();
  metrics.family("a", 'one\n"two"\\');
  assert.match(String(metrics), /^# HELP a one\\n"two"\\\\\n/);
});
