import assert from "node:assert/strict";
import { test } from "node:test";
import { Peer, type ToldPart } from "./peer.js";

function part(number: number, last: boolean, names: readonly string[], revision = 1): ToldPart {
  const streams = names.map((name) => ({ account: "A", name, config: { name }, created: "1" }));
  return { part: number, last, revision, streams };
}

const namesOf = (peer: Peer): string[] => [...(peer.streams.get("A")?.keys() ?? [])];

test("all streams of a server count when all its parts are there", () => {
  const peer = new Peer("S", "ID", "C");
  assert.equal(peer.takePart(part(0, false, ["one"])), true);
  assert.equal(peer.takePart(part(1, true, ["two"])), true);
  assert.deepEqual([namesOf(peer), peer.revision], [["one", "two"], 1]);
  assert.equal(peer.takePart(part(0, false, ["three"], 2)), true);
  assert.deepEqual([namesOf(peer), peer.revision], [["one", "two"], 1]);
  assert.equal(peer.takePart(part(1, true, [], 2)), true);
  assert.deepEqual([namesOf(peer), peer.revision], [["three"], 2]);
});

test("a telling of which something was lost counts for nothing", () => {
  const peer = new Peer("S", "ID", "C");
  peer.takePart(part(0, true, ["one"]));
  peer.takePart(part(0, false, ["two"], 2));
  assert.equal(peer.takePart(part(2, true, ["four"], 2)), false);
  peer.takePart(part(0, false, ["two"], 2));
  assert.equal(peer.takePart(part(1, true, ["three"], 3)), false);
  peer.takePart(part(0, false, ["two"], 2));
  peer.end();
  peer.begin();
  assert.equal(peer.takePart(part(1, true, ["three"], 2)), false);
  assert.deepEqual([namesOf(peer), peer.revision], [["one"], undefined]);
});
