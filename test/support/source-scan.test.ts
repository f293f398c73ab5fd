// What the scanner takes for code and for imports.
import assert from "node:assert/strict";
import { test } from "node:test";
import { scanSource } from "./source-scan.js";

const words = (text: string): string[] => scanSource(text).code.match(/\w+/g) ?? [];

test("comments and strings are not code", () => {
  assert.deepEqual(words("a; // Date\n/* Date\n */ b(\"Date\", 'it\\'s Date', c)"), ["a", "b", "c"]);
});

test("template text is not code, what it embeds is", () => {
  assert.deepEqual(words("x(`Date #{a + `in #{b} Date`} Date`, y)".replaceAll("#{", "$" + "{")), ["x", "a", "b", "y"]);
  assert.deepEqual(words("`#{{ a: { b } }.a} Date` + z".replaceAll("#{", "$" + "{")), ["a", "b", "a", "z"]);
});

test("regular expressions are not code, divisions are", () => {
  assert.deepEqual(words("if (/Date[/\"]'/.test(a)) b = c / d / e; return /Date/g"), [
    "if",
    "test",
    "a",
    "b",
    "c",
    "d",
    "e",
    "return",
    "g",
  ]);
  assert.deepEqual(words("a = (b) / c; // Date / \nd"), ["a", "b", "c", "d"]);
});

test("places are kept", () => {
  const text = 'const a = "b";\n// c\nd();';
  const { code } = scanSource(text);
  assert.equal(code.length, text.length);
  assert.equal(code.indexOf("d()"), text.indexOf("d()"));
});

test("imports of every form are found, with what is left at run time", () => {
  const text = `import a from "./a.js";
import type { B } from "./b.js";
import { type C1, type C2 } from "./c.js";
import { type D1, d2 } from './d.js';
import * as e from "node:e";
import "./f.js";
export * from "./g.js";
export { h } from "./h.js";
import {
  type I,
  i,
} from "./i.js";
const j = await import("./j.js");
const k = 'import x from "./no.js"';
// import x from "./no.js"
`;
  assert.deepEqual(
    scanSource(text).imports.map(({ specifier, typeOnly, line }) => [specifier, typeOnly, line]),
    [
      ["./a.js", false, 1],
      ["./b.js", true, 2],
      ["./c.js", true, 3],
      ["./d.js", false, 4],
      ["node:e", false, 5],
      ["./f.js", false, 6],
      ["./g.js", false, 7],
      ["./h.js", false, 8],
      ["./i.js", false, 9],
      ["./j.js", false, 13],
    ],
  );
});
