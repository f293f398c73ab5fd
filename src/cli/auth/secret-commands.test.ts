import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "bcryptjs";
import { CommandWorld } from "../../../test/support/command-run.js";

test("passwords are hashed at the cost that was asked for", async () => {
  const world = new CommandWorld();
  world.input = "countess";
  const { code, out } = await world.auth("password", "--cost", "4");
  assert.equal(code, 0);
  assert.match(out, /^\$2a\$04\$[./A-Za-z0-9]{53}\n$/);
  assert.ok(await compare("countess", out.trim()));
  assert.notEqual((await world.auth("password", "--cost", "4")).out, out);
  assert.equal(await world.refused("password --cost 3"), "COMMAND_INVALID");
  for (const input of ["", "x".repeat(73)]) {
    world.input = input;
    assert.equal(await world.refused("password --cost 4"), "COMMAND_INVALID");
  }
});

test("an nkey's seed goes to a file or, if asked for, to the output", async () => {
  const world = new CommandWorld();
  assert.equal(await world.refused("nkey"), "COMMAND_USAGE");
  assert.equal(await world.refused("nkey --kind horse --show-seed"), "COMMAND_INVALID");
  const quiet = await world.auth("nkey", "--out", "a.nk");
  assert.match(quiet.out, /^U[A-Z2-7]{55}\n$/);
  assert.match(world.read("a.nk"), /^SU[A-Z2-7]{56}\n$/);
  const before = world.read("a.nk");
  assert.equal(await world.refused("nkey --out a.nk"), "COMMAND_EXISTS");
  assert.equal(world.read("a.nk"), before);
  await world.auth("nkey", "--out", "a.nk", "--force");
  assert.notEqual(world.read("a.nk"), before);
  const { out } = await world.auth("nkey", "--kind", "curve", "--show-seed");
  assert.match(out, /^X[A-Z2-7]{55}\nSX[A-Z2-7]{56}\n$/);
});
