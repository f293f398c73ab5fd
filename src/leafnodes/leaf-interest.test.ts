import assert from "node:assert/strict";
import { test } from "node:test";
import { LeafInterest } from "./leaf-interest.js";

const of = (subject: string, queue?: string, weight = 1) => ({ subject, queue, weight });

test("a plain subject is told once, while somebody wants it; a group with each new number", () => {
  const told: string[] = [];
  const interest = new LeafInterest((subject, queue, count) => told.push(`${subject} ${queue} ${count}`));
  for (const _ of "12") interest.added(of("a"));
  interest.removed(of("a"));
  assert.deepEqual(told, ["a  1"]);
  interest.removed(of("a"));
  interest.removed(of("a"));
  assert.deepEqual(told.splice(0), ["a  1", "a  0"]);
  interest.added(of("a", "q", 2));
  interest.added(of("a", "q"));
  interest.removed(of("a", "q", 3));
  assert.deepEqual(told, ["a q 2", "a q 3", "a q 0"]);
});

test("what was noted is told as a whole, and counted with what comes later", () => {
  const told: string[] = [];
  const interest = new LeafInterest((subject, queue, count) => told.push(`${subject} ${queue} ${count}`));
  for (const one of [of("a"), of("a"), of("b", "q", 3)]) interest.note(one);
  assert.deepEqual(
    [...interest.all()],
    [
      { subject: "a", queue: "", count: 2 },
      { subject: "b", queue: "q", count: 3 },
    ],
  );
  interest.removed(of("a"));
  assert.deepEqual([told, interest.size], [[], 2]);
  interest.removed(of("a"));
  assert.deepEqual([told, interest.size], [["a  0"], 1]);
});
