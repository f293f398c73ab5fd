// The version constants against the package's own version.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NATSNODE_VERSION } from "./version.js";

test("the version is that of the package", () => {
  // Tests run in the project's folder.
  assert.equal(NATSNODE_VERSION, JSON.parse(readFileSync("package.json", "utf8")).version);
});
