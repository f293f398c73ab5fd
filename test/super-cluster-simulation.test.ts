// Super-clusters in simulated time, through faults of all kinds. NATSNODE_SEEDS=1000 runs so many seeds, or 17-20 those.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSuperCluster } from "./simulation/super-cluster-run.js";

const [first, last] = seeds(process.env["NATSNODE_SEEDS"] ?? "3");

function seeds(text: string): [number, number] {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(text) ?? [undefined, "1", text];
  return [Number(from), Number(to)];
}

test("messages, groups, answers and accounts stay right in three clusters of three", async (t) => {
  let messages = 0;
  for (let seed = first; seed <= last; seed++) {
    const report = await runSuperCluster(seed);
    messages += report.messages;
    assert.ok(report.faults > 0);
  }
  t.diagnostic(`${last - first + 1} seeds, ${messages} messages`);
  assert.ok(messages > 0);
});
