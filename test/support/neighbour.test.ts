// What makes a neighbour test run, skip or fail.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  NEIGHBOUR_SKIP_REASON,
  neighbourCommand,
  neighbourPath,
  oldNeighbourPath,
  withoutNeighbour,
} from "./neighbour.js";
import { temporaryFolder } from "./temporary-folder.js";

test("without a neighbour, tests are skipped with the reason that is counted", (t) => {
  const root = temporaryFolder(t);
  assert.equal(neighbourPath({}, root), undefined);
  assert.equal(withoutNeighbour({}, root), NEIGHBOUR_SKIP_REASON);
});

test("a required neighbour is an error instead of a skip", (t) => {
  const root = temporaryFolder(t);
  const env = { NATSNODE_REQUIRE_NEIGHBOUR: "1" };
  assert.equal(withoutNeighbour(env, root), false);
  assert.throws(() => neighbourCommand(env, root), /needs the neighbour/);
});

test("the fetched neighbour is found, and NATS_SERVER goes before it", (t) => {
  const root = temporaryFolder(t);
  const cached = join(root, ".cache", "neighbour", "nats-server");
  mkdirSync(join(root, ".cache", "neighbour"), { recursive: true });
  writeFileSync(cached, "");
  const named = join(root, "other");
  writeFileSync(named, "");
  assert.deepEqual(neighbourCommand({}, root), [cached]);
  assert.equal(withoutNeighbour({}, root), false);
  assert.equal(neighbourPath({ NATS_SERVER: named }, root), named);
});

test("a NATS_SERVER that does not exist is named, not skipped", (t) => {
  const root = temporaryFolder(t);
  assert.throws(() => withoutNeighbour({ NATS_SERVER: join(root, "nowhere") }, root), /nowhere: no such file/);
});

test("a nats-server 2.9 is found where it was fetched, or named", (t) => {
  const root = temporaryFolder(t);
  assert.equal(oldNeighbourPath({}, root), undefined);
  const cached = join(root, ".cache", "neighbour", "nats-server-2.9");
  mkdirSync(join(root, ".cache", "neighbour"), { recursive: true });
  writeFileSync(cached, "");
  assert.equal(oldNeighbourPath({}, root), cached);
  assert.equal(oldNeighbourPath({ NATS_SERVER_2_9: root }, root), root);
  assert.equal(oldNeighbourPath({ NATS_SERVER_2_9: join(root, "nowhere") }, root), undefined);
});

test("the neighbour is nats-server 2.15.1", { skip: withoutNeighbour() }, () => {
  const [program, ...args] = neighbourCommand();
  assert.equal(execFileSync(program, [...args, "--version"], { encoding: "utf8" }).trim(), "nats-server: v2.15.1");
});
