import assert from "node:assert/strict";
import { test } from "node:test";
import { serverHash } from "./server-hash.js";

test("the hash of a name is that of nats-server", () => {
  assert.equal(serverHash("wire"), "Vg58WAsO");
});
