import { test } from "node:test";
import { fuzzRouteProtocol } from "./route.fuzz.js";

test("another server may send anything: no exception, the same whatever the chunks, and nothing is left behind", async () => {
  await fuzzRouteProtocol(1500);
});
