import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { subjectMatches } from "../subjects/validity.js";
import { intersection, Renaming } from "./renaming.js";

const token = fc.constantFrom("a", "b", "*");
const pattern = fc
  .tuple(fc.array(token, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, full]) => [...tokens, ...(full ? [">"] : [])].join("."));
const literal = fc
  .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 6 })
  .map((tokens) => tokens.join("."));

test("an intersection matches what both match, and nothing else", () => {
  fc.assert(
    fc.property(pattern, pattern, literal, (a, b, subject) => {
      const both = intersection(a, b);
      const expected = subjectMatches(subject, a) && subjectMatches(subject, b);
      assert.equal(both !== undefined && subjectMatches(subject, both), expected);
    }),
  );
  assert.equal(intersection("a.>", ">"), "a.>");
  assert.equal(intersection("a.>", "a"), undefined);
  assert.equal(intersection("*.b", "a.*"), "a.b");
});

test("renaming leads there and back", () => {
  const renaming = Renaming.of("order.*.*.>", "o.$2.x.$1.>");
  assert.equal(renaming.to, "o.*.x.*.>");
  assert.equal(renaming.forwards("order.a.b.c.d"), "o.b.x.a.c.d");
  assert.equal(renaming.backwards("o.b.x.a.c.d"), "order.a.b.c.d");
  assert.equal(renaming.backwards("o.b.x.*.>"), "order.*.b.>");
  assert.equal(renaming.inverted().forwards("o.b.x.a.c"), "order.a.b.c");
  assert.equal(renaming.forwards("other"), "");
});

test("`*` takes the wildcards in order, and the same name changes nothing", () => {
  assert.equal(Renaming.of("s.*.*", "t.*.*").forwards("s.a.b"), "t.a.b");
  assert.equal(Renaming.of("s.*", "s.*").forwards("s.a"), "s.a");
  assert.equal(Renaming.of("s", "t").forwards("s"), "t");
  assert.equal(Renaming.of("s", "t").backwards("t"), "s");
  assert.equal(Renaming.of("s.*.*", "t.*.*").equals(Renaming.of("s.*.*", "t.$2.$1")), false);
  assert.equal(Renaming.of("s.*.*", "t.*.*").equals(Renaming.of("s.*.*", "t.*.*")), true);
});
