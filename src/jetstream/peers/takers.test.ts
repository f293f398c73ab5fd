import assert from "node:assert/strict";
import { test } from "node:test";
import type { JetStream } from "../jetstream.js";
import type { Peer } from "./peer.js";
import type { PeerQuestions, Question } from "./peer-questions.js";
import type { Peers } from "./peers.js";
import { type TakenRequest, Takers } from "./takers.js";

const REQUEST = { account: "A", stream: "S", subject: "$JS.API.STREAM.INFO.S", reply: "_INBOX.1" };
/** All know of a change by then, and long after it nothing is remembered. */
const SETTLED_MS = 1501;
const FORGOTTEN_MS = 30_000;
/** Then a server is not asked. */
const SILENT_MS = 2500;

class World {
  readonly names: readonly string[];
  readonly takers: Takers[];
  /** What is to come, as of timers. */
  #due: { readonly atMs: number; readonly fire: () => void }[] = [];
  nowMs = 100_000;
  /** Names of servers that have said nothing for a while. */
  readonly silent = new Set<string>();
  /** Names of the servers that have taken a request, in order. */
  readonly taken: string[] = [];

  constructor(...names: readonly string[]) {
    this.names = names;
    this.takers = names.map((name) => this.#takersOf(name));
  }

  #takersOf(name: string): Takers {
    const after = (ms: number, fire: () => void): void => void this.#due.push({ atMs: this.nowMs + ms, fire });
    const js = { server: { name, runtime: { clock: { monotonicMs: () => this.nowMs } } }, after };
    const { silent } = this;
    const others = this.names.filter((other) => other !== name).map((other) => this.#peer(other));
    const ask = async (peer: Peer, question: Question): Promise<boolean> => {
      await Promise.resolve();
      assert.ok(!silent.has(peer.name), `${peer.name} is asked`);
      return this.at(peer.name).hasTaken(question);
    };
    const peers = { online: others };
    return new Takers(js as unknown as JetStream, peers as unknown as Peers, { ask } as unknown as PeerQuestions);
  }

  #peer(name: string): Peer {
    const heardMs = (): number => this.nowMs - (this.silent.has(name) ? SILENT_MS : 0);
    return {
      name,
      get heardMs() {
        return heardMs();
      },
    } as Peer;
  }

  at(name: string): Takers {
    const found = this.takers[this.names.indexOf(name)];
    assert.ok(found);
    return found;
  }

  claim(name: string, request: TakenRequest = REQUEST): void {
    this.at(name).claim(request, () => void this.taken.push(name));
  }

  changes(): void {
    for (const one of this.takers) one.changed("A", "S", false);
  }

  pass(ms: number): void {
    this.nowMs += ms;
    for (let due = this.#next(); due !== undefined; due = this.#next()) due.fire();
  }

  #next(): { readonly fire: () => void } | undefined {
    const at = this.#due.findIndex(({ atMs }) => atMs <= this.nowMs);
    return at < 0 ? undefined : this.#due.splice(at, 1)[0];
  }
}

/** Every question that is under way has its answer. */
const answered = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("where nothing has changed lately a request is taken at once", () => {
  const world = new World("S1", "S2");
  world.claim("S1");
  assert.deepEqual(world.taken, ["S1"]);
});

test("of servers that ask each other for a request the first by name takes it", async () => {
  const world = new World("S1", "S2", "S3");
  world.changes();
  world.claim("S3");
  world.claim("S2");
  assert.deepEqual(world.taken, [], "they ask first");
  await answered();
  assert.deepEqual(world.taken, ["S2"]);
});

test("a server that has said nothing for a while is not waited for", async () => {
  const world = new World("S1", "S2", "S3");
  world.silent.add("S1");
  world.changes();
  world.claim("S2");
  await answered();
  assert.deepEqual(world.taken, ["S2"]);
});

test("what a server took before it knew of a change is left to it, however late the others hear the request", async () => {
  const world = new World("S1", "S2");
  world.claim("S1");
  world.pass(9000);
  world.changes();
  world.claim("S2");
  await answered();
  assert.deepEqual(world.taken, ["S1"]);
});

test("a server that is asked for a request before it comes leaves it, but not the next one of the same subjects", async () => {
  const world = new World("S1", "S2");
  world.changes();
  world.claim("S2");
  await answered();
  world.claim("S1");
  await answered();
  assert.deepEqual(world.taken, ["S2"]);
  world.at("S2").passed(REQUEST);
  world.claim("S1");
  await answered();
  assert.deepEqual(world.taken, ["S2", "S1"]);
});

test("requests whose answers are messages may have the same subjects: what is old does not count for the next", async () => {
  const pull = { ...REQUEST, isDirect: true };
  const world = new World("S1", "S2");
  world.claim("S1", pull);
  assert.equal(world.at("S2").forwarded(pull), true);
  world.pass(SETTLED_MS);
  world.changes();
  world.claim("S2", pull);
  await answered();
  assert.deepEqual(world.taken, ["S1", "S2"]);
  assert.equal(world.at("S1").forwarded(pull), true);
  assert.equal(world.at("S1").forwarded(pull), false, "it goes in a circle");
});

test("a request that was forwarded is not taken once more when it comes from its client", async () => {
  const world = new World("S1", "S2");
  assert.equal(world.at("S1").forwarded(REQUEST), true);
  assert.equal(world.at("S1").forwarded(REQUEST), false, "it goes in a circle");
  world.claim("S1");
  world.changes();
  world.claim("S2");
  await answered();
  assert.deepEqual(world.taken, []);
});

test("requests are forgotten, and changes", async () => {
  const world = new World("S1", "S2");
  world.changes();
  assert.equal(world.at("S1").isSettled(REQUEST), false);
  world.claim("S1");
  await answered();
  world.pass(SETTLED_MS);
  assert.equal(world.at("S1").isSettled(REQUEST), true);
  assert.equal(world.at("S1").hasTaken({ what: "taken", ...REQUEST, by: "S2" }), true);
  world.pass(FORGOTTEN_MS);
  assert.equal(world.at("S1").hasTaken({ what: "taken", ...REQUEST, by: "S2" }), false);
});
