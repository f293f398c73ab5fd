// Random walks over a sublist beside a naive model of it: a list of interests that is searched with subjectMatches.

import assert from "node:assert/strict";
import { type Interest, type MatchResult, Sublist } from "./sublist.js";
import { SubjectTransform, TransformError } from "./transform.js";
import { isValidSubject, subjectMatches, subjectsOverlap } from "./validity.js";

/** Runs that many random operations; throws AssertionError where the sublist and its model differ. */
export function fuzzSubjects(runs: number, seed = 1): void {
  const random = generator(seed);
  const below = (count: number) => Math.floor(random() * count);
  let cached = new Sublist<Interest>();
  let uncached = new Sublist<Interest>({ cache: false });
  let model: Interest[] = [];
  for (let run = 0; run < runs; run++) {
    const subject = randomSubject(below);
    const choice = below(100);
    if (choice === 0) {
      cached = new Sublist();
      uncached = new Sublist({ cache: false });
      model = [];
    } else if (choice < 25) {
      const sub = { subject, queue: below(3) === 0 ? `q${below(3)}` : undefined };
      if (isValidSubject(subject)) {
        for (const list of [cached, uncached]) list.insert(sub);
        model.push(sub);
      } else {
        assert.throws(() => cached.insert(sub));
      }
    } else if (choice < 45 && model.length > 0) {
      const [sub] = model.splice(below(model.length), 1);
      for (const list of [cached, uncached]) assert.equal(list.remove(sub), true);
      assert.equal(cached.remove(sub), false);
    } else if (choice < 95) {
      for (const list of [cached, uncached]) checkMatch(list, model, subject);
    } else {
      checkWhole(cached, model, subject);
      checkTransform(subject, randomSubject(below), randomSubject(below), random);
    }
  }
}

function checkMatch(list: Sublist<Interest>, model: readonly Interest[], subject: string): void {
  const expected = model.filter((sub) => subjectMatches(subject, sub.subject));
  assert.equal(list.hasInterest(subject), expected.length > 0, subject);
  checkResult(list.matchOnce(subject), expected, subject);
  checkNumbered(list, model, subject);
  checkResult(list.match(subject), expected, subject);
}

function checkNumbered(list: Sublist<Interest>, model: readonly Interest[], subject: string): void {
  const found = list.matchNumbered(subject);
  for (const numbers of [".1.1.1.1.1", ".23.1.4.1.5"]) {
    const expected = model.filter((sub) => subjectMatches(`${subject}${numbers}`, sub.subject));
    if (found !== undefined) checkResult(found, expected, subject);
  }
}

function checkResult({ plain, queues }: MatchResult<Interest>, expected: readonly Interest[], subject: string): void {
  const plainExpected = expected.filter((sub) => sub.queue === undefined);
  assert.equal(plain.length, plainExpected.length, subject);
  assert.deepEqual(new Set(plain), new Set(plainExpected), subject);
  assert.equal(new Set(queues.map((members) => members[0].queue)).size, queues.length, subject);
  assert.equal(queues.length, new Set(expected.flatMap((sub) => sub.queue ?? [])).size, subject);
  for (const members of queues) {
    const membersExpected = expected.filter((sub) => sub.queue === members[0].queue);
    assert.equal(members.length, membersExpected.length, subject);
    assert.deepEqual(new Set(members), new Set(membersExpected), subject);
  }
}

function checkWhole(list: Sublist<Interest>, model: readonly Interest[], pattern: string): void {
  assert.equal(list.size, model.length);
  assert.equal(list.stats().subscriptions, model.length);
  const all = [...list.all()];
  assert.equal(all.length, model.length);
  assert.deepEqual(new Set(all), new Set(model));
  if (!isValidSubject(pattern)) return;
  const found = list.matchesOf(pattern);
  const expected = model.filter((sub) => subjectsOverlap(sub.subject, pattern));
  assert.equal(found.length, expected.length, pattern);
  assert.deepEqual(new Set(found), new Set(expected), pattern);
}

function checkTransform(source: string, destination: string, subject: string, random: () => number): void {
  try {
    SubjectTransform.compile(source, destination.replaceAll("*", "$1")).apply(subject, random);
  } catch (error) {
    assert.ok(error instanceof TransformError, String(error));
  }
}

function randomSubject(below: (count: number) => number): string {
  const words = ["a", "b", "c", "a*", "*", "*", ">", "\xff", "1"];
  const tokens: string[] = [];
  for (let at = below(10) === 0 ? below(8) : below(4); at >= 0; at--)
    tokens.push(below(60) === 0 ? "" : words[below(words.length)]);
  return tokens.join(".");
}

// The mulberry32 generator: small, and the same for a seed everywhere.
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
