import assert from "node:assert/strict";
import { test } from "node:test";
import { type GivenName, GivenNames } from "./given-names.js";
import type { PeerMessage } from "./peer-channel.js";

interface Servers {
  /** Of another server: the last change that is known. */
  revision: number;
  isThere: boolean;
  readonly told: PeerMessage[];
  readonly timers: (() => void)[];
}

function names(): { servers: Servers; given: GivenNames } {
  const servers: Servers = { revision: 0, isThere: true, told: [], timers: [] };
  const own = {
    server: { id: "OWN" },
    after: (_: number, fire: () => void) => {
      servers.timers.push(fire);
      return { cancel: () => void servers.timers.splice(servers.timers.indexOf(fire), 1) };
    },
  };
  const peers = {
    isThere: () => servers.isThere,
    knows: (_: string, revision: number) => servers.revision >= revision,
    tell: (_: string, message: PeerMessage) => void servers.told.push(message),
  };
  return { servers, given: new GivenNames(own, peers) };
}

const one: GivenName = { account: "A", name: "S", request: "1", server: "OTHER", subjects: ["s.>"] };
const freed = (request: string, revision: number): Parameters<GivenNames["free"]>[0] => ({
  ...{ account: "A", name: "S" },
  ...{ request, revision },
});

test("a name is its server's until each request is answered", () => {
  const { given } = names();
  given.give(one);
  given.give({ ...one, request: "2" });
  // The first was refused; the second may still make the stream.
  given.free(freed("1", 0));
  assert.equal(given.serverOf("A", "S"), "OTHER");
  given.free(freed("unknown", 0));
  assert.equal(given.serverOf("A", "S"), "OTHER");
  given.free(freed("2", 0));
  assert.equal(given.serverOf("A", "S"), undefined);
});

test("a name stays given until what its server has made is known", () => {
  const { given, servers } = names();
  given.give(one);
  given.free(freed("1", 5));
  assert.equal(given.serverOf("A", "S"), "OTHER");
  servers.revision = 5;
  given.settle();
  assert.equal(given.serverOf("A", "S"), undefined);
  assert.deepEqual(servers.timers, []);
});

test("a name whose server has gone is free", () => {
  const { given, servers } = names();
  given.give(one);
  servers.isThere = false;
  given.settle();
  assert.equal(given.serverOf("A", "S"), undefined);
});

test("a server that does not answer is asked, again and again", () => {
  const { given, servers } = names();
  given.give(one);
  for (const round of [1, 2]) {
    servers.timers.shift()?.();
    assert.equal(servers.told.length, round);
  }
  assert.deepEqual(servers.told[0], { kind: "making?", account: "A", name: "S", requests: ["1"] });
  assert.equal(given.serverOf("A", "S"), "OTHER");
});

test("subjects of streams that may come to be are taken, for other names", () => {
  const { given } = names();
  given.give(one);
  assert.equal(given.overlap("A", "T", ["s.x"]), true);
  assert.equal(given.overlap("A", "T", ["t"]), false);
  assert.equal(given.overlap("A", "S", ["s.x"]), false);
  assert.equal(given.overlap("B", "T", ["s.x"]), false);
  assert.deepEqual([...given.all()], [one]);
  given.clear();
  assert.equal(given.overlap("A", "T", ["s.x"]), false);
});
