import assert from "node:assert/strict";
import { test } from "node:test";
import { readCookies } from "./cookies.js";

test("names and values, quotes taken off, the last of two, UTF-8", () => {
  const utf8 = Buffer.from("zoë").toString("latin1");
  const cookies = readCookies(`a=1; b="two"; c=x=y;; =none; a=3; d; e=; f=${utf8}; g="`);
  assert.deepEqual(
    [...cookies],
    [
      ["a", "3"],
      ["b", "two"],
      ["c", "x=y"],
      ["e", ""],
      ["f", "zoë"],
      ["g", '"'],
    ],
  );
  assert.equal(readCookies(undefined).size, 0);
});
