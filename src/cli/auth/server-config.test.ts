import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandWorld, worldWithOperator } from "../../../test/support/command-run.js";
import { loadConfig } from "../../config/load.js";

test("the memory resolver's configuration holds every account, the full one's its folder", async () => {
  const world = await worldWithOperator("account add A", "account add B");
  const load = (path: string) => loadConfig(path, { disk: world.runtime.disk, env: () => undefined }).options;
  await world.answer("server-config", "--out", "memory.conf", "--listen", "127.0.0.1:4333");
  const operator = await world.shown("operator show");
  const tokens = new Map<string, string>();
  for (const name of ["A", "B", "SYS"]) {
    const { publicKey, jwt } = await world.shown(`account show ${name}`);
    tokens.set(publicKey, jwt);
  }
  const memory = load("memory.conf");
  assert.deepEqual(memory.operators, [operator.jwt]);
  assert.deepEqual([memory.resolver, memory.port], [{ type: "MEMORY" }, 4333]);
  assert.deepEqual(new Map(Object.entries(memory.resolverPreload!)), tokens);
  assert.equal(memory.systemAccount, operator.nats.system_account);
  assert.equal(await world.refused("server-config --out memory.conf"), "COMMAND_EXISTS");
  await world.answer(
    "server-config",
    "--out",
    "memory.conf",
    "--force",
    "--resolver",
    "full",
    "--resolver-dir",
    "/jwt",
  );
  const full = load("memory.conf");
  assert.deepEqual([full.resolver?.type, full.resolver?.dir], ["FULL", "/jwt"]);
  assert.deepEqual(Object.keys(full.resolverPreload!), [operator.nats.system_account]);
  for (const [key, token] of tokens) assert.equal(world.read(`/jwt/${key}.jwt`), token);
  assert.equal(await world.refused("server-config --resolver url"), "COMMAND_INVALID");
});

test("a full resolver needs a system account", async () => {
  const world = new CommandWorld();
  await world.answer("operator", "add", "ACME", "--no-system-account");
  assert.deepEqual(await world.answer("account", "list"), []);
  assert.equal(await world.refused("server-config --resolver full"), "COMMAND_INVALID");
  const { config } = await world.answer<{ config: string }>("server-config");
  assert.doesNotMatch(config, /system_account:/);
  assert.equal(await world.refused("push"), "COMMAND_UNKNOWN");
});
