import { test } from "node:test";
import { fuzzS2Blocks, fuzzS2Streams } from "./s2.fuzz.js";

test("what is written is read again, what was damaged is refused", () => {
  fuzzS2Streams(1500);
});

test("any bytes are a block or are refused", () => {
  fuzzS2Blocks(10_000);
});
