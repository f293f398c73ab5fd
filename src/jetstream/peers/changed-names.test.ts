import assert from "node:assert/strict";
import { test } from "node:test";
import { changedNames } from "./changed-names.js";

test("names have changed that are only in one of two tellings, none where nothing was known", () => {
  const before = new Map([["A", new Map(Object.entries({ kept: 1, gone: 1 }))]]);
  const after = new Map([
    ["A", new Map(Object.entries({ kept: 2 }))],
    ["B", new Map(Object.entries({ come: 1 }))],
  ]);
  assert.deepEqual(changedNames(before, after), [
    { account: "A", name: "gone" },
    { account: "B", name: "come" },
  ]);
  assert.deepEqual(changedNames(undefined, after), []);
});
