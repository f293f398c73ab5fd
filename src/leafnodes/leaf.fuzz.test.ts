import { test } from "node:test";
import { fuzzLeafProtocol } from "./leaf.fuzz.js";

test("a leaf node may send anything: no exception, the same whatever the chunks, and nothing is left behind", async () => {
  await fuzzLeafProtocol(1500);
});
