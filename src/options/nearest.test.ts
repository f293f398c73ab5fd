import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestName } from "./nearest.js";

test("finds a name that is a few edits away", () => {
  const known = ["max_payload", "max_pending", "port"];
  assert.equal(nearestName("max_paylod", known), "max_payload");
  assert.equal(nearestName("MAX_PENDIGN", known), "max_pending");
  assert.equal(nearestName("prot", known), "port");
});

test("says nothing where no name is near", () => {
  assert.equal(nearestName("surprising", ["port", "host"]), undefined);
  assert.equal(nearestName("x", []), undefined);
});

test("a name without its unit is found", () => {
  assert.equal(nearestName("maxPayload", ["maxPayloadBytes", "maxPayloadBytesOfAll", "port"]), "maxPayloadBytes");
  assert.equal(nearestName("max", ["maxPayloadBytes"]), undefined);
});
