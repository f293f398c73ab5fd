import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { EMPTY } from "./slot.js";
import { fuzzSubjects } from "./subjects.fuzz.js";
import { type Interest, Sublist } from "./sublist.js";
import { SubjectError } from "./validity.js";

const sub = (subject: string, queue?: string): Interest => ({ subject, queue });

function listOf(...subs: Interest[]): Sublist<Interest> {
  const list = new Sublist<Interest>();
  for (const one of subs) list.insert(one);
  return list;
}

test("nobody is interested: one shared result", () => {
  const list = listOf(sub("a.*"), sub("a.b"));
  assert.equal(list.match("b"), EMPTY);
  assert.equal(list.match("b.c"), EMPTY);
  assert.equal(list.hasInterest("b"), false);
  assert.equal(list.hasInterest("a.b"), true);
});

test("literal and wildcard subjects are found together", () => {
  const subs = ["a.b", "a.*", "a.>", ">", "*.b", "*.*", "*.>"].map((subject) => sub(subject));
  const list = listOf(...subs, sub("a"), sub("a.b.c"), sub("*"), sub("b.*"), sub("*.c"));
  assert.deepEqual(new Set(list.match("a.b").plain), new Set(subs));
  assert.equal(list.match("a.b").queues.length, 0);
});

test("subjects that come once share what is beside them", () => {
  const [inbox, second, late] = [sub("_INBOX.a.*"), sub("_INBOX.*.2"), sub("_INBOX.>")];
  const list = listOf(inbox);
  assert.deepEqual(list.matchOnce("_INBOX.a.1").plain, [inbox]);
  assert.equal(list.matchOnce("_INBOX.a.2"), list.matchOnce("_INBOX.a.1"));
  assert.deepEqual(list.matchOnce("_INBOX.a.").plain, []);
  assert.deepEqual(list.matchOnce("_INBOX.b.1").plain, []);
  list.insert(second);
  assert.deepEqual(list.matchOnce("_INBOX.a.1").plain, [inbox]);
  assert.deepEqual(new Set(list.matchOnce("_INBOX.a.2").plain), new Set([inbox, second]));
  list.remove(second);
  const literal = sub("_INBOX.a.3");
  list.insert(literal);
  assert.deepEqual(new Set(list.matchOnce("_INBOX.a.3").plain), new Set([inbox, literal]));
  list.insert(late);
  assert.deepEqual(new Set(list.matchOnce("_INBOX.a.1").plain), new Set([inbox, late]));
});

test("the interests of a very subject, without a group or of one", () => {
  const [plain, other, member, wild, wildMember] = [
    sub("a.b"),
    sub("a.b"),
    sub("a.b", "q"),
    sub("a.*"),
    sub("a.*", "q"),
  ];
  const list = listOf(plain, wild);
  assert.deepEqual([...list.interestsIn("a.b", undefined)], [plain]);
  assert.deepEqual([...list.interestsIn("a.b", "q")], []);
  assert.deepEqual([...list.interestsIn("a.*", undefined)], [wild]);
  assert.deepEqual([...list.interestsIn("a.c", undefined)], []);
  assert.deepEqual([...list.interestsIn("b.*", undefined)], []);
  for (const one of [other, member, wildMember]) list.insert(one);
  assert.deepEqual([...list.interestsIn("a.b", undefined)], [plain, other]);
  assert.deepEqual([...list.interestsIn("a.b", "q")], [member]);
  assert.deepEqual([...list.interestsIn("a.*", "q")], [wildMember]);
  assert.deepEqual([...list.interestsIn("a.*", "r")], []);
});

test("wildcards of the published subject are text", () => {
  const star = sub("a.*");
  const list = listOf(star, sub("a.b"), sub("a.c"));
  assert.deepEqual(list.match("a.*").plain, [star]);
  assert.deepEqual(list.match("a.>").plain, [star]);
});

test("malformed subjects match nothing and cannot be inserted", () => {
  const list = listOf(sub(">"), sub("*.*"), sub("a.*"));
  for (const subject of ["", ".", "a.", ".a", "a..b"]) {
    assert.equal(list.match(subject), EMPTY, subject);
    assert.equal(list.hasInterest(subject), false, subject);
    assert.throws(() => list.insert(sub(subject)), SubjectError);
  }
  assert.throws(() => list.insert(sub("a.>.b")), { code: "INVALID_SUBJECT" });
  assert.equal(list.remove(sub("a..b")), false);
  assert.equal(list.size, 3);
});

test("members of one queue name on several subjects are one group", () => {
  const [one, two, three] = [sub("foo.bar", "q"), sub("foo.*", "q"), sub("foo.>", "p")];
  const { plain, queues } = listOf(one, two, three).match("foo.bar");
  assert.equal(plain.length, 0);
  assert.deepEqual(
    new Set(queues.map((members) => new Set(members))),
    new Set([new Set([one, two]), new Set([three])]),
  );
});

test("the same interest counts once, equal ones count each", () => {
  const same = sub("a");
  const list = listOf(same, same, sub("a"), sub("a.*"));
  assert.equal(list.size, 3);
  list.insert(same);
  assert.equal(list.size, 3);
  assert.equal(list.match("a").plain.length, 2);
  assert.equal(list.remove(sub("a")), false);
  assert.equal(list.remove(sub("a", "q")), false);
  assert.equal(list.remove(sub("a.*")), false);
  assert.equal(list.remove(same), true);
  assert.equal(list.remove(same), false);
  assert.equal(list.match("a").plain.length, 1);
});

test("the generation changes with what is in the list", () => {
  const one = sub("a.*");
  const list = listOf(one);
  const before = list.generation;
  list.insert(one);
  list.match("a.b");
  assert.equal(list.generation, before);
  list.remove(one);
  assert.notEqual(list.generation, before);
});

test("results that were handed out stay as they were", () => {
  const [one, two] = [sub("a"), sub("*")];
  const list = listOf(one);
  const first = list.match("a");
  list.insert(two);
  const second = list.match("a");
  list.insert(sub("a"));
  list.remove(one);
  assert.deepEqual(first.plain, [one]);
  assert.deepEqual(new Set(second.plain), new Set([one, two]));
});

test("changes elsewhere leave a cached result alone", () => {
  const list = listOf(sub("orders.*"), sub("orders.new"));
  const before = list.match("orders.new");
  const inbox = sub("_INBOX.x.*");
  list.insert(inbox);
  list.insert(sub("orders.old"));
  list.remove(inbox);
  assert.equal(list.match("orders.new"), before);
  list.insert(sub("*.new"));
  assert.equal(list.match("orders.new").plain.length, 3);
});

test("subjects with the same subscribers share their arrays", () => {
  const list = new Sublist<Interest>();
  for (let at = 0; at < 100; at++) list.insert(sub("a.>"));
  for (let at = 0; at < 10; at++) list.insert(sub("a.b", "q"));
  assert.equal(list.match("a.x").plain, list.match("a.y").plain);
  assert.equal(list.match("a.b").plain, list.match("a.x").plain);
});

test("removing one subject leaves its neighbours", () => {
  const list = new Sublist<Interest>();
  const subs = ["a.b.c.*", "a.b.*", "a.*.c", "*.b.>", "a.x.*", "a.y.*"].map((subject) => sub(subject));
  for (const one of subs) list.insert(one);
  for (const one of subs.splice(1)) assert.equal(list.remove(one), true);
  assert.deepEqual(list.match("a.b.c.d").plain, subs);
  assert.equal(list.match("a.b.c"), EMPTY);
  assert.deepEqual([...list.all()], subs);
});

test("subjects that come and go take no memory", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const list = new Sublist<Interest>();
  const churn = (count: number) => {
    for (let at = 0; at < count; at++) {
      const subs = [sub(`_INBOX.${at}.*`), sub(`a.${at}.*.b`), sub(`a.${at}`), sub("hot", `q${at}`)];
      for (const one of subs) list.insert(one);
      for (const one of subs) list.remove(one);
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = churn(1000);
  const after = churn(30_000);
  assert.ok(after - before < 1_000_000, `${after - before} bytes`);
});

test("interests that overlap a subject", () => {
  const inside = [sub("a.b"), sub("a.c", "q"), sub("a.*"), sub("*.b"), sub("a.>"), sub(">")];
  const list = listOf(...inside, sub("b.c"), sub("a"), sub("a.b.c"), sub("b.*"));
  assert.deepEqual(new Set(list.matchesOf("a.*")), new Set(inside));
  assert.equal(list.matchesOf(">").length, 10);
  assert.equal(list.matchesOf("a.b").length, 5);
  assert.equal(list.matchesOf("x").length, 1);
});

test("statistics", () => {
  const list = listOf(sub("x"), sub("x"), sub("x", "q"), sub("*"));
  assert.deepEqual(list.stats(), {
    subscriptions: 4,
    cacheEntries: 0,
    inserts: 4,
    removes: 0,
    matches: 0,
    cacheHits: 0,
    maxFanout: 0,
    avgFanout: 0,
  });
  for (const subject of ["x", "x", "y", "a.b"]) list.match(subject);
  const gone = sub("z");
  list.insert(gone);
  list.remove(gone);
  const { cacheEntries, inserts, removes, matches, cacheHits, maxFanout, avgFanout } = list.stats();
  assert.deepEqual(
    { cacheEntries, inserts, removes, matches, cacheHits, maxFanout, avgFanout },
    { cacheEntries: 3, inserts: 5, removes: 1, matches: 4, cacheHits: 1, maxFanout: 4, avgFanout: 5 / 3 },
  );
  list.insert(sub("y"));
  assert.equal(list.stats().cacheEntries, 3);
  assert.equal(list.stats().avgFanout, 2);
});

test("without a cache", () => {
  const list = new Sublist<Interest>({ cache: false });
  list.insert(sub("a.*"));
  assert.equal(list.match("a.b").plain.length, 1);
  assert.equal(list.match("a.b").plain.length, 1);
  assert.equal(list.stats().cacheEntries, 0);
  assert.equal(list.stats().cacheHits, 0);
});

test("subjects with many thousands of tokens", () => {
  const deep = Array(100_000).fill("a").join(".");
  const one = sub(`${deep}.*`);
  const list = listOf(one, sub(`*.${deep}`), sub(deep));
  assert.deepEqual(list.match(`${deep}.b`).plain, [one]);
  assert.equal([...list.all()].length, 3);
  assert.equal(list.matchesOf(">").length, 3);
  assert.equal(list.remove(one), true);
  assert.equal(list.hasInterest(`${deep}.b`), false);
});

test("a subject with a hundred thousand subscribers", () => {
  const list = new Sublist<Interest>();
  const subs = Array.from({ length: 100_000 }, () => sub("hot.*"));
  for (const one of subs) list.insert(one);
  assert.equal(list.matchesOf("hot.x").length, 100_000);
  for (const one of subs.splice(1)) list.remove(one);
  assert.deepEqual(list.match("hot.x").plain, subs);
});

test("random operations agree with a naive model", () => {
  fuzzSubjects(20_000);
  fc.assert(
    fc.property(fc.integer(), (seed) => fuzzSubjects(300, seed)),
    { numRuns: 30 },
  );
});
