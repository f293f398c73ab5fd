import assert from "node:assert/strict";
import { test } from "node:test";
import { Damage } from "./damage.js";
import type { JetStream } from "./jetstream.js";
import type { StoreProblem } from "./store/store.js";

function damageOf(problems: StoreProblem[]) {
  const system = { name: "$SYS" };
  const said: unknown[][] = [];
  const logged: string[] = [];
  const storage: { problems: StoreProblem[]; onProblem?: (problem: StoreProblem) => void } = { problems };
  const server = {
    logger: { error: (text: string) => logged.push(text) },
    accounts: { system },
    runtime: { clock: { endOfTurn: (run: () => void) => run() } },
  };
  const js = { storage, server, accounts: new Map(), advise: (...what: unknown[]) => said.push(what) };
  return { damage: new Damage(js as unknown as JetStream), storage, system, said, logged };
}

test("damage that belongs to no stream is told in the system account", () => {
  const found = { key: "meta", message: "a bad record", path: "/data/lost/1" };
  const { damage, system, said, logged } = damageOf([found]);
  assert.deepEqual([said, damage.problems], [[], []]);
  damage.announce();
  const content = { stream: undefined, error: "a bad record", quarantine: "/data/lost/1" };
  assert.deepEqual(said, [[system, "STORAGE.DAMAGED", "storage_damaged", content]]);
  assert.deepEqual(logged, ["JetStream storage: a bad record, set aside as /data/lost/1"]);
  damage.announce();
  assert.equal(said.length, 1);
});

test("of very much damage health checks have a short list, and the log all", () => {
  const { damage, storage, logged } = damageOf([]);
  for (let at = 0; at < 150; at++) storage.onProblem?.({ key: "meta", message: `record ${at}`, path: undefined });
  assert.deepEqual([damage.problems.length, logged.length], [100, 150]);
  assert.deepEqual(damage.problems[0], {
    account: undefined,
    stream: undefined,
    error: "record 0",
    quarantine: undefined,
  });
});
