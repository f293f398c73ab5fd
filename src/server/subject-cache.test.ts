import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_CACHED_SUBJECTS } from "./limits.js";
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
  const seen = new Map<number, string>();
  let collisions = 0;
  for (let i = 0; collisions === 0 && i < 1_000_000; i++) {
    const subject = `s.${i}`;
    const { hash } = find(cache, subject);
    const twin = seen.get(hash);
    seen.set(hash, subject);
    if (twin === undefined) continue;
    collisions++;
    for (const one of [subject, twin, subject]) assert.equal(find(cache, one).subject, one);
  }
  assert.equal(collisions, 1);
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
  assert.ok(still > 600, `${still} of 1000 were kept`);
  const many = Array.from({ length: 4 * MAX_CACHED_SUBJECTS }, (_, i) => `x.${i}`);
  const entries = new Set(many.map((subject) => find(cache, subject)));
  const left = many.filter((subject) => entries.has(find(cache, subject))).length;
  assert.ok(left <= MAX_CACHED_SUBJECTS, `${left} entries`);
});
