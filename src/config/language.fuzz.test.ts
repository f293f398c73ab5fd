import { test } from "node:test";
import { fuzzConfigLanguage } from "./language.fuzz.js";

test("any text is a configuration or a ConfigSyntaxError", { timeout: 60_000 }, () => {
  fuzzConfigLanguage(300);
});
