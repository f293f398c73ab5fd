import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredTime } from "../store/store.js";
import type { OriginMessage } from "./origin-copy.js";
import { NO_IDENTITY, OriginPlace } from "./origin-place.js";

const NO_BYTES = Buffer.alloc(0);

const at = (seconds: number): StoredTime => ({ seconds, nanoseconds: 0 });

/** A message of an origin, and the second at which it was stored there. */
function message(sequence: number, seconds: number, subject = "o"): OriginMessage {
  const bytes = { subjectBytes: Buffer.from(subject), body: NO_BYTES, start: 0, end: 0, headerBytes: 0 };
  return { sequence, subject, ...bytes, ...at(seconds) };
}

/** The place of a source or mirror that has taken messages 1 to `last` of stream A, each stored at the second of its number. */
function placeAt(last: number, { isMirror = false, mirroredNs = BigInt(last) * 1_000_000_000n } = {}) {
  const told: string[] = [];
  const place = new OriginPlace({
    isMirror,
    start: 1,
    mirroredNs,
    looksTaken: ({ subject }) => subject === "taken",
    placeChanged: () => void told.push("changed"),
    replaced: () => void told.push("replaced"),
    shortened: () => void told.push("shortened"),
  });
  place.resume(undefined);
  assert.equal(place.recognise("A", last), undefined);
  for (let sequence = 1; sequence <= last; sequence++) place.taken(sequence, at(sequence));
  told.length = 0;
  return { place, told };
}

test("an origin that knows of its last messages a little later has them taken once", () => {
  const { place, told } = placeAt(5);
  assert.match(place.recognise("A", 3) ?? "", /^the origin ends at 3, before 5/);
  assert.equal(place.recognise("A", 6), undefined);
  assert.equal(place.from, 5, "it shows the last one once more");
  assert.equal(place.see(message(5, 5)), undefined);
  assert.deepEqual([place.next, place.isDoubtful, told], [6, false, []]);
});

test("an origin that was shortened is read on behind its shortest end", () => {
  for (const seen of [5, 6]) {
    const { place, told } = placeAt(5);
    for (const end of [4, 3, 4]) assert.match(place.recognise("A", end) ?? "", /^the origin ends at/);
    assert.equal(place.recognise("A", 7), undefined);
    assert.match(place.see(message(seen, 10)) ?? "", /^the origin was shortened to 3, before 5/);
    assert.deepEqual([place.last, place.from, place.isDoubtful, told], [3, 4, false, ["shortened", "changed"]]);
  }
});

test("an origin that stays short is read on when it was looked at some times", () => {
  const { place, told } = placeAt(5);
  for (const end of [3, 2, 3, 4]) assert.notEqual(place.recognise("A", end), undefined);
  assert.equal(place.recognise("A", 4), undefined);
  assert.deepEqual([place.last, place.from, told], [2, 3, ["shortened", "changed"]]);
});

test("a source begins with an origin that was made anew, once", () => {
  const { place, told } = placeAt(5);
  assert.equal(place.recognise("B", 9), undefined);
  assert.equal(place.recognise("B", 9), undefined);
  assert.deepEqual([place.last, place.from, place.replacements, told], [0, 1, 1, ["replaced", "changed"]]);
  place.taken(1, at(20));
  assert.equal(place.notice, undefined);
});

test("a mirror goes on with another stream that shows its last message", () => {
  const { place, told } = placeAt(5, { isMirror: true });
  assert.equal(place.recognise("B", 9), undefined);
  assert.deepEqual([place.wanted, place.from], ["B", 5]);
  assert.equal(place.see(message(5, 5)), undefined);
  assert.deepEqual([place.identity, place.isDoubtful, place.replacements, told], ["B", false, 0, ["changed"]]);
});

test("a mirror takes nothing of a stream that ends before, has another message or none there", () => {
  const another = /^the origin is another stream/;
  const ends = placeAt(5, { isMirror: true }).place;
  assert.match(ends.recognise("B", 4) ?? "", another);
  const differs = placeAt(5, { isMirror: true }).place;
  assert.equal(differs.recognise("B", 9), undefined);
  assert.match(differs.see(message(5, 6)) ?? "", another);
  assert.notEqual(differs.identity, "B");
  const misses = placeAt(5, { isMirror: true }).place;
  assert.equal(misses.recognise("B", 9), undefined);
  assert.match(misses.see(message(6, 6)) ?? "", another);
  assert.match(misses.seesNothing() ?? "", another);
  assert.deepEqual([ends.replacements, differs.replacements, misses.replacements], [1, 1, 1]);
});

test("a mirror that does not know the time of its last message believes the stream that it knows, and no other", () => {
  const known = placeAt(5, { isMirror: true, mirroredNs: 0n }).place;
  assert.equal(known.recognise("A", 9), undefined);
  assert.equal(known.see(message(5, 77)), undefined);
  assert.equal(known.identity, "A");
  assert.equal(known.recognise("B", 9), undefined);
  assert.match(known.see(message(5, 77)) ?? "", /^the origin is another stream/);
});

test("a place that was taken from messages without an identity takes the one that is there", () => {
  const { place } = placeAt(0);
  place.resume({ identity: NO_IDENTITY, sequence: 4, at: 4 });
  assert.equal(place.recognise("C", 6), undefined);
  assert.deepEqual([place.identity, place.from], ["C", 5]);
});

test("after a restart the time of the last message tells whether the origin was shortened", () => {
  for (const [seconds, last] of [
    [5, 5],
    [9, 3],
  ]) {
    const { time } = placeAt(5).place;
    const { place } = placeAt(0);
    place.resume({ identity: "A", sequence: 5, at: 5, time });
    assert.match(place.recognise("A", 3) ?? "", /^the origin ends at/);
    assert.equal(place.recognise("A", 6), undefined);
    place.see(message(5, seconds));
    assert.deepEqual([place.last, place.isDoubtful], [last, false]);
  }
});

test("where that time is not known, what the message holds tells", () => {
  for (const [subject, last, time] of [
    ["taken", 5, at(8)],
    ["another", 3, undefined],
  ] as const) {
    const { place } = placeAt(0);
    place.resume({ identity: "A", sequence: 5, at: 5 });
    assert.match(place.recognise("A", 3) ?? "", /^the origin ends at/);
    assert.equal(place.recognise("A", 6), undefined);
    place.see(message(5, 8, subject));
    assert.deepEqual([place.last, place.time, place.isDoubtful], [last, time, false]);
  }
});

test("an origin that lost its end and has gone past it is read on behind the time of the last message", () => {
  const { place, told } = placeAt(5);
  assert.equal(place.recognise("A", 9), undefined);
  assert.equal(place.from, 5, "the last one is seen once more");
  assert.match(place.see(message(5, 8)) ?? "", /^the origin has another message at 5/);
  assert.deepEqual([place.sinceNs, place.isDoubtful, told], [5_000_000_001n, true, []]);
  assert.equal(place.see(message(3, 3)), undefined);
  assert.equal(place.last, 5, "one from before is not taken again");
  assert.equal(place.see(message(4, 7)), undefined);
  assert.deepEqual([place.last, place.next, place.isDoubtful, told], [3, 4, false, ["shortened", "changed"]]);
});

test("an origin whose last message has gone is read on", () => {
  const { place, told } = placeAt(5);
  assert.equal(place.recognise("A", 9), undefined);
  assert.equal(place.see(message(6, 6)), undefined);
  assert.deepEqual([place.last, place.next, place.isDoubtful, told], [5, 6, false, []]);
});

test("of an origin whose clock was set back what stands where the last message was is new", () => {
  const { place, told } = placeAt(5);
  assert.match(place.see(message(5, 2)) ?? "", /^the origin was shortened to 4/);
  assert.deepEqual([place.from, place.sinceNs, told], [5, undefined, ["shortened", "changed"]]);
});
