import assert from "node:assert/strict";
import { test } from "node:test";
import { type MappingDestination, MappingError, SubjectMappings } from "./mapping.js";

const half = () => 0.5;
const to = (destination: string, weight = 100, cluster?: string): MappingDestination => ({
  destination,
  weight,
  cluster,
});

/** How many of the hundred equal parts of [0, 1) lead to which subject. */
function shares(mappings: SubjectMappings, subject: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let percent = 0; percent < 100; percent++) {
    const mapped = mappings.map(subject, () => (percent + 0.5) / 100);
    counts[mapped] = (counts[mapped] ?? 0) + 1;
  }
  return counts;
}

function refusal(entries: Record<string, MappingDestination[]>): { code: string; source: string; message: string } {
  try {
    new SubjectMappings(entries);
  } catch (error) {
    assert.ok(error instanceof MappingError);
    return { code: error.code, source: error.source, message: error.message };
  }
  throw new assert.AssertionError({ message: "the mapping was accepted" });
}

test("no mappings", () => {
  const mappings = new SubjectMappings({});
  assert.equal(mappings.size, 0);
  assert.equal(mappings.mayMap("a"), false);
  assert.equal(mappings.map("a", half), "a");
});

test("a subject is mapped once", () => {
  const mappings = new SubjectMappings({ chain1: [to("chain2")], chain2: [to("chain3")], loop: [to("loop")] });
  assert.equal(mappings.size, 3);
  assert.equal(mappings.map("chain1", half), "chain2");
  assert.equal(mappings.map("chain2", half), "chain3");
  assert.equal(mappings.map("loop", half), "loop");
  assert.equal(mappings.map("other", half), "other");
  assert.equal(mappings.mayMap("chain1"), true);
  assert.equal(mappings.mayMap("chain3"), false);
});

test("the most specific source counts", () => {
  const mappings = new SubjectMappings({
    ">": [to("all.>")],
    "a.>": [to("tail.>")],
    "a.*": [to("star.$1")],
    "a.*.c": [to("starc.$1")],
    "a.b.*": [to("bstar.$1")],
    "a.x": [to("literal")],
  });
  const mapped = ["a.x", "a.y", "a.y.z", "a.b.c", "a.q.c", "b"].map((subject) => mappings.map(subject, half));
  assert.deepEqual(mapped, ["literal", "star.y", "tail.y.z", "bstar.c", "starc.q", "all.b"]);
  assert.equal(mappings.map("a.*", half), "star.*");
  assert.equal(mappings.map("a.>", half), "tail.>");
});

test("weights share the messages, and what they leave open keeps its subject", () => {
  const mappings = new SubjectMappings({
    h: [to("h1", 20), to("h2", 30)],
    "w.*": [to("w1.$1", 20)],
    none: [to("other", 0)],
    empty: [],
    "$5.b": [to("x", 10)],
  });
  assert.deepEqual(shares(mappings, "h"), { h1: 20, h2: 30, h: 50 });
  assert.deepEqual(shares(mappings, "w.a"), { "w1.a": 20, "w.a": 80 });
  assert.deepEqual(shares(mappings, "none"), { none: 100 });
  assert.deepEqual(shares(mappings, "empty"), { empty: 100 });
  assert.deepEqual(shares(mappings, "$5.b"), { x: 10, "$5.b": 90 });
});

test("a source that is its own destination loses the rest", () => {
  const mappings = new SubjectMappings({ loss: [to("loss", 20)], half: [to("half", 20), to("b", 30)] });
  assert.deepEqual(shares(mappings, "loss"), { loss: 20, "": 80 });
  assert.deepEqual(shares(mappings, "half"), { half: 20, b: 30, "": 50 });
});

test("destinations of a cluster replace the general ones there", () => {
  const entries = {
    other: [to("x", 100, "O")],
    c2: [to("main", 100), to("here", 40, "C")],
    c3: [to("main", 40), to("there", 40, "O")],
    c4: [to("c4", 50, "C"), to("c4o", 10, "C"), to("c4q", 10)],
  };
  const inC = new SubjectMappings(entries, "C");
  assert.deepEqual(shares(inC, "other"), { other: 100 });
  assert.deepEqual(shares(inC, "c2"), { here: 40, c2: 60 });
  assert.deepEqual(shares(inC, "c3"), { main: 40, c3: 60 });
  assert.deepEqual(shares(inC, "c4"), { c4: 50, c4o: 10, "": 40 });
  const alone = new SubjectMappings(entries);
  assert.deepEqual(shares(alone, "c2"), { main: 100 });
  assert.deepEqual(shares(alone, "c4"), { c4q: 10, "": 90 });
});

test("a split that leaves nothing loses the message, an empty destination keeps the subject", () => {
  const mappings = new SubjectMappings({ "s.*": [to("{{split(1,-)}}")], "e.*": [to("")] });
  assert.equal(mappings.map("s.-", half), "");
  assert.equal(mappings.map("s.a-b", half), "a.b");
  assert.equal(mappings.map("e.x", half), "e.x");
});

test("a mapping is fixed unless weights or random numbers decide", () => {
  const mappings = new SubjectMappings({
    plain: [to("p")],
    "token.*": [to("t.$1")],
    "part.*": [to("p.{{partition(4,1)}}")],
    same: [to("same", 100)],
    lost: [to("lost", 0)],
    "shared.*": [to("s.$1", 50)],
    several: [to("a", 50), to("b", 50)],
    "random.*": [to("r.{{random(4)}}.$1")],
  });
  const fixed = ["plain", "token.a", "part.a", "same", "lost", "unmapped"];
  const open = ["shared.a", "several", "random.a"];
  assert.deepEqual(
    [...fixed, ...open].filter((subject) => mappings.isFixed(subject)),
    fixed,
  );
  for (const subject of fixed) assert.equal(Object.keys(shares(mappings, subject)).length, 1, subject);
  for (const subject of open) assert.ok(Object.keys(shares(mappings, subject)).length > 1, subject);
});

test("what is refused, and how it reads", () => {
  assert.deepEqual(refusal({ "a b": [to("b")] }), {
    code: "INVALID_SOURCE",
    source: "a b",
    message: 'Subject "a b" is not a valid subject',
  });
  assert.equal(refusal({ "x..y": [to("b")] }).code, "INVALID_SOURCE");
  assert.deepEqual(refusal({ foo: [to("a..b")] }), {
    code: "INVALID_DESTINATION",
    source: "foo",
    message: 'Error adding mapping for "foo" to "a..b" : invalid mapping destination: invalid transform',
  });
  assert.deepEqual(refusal({ foo: [to("a", 80), to("b", 30)] }), {
    code: "TOTAL_WEIGHT",
    source: "foo",
    message: 'Error adding mapping for "foo" : total weight needs to be <= 100',
  });
  assert.equal(refusal({ foo: [to("a", 60, "x"), to("b", 60, "x")] }).code, "TOTAL_WEIGHT");
  assert.equal(new SubjectMappings({ foo: [to("a", 90), to("b", 90, "x")] }).size, 1);
  assert.deepEqual(refusal({ foo: [to("b", 10), to("b", 10, "x")] }), {
    code: "DUPLICATE_DESTINATION",
    source: "foo",
    message: 'Error adding mapping for "foo" : duplicate entry for "b"',
  });
  for (const weight of [101, -1, Number.NaN]) assert.equal(refusal({ foo: [to("b", weight)] }).code, "INVALID_WEIGHT");
});
