import { test } from "node:test";
import { fuzzJwt } from "./jwt.fuzz.js";

test("any JWT is understood or refused, and no changed one believed", { timeout: 60_000 }, () => {
  fuzzJwt(300);
});
