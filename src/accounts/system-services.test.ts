import assert from "node:assert/strict";
import { test } from "node:test";
import { withSystemExports, withSystemImports } from "./system-services.js";
import { TestWorld } from "./test-world.js";

const locals = (world: TestWorld, name: string): string[] =>
  world.account(name).serviceImports.map(({ renaming }) => renaming.from);

test("every account can ask for its connections, its numbers and its user", () => {
  const world = new TestWorld({ A: {} });
  const asked = ["$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.STATZ"];
  assert.deepEqual(locals(world, "A"), [...asked, "$SYS.REQ.USER.INFO"]);
  assert.deepEqual(locals(world, "$SYS"), ["$SYS.REQ.USER.INFO"]);
  const system = world.client("$SYS");
  system.subscribe("$SYS.REQ.>");
  world.client("A").publish("$SYS.REQ.SERVER.PING.CONNZ", "", "inbox");
  assert.match(system.take()[0], /^\$SYS\.REQ\.ACCOUNT\.A\.CONNZ 1 _R_\./);
});

test("an account sees nothing of another one's connections", () => {
  const world = new TestWorld({ A: {}, B: {} });
  const system = world.client("$SYS");
  system.subscribe("$SYS.REQ.>");
  assert.equal(world.client("A").publish("$SYS.REQ.ACCOUNT.B.CONNZ", "", "inbox"), 0);
  assert.deepEqual(system.take(), []);
});

test("an import of the options takes the place of the one that is there by itself", () => {
  const own = withSystemImports("A", "$SYS", []);
  const again = withSystemImports("A", "$SYS", [{ ...own[3], share: false }]);
  assert.equal(again.filter(({ local }) => local === "$SYS.REQ.USER.INFO").length, 1);
  assert.deepEqual(withSystemImports("A", undefined, []), []);
});

test("an export of the options that covers one takes its place", () => {
  const { serviceExports } = withSystemExports({ streamExports: [], serviceExports: [] });
  assert.equal(serviceExports.length, 4);
  const wide = { ...serviceExports[0], subject: "$SYS.REQ.ACCOUNT.*.*" };
  const subjects = withSystemExports({ streamExports: [], serviceExports: [wide] }).serviceExports.map(
    (one) => one.subject,
  );
  assert.deepEqual(subjects, ["$SYS.REQ.ACCOUNT.*.*", "$SYS.DEBUG.SUBSCRIBERS", "$SYS.REQ.USER.*.INFO"]);
});
