import { test } from "node:test";
import { fuzzClientProtocol } from "./client.fuzz.js";

test("a client may send anything: no exception, the same answers whatever the chunks, and nothing is left behind", () => {
  fuzzClientProtocol(1500);
});
