import { test } from "node:test";
import { fuzzConnect, fuzzFramer } from "./protocol.fuzz.js";

test("any text is a CONNECT or is refused", () => {
  fuzzConnect(3000);
});

test("the same lines and payloads whatever the chunks", () => {
  fuzzFramer(3000);
});
