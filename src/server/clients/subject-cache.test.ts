import assert from "node:assert/strict";
import { test } from "node:test";
import { LONGEST_CACHED_SUBJECT_BYTES, MAX_CACHED_SUBJECTS } from "../limits.js";
import { SubjectCache } from "./subject-cache.js";

const find = (cache: SubjectCache, subject: string, before = "PUB ") => {
  const line = Buffer.from(`${before}${subject} 1`, "latin1");
  return cache.find(line, before.length, before.length + subject.length);
};

test("the same bytes give the same entry, wherever they stand; a copy of them is kept", () => {
  const cache = new SubjectCache();
  const line = Buffer.from("PUB foo\xff 1", "latin1");
  const entry = cache.find(line, 4, 8);
  line.fill(0x2a);
  assert.equal(entry.subject, "foo\xff");
  assert.equal(entry.target, "foo\xff");
  assert.equal(Buffer.from(entry.bytes).toString("latin1"), "foo\xff");
  assert.equal(find(cache, "foo\xff", "x"), entry);
  for (const other of ["foo", "foo\xfe", "foo\xff."]) assert.notEqual(find(cache, other), entry);
});

test("subjects whose hashes are the same are told apart", () => {
  const cache = new SubjectCache();
  // Known collisions of FNV-1a with 32 bits.
  for (const [one, twin] of [
    ["costarring", "liquid"],
    ["declinate", "macallums"],
  ]) {
    assert.equal(find(cache, one).hash, find(cache, twin).hash);
    for (const subject of [one, twin, one]) assert.equal(find(cache, subject).subject, subject);
  }
});

test("after a clear everything is found anew", () => {
  const cache = new SubjectCache();
  const entry = find(cache, "foo");
  cache.clear();
  assert.notEqual(find(cache, "foo"), entry);
});

test("it grows with the number of subjects in use, up to its limit", () => {
  const cache = new SubjectCache();
  const subjects = Array.from({ length: 1000 }, (_, i) => `some.subject.${i}`);
  for (let round = 0; round < 20; round++) for (const subject of subjects) find(cache, subject);
  const before = new Map(subjects.map((subject) => [subject, find(cache, subject)]));
  const still = subjects.filter((subject) => find(cache, subject) === before.get(subject)).length;
  assert.ok(still >= 998, `${still} of 1000 were kept`);
  const many = Array.from({ length: 4 * MAX_CACHED_SUBJECTS }, (_, i) => `x.${i}`);
  const entries = new Set(many.map((subject) => find(cache, subject)));
  const left = many.filter((subject) => entries.has(find(cache, subject))).length;
  assert.ok(left <= MAX_CACHED_SUBJECTS, `${left} entries`);
});

test("subjects that are too long to be worth it are found, and not kept", () => {
  const cache = new SubjectCache();
  const long = Buffer.from("a".repeat(LONGEST_CACHED_SUBJECT_BYTES + 1));
  const found = cache.find(long, 0, long.length);
  assert.equal(found.subject, long.toString());
  assert.notEqual(cache.find(long, 0, long.length), found);
  const short = long.subarray(1);
  assert.equal(cache.find(short, 0, short.length), cache.find(short, 0, short.length));
});
