import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  hasBlank,
  isLiteral,
  isSubsetOf,
  isValidLiteral,
  isValidSubject,
  SubjectKind,
  subjectKindOf,
  subjectMatches,
  subjectsOverlap,
  tokenCount,
} from "./validity.js";

test("subjects that may be subscribed to", () => {
  for (const subject of [
    "a",
    "a.b",
    "*",
    ">",
    "a.*",
    "a.>",
    "*.*",
    "*.>",
    "foo*",
    "a>",
    "a>.b",
    ">>",
    ">>.a",
    "**",
    "a b",
  ]) {
    assert.equal(isValidSubject(subject), true, subject);
  }
  for (const subject of ["", ".", "..", ".a", "a.", "a..b", ">.a", "a.>.b", ">.>", "*.", "a.>."]) {
    assert.equal(isValidSubject(subject), false, subject);
  }
});

test("wildcards count as whole tokens only", () => {
  for (const subject of ["a", "a*", "*a", "a>", ">a.b", "a.**", ">>"]) assert.equal(isLiteral(subject), true, subject);
  for (const subject of ["*", ">", "a.*", "*.a", "a.*.b", "a.>"]) assert.equal(isLiteral(subject), false, subject);
});

test("subjects that may be published to", () => {
  for (const subject of ["a", "a.b*", "$X.y"]) assert.equal(isValidLiteral(subject), true, subject);
  for (const subject of ["", "a.", "a..b", ".a", "a.*", ">", "a.>.b"])
    assert.equal(isValidLiteral(subject), false, subject);
});

test("blanks", () => {
  for (const subject of ["a b", "a\t", "\ra", "a\n", "\f"]) assert.equal(hasBlank(subject), true);
  for (const subject of ["ab", "a\xa0b", "", "a\x00"]) assert.equal(hasBlank(subject), false);
});

test("tokens are counted", () => {
  assert.deepEqual(["", "a", "a.b", "a..b", ".", "a.b.>"].map(tokenCount), [0, 1, 2, 3, 2, 3]);
});

test("a published subject and a subscription", () => {
  const matching: [string, string][] = [
    ["a", "a"],
    ["a", "*"],
    ["a", ">"],
    ["a.b", "a.*"],
    ["a.b.c", "a.>"],
    ["a.b.c", "*.b.*"],
    ["a.b", "*.>"],
    ["foo*", "foo*"],
    ["a>.b", "a>.b"],
    ["a.*", "a.*"],
    ["a.>", "a.*"],
    ["a.>", "a.>"],
  ];
  const others: [string, string][] = [
    ["a", "b"],
    ["a", "a.>"],
    ["a", "*.*"],
    ["a.b", "*"],
    ["ab", "a"],
    ["a", "ab"],
    ["a.b.c", "a.*"],
    ["foox", "foo*"],
    ["a.x", "a.*x"],
    ["a.*", "a.b"],
    ["a..b", "a.>"],
    ["a.", "a.*"],
    ["a.", "a.>"],
    ["", ">"],
    ["a..b", "a.*.b"],
    ["a..b", "a..b"],
    [".a", ">"],
  ];
  for (const [literal, pattern] of matching)
    assert.equal(subjectMatches(literal, pattern), true, `${literal} ${pattern}`);
  for (const [literal, pattern] of others)
    assert.equal(subjectMatches(literal, pattern), false, `${literal} ${pattern}`);
});

test("subsets and overlaps", () => {
  assert.equal(isSubsetOf("a.*", "a.>"), true);
  assert.equal(isSubsetOf("a.>", "a.>"), true);
  assert.equal(isSubsetOf("a.>", ">"), true);
  assert.equal(isSubsetOf("a.>", "a.*"), false);
  assert.equal(isSubsetOf(">", "*"), false);
  assert.equal(isSubsetOf("a.*", "a.b"), false);
  assert.equal(isSubsetOf("*.b", "a.*"), false);
  assert.equal(subjectsOverlap("*.b", "a.*"), true);
  assert.equal(subjectsOverlap("a.>", "a"), false);
  assert.equal(subjectsOverlap("a.>", "*.b.c"), true);
  assert.equal(subjectsOverlap("a.*", "a.*.c"), false);
  assert.equal(subjectsOverlap("*x", "ax"), false);
  assert.equal(subjectsOverlap("a..b", ">"), false);
});

const literals = allSubjects(["a", "b", "c"], 4);
const word = fc.constantFrom("a", "b", "*");
const pattern = fc
  .tuple(fc.array(word, { maxLength: 3 }), fc.constantFrom("a", "b", "*", ">"))
  .map(([tokens, last]) => [...tokens, last].join("."));

test("subset and overlap agree with the literals that are matched", () => {
  fc.assert(
    fc.property(pattern, pattern, (a, b) => {
      const both = literals.filter((literal) => subjectMatches(literal, a) && subjectMatches(literal, b));
      const ofA = literals.filter((literal) => subjectMatches(literal, a));
      assert.equal(subjectsOverlap(a, b), both.length > 0, `${a} overlaps ${b}`);
      assert.equal(isSubsetOf(a, b), both.length === ofA.length, `${a} in ${b}`);
    }),
  );
});

test("every text gets an answer, and validity is made of its parts", () => {
  const text = fc.string({ unit: fc.constantFrom("a", ".", "*", ">", "\xff"), maxLength: 9 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const tokens = a.split(".");
      assert.equal(isValidSubject(a), !tokens.includes("") && !tokens.slice(0, -1).includes(">"));
      assert.equal(isLiteral(a), !tokens.includes("*") && !tokens.includes(">"));
      assert.equal(isValidLiteral(a), isValidSubject(a) && isLiteral(a));
      assert.equal(subjectsOverlap(a, b), subjectsOverlap(b, a));
      if (isValidSubject(b)) assert.equal(subjectMatches(a, b), matchesByTokens(a, b), `${a} ${b}`);
      if (isValidSubject(a)) assert.equal(isSubsetOf(a, a), true);
      if (isSubsetOf(a, b) && isValidSubject(a) && isValidSubject(b)) assert.equal(subjectsOverlap(a, b), true);
    }),
    { numRuns: 500 },
  );
});

function matchesByTokens(literal: string, pattern: string): boolean {
  const tokens = literal.split(".");
  const wanted = pattern.split(".");
  if (tokens.includes("")) return false;
  const full = wanted[wanted.length - 1] === ">";
  if (full ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
  return wanted.every((token, at) => token === "*" || token === tokens[at] || (full && at === wanted.length - 1));
}

function allSubjects(words: string[], depth: number): string[] {
  let level = words;
  const subjects = [...words];
  for (let at = 1; at < depth + 1; at++) {
    level = level.flatMap((subject) => words.map((next) => `${subject}.${next}`));
    subjects.push(...level);
  }
  return subjects;
}

test("the kind of a subject in bytes is what the text's checks say", () => {
  const subjects = fc
    .array(fc.constantFrom("a", "b", ".", "*", ">", " "), { maxLength: 7 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(subjects, (subject) => {
      const bytes = Buffer.from(`.${subject}.`, "latin1");
      const expected = !isValidSubject(subject) ? "invalid" : isLiteral(subject) ? "literal" : "wildcard";
      assert.equal(subjectKindOf(bytes, 1, bytes.length - 1), SubjectKind[expected], subject);
    }),
    { numRuns: 2000 },
  );
});
