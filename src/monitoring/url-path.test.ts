import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanPath } from "./url-path.js";

test("empty parts and dots are taken out of a path", () => {
  const cases = {
    "/varz": "/varz",
    "/varz/": "/varz/",
    "//varz": "/varz",
    "/varz//": "/varz/",
    "/./varz": "/varz",
    "/a/../varz": "/varz",
    "/../../varz": "/varz",
    "//": "/",
    "/..": "/",
    "/.": "/",
    "/%2e/varz": "/%2e/varz",
    "/%2fvarz": "/%2fvarz",
  };
  for (const [path, cleaned] of Object.entries(cases)) assert.equal(cleanPath(path), cleaned, path);
});
