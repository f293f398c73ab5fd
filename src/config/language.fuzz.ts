// Fuzzing of the configuration language: whatever the text, the answer is a map or a ConfigSyntaxError, and a map can be
// digested. `npm test` runs it shortly, `npm run fuzz` for long.
import assert from "node:assert/strict";
import fc from "fast-check";
import { digestOf } from "./digest.js";
import { ConfigSyntaxError } from "./errors.js";
import { parseConfig } from "./parser.js";
import type { ConfigMap, ConfigNode } from "./syntax.js";

const WORDS = [
  "port: 4222\n",
  "include inc.conf\n",
  "include server.conf\n",
  "$a",
  "$ENV",
  "a: ",
  "{ a: 1, b: [x, y] }",
  "[1 , 2k, 3.5 ]",
  '"\\x41\\xff\\n"',
  "'s'",
  "(\n block\n)\n",
  "2024-05-06T07:08:09Z",
  "-9223372036854775808",
  "16EB",
  "127.0.0.1:4222",
  "true",
  "# comment\n",
  "// comment\n",
  "\ufeff",
  "\0",
  "\ud800",
  "\u{1f600}",
];
const MARKS = [..."{}[]()\"'\\,;:=/# \t\r\n$.-09kxe"];

const word = fc.constantFrom(...WORDS, ...MARKS);
const soup = fc.array(
  fc.oneof({ weight: 8, arbitrary: word }, { weight: 1, arbitrary: fc.string({ unit: "binary" }) }),
  {
    maxLength: 60,
  },
);
const tree = fc.letrec<{ map: string; value: string }>((tie) => ({
  map: fc
    .array(fc.tuple(fc.constantFrom("a: ", "b = ", '"c":', "d ", "'e' "), tie("value")), { maxLength: 5 })
    .map((entries) => entries.map((entry) => entry.join("")).join("\n")),
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(...WORDS),
    tie("map").map((map) => `{ ${map} }`),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[ ${items.join(" , ")} ]`),
  ),
})).map;
/** Well-formed text, cut somewhere, with a mark put in: what a slip of an editor leaves. */
const slip = fc.tuple(tree, fc.nat(), fc.nat(), word).map(([text, from, length, put]) => {
  const at = from % (text.length + 1);
  return text.slice(0, at) + put + text.slice(at + (length % 4));
});
const text = fc.oneof(
  soup.map((parts) => parts.join("")),
  tree,
  slip,
);

/**
 * Checks `runs` generated configurations.
 *
 * @throws when one of them has another outcome; the message holds it, shrunk, with the seed that repeats it.
 */
export function fuzzConfigLanguage(runs: number, seed?: number): void {
  const property = fc.property(text, text, fc.option(text, { nil: undefined }), (main, included, variable) => {
    checkOne(main, included, variable);
  });
  fc.assert(property, seed === undefined ? { numRuns: runs } : { numRuns: runs, seed });
}

function checkOne(main: string, included: string, variable: string | undefined): void {
  const files = new Map([
    ["server.conf", main],
    ["inc.conf", included],
  ]);
  const world = {
    env: (name: string) => (name === "ENV" || name === "a" ? variable : undefined),
    readFile(path: string): string {
      const found = files.get(path);
      if (found === undefined) throw Object.assign(new Error(`nothing at ${path}`), { code: "ENOENT" });
      return found;
    },
  };
  let map: ConfigMap;
  try {
    map = parseConfig({ file: "server.conf", text: main }, world);
  } catch (error) {
    if (!(error instanceof ConfigSyntaxError)) throw error;
    assert.match(error.message, /:\d+:\d+/);
    assert.ok(error.position.line >= 1 && error.position.column >= 1);
    assert.ok(error.excerpt.split("\n").length <= 2);
    return;
  }
  checkNode(map);
  assert.match(digestOf(map), /^sha256:[0-9a-f]{64}$/);
}

function checkNode(node: ConfigNode): void {
  assert.ok(["server.conf", "inc.conf"].includes(node.position.file));
  assert.ok(node.position.line >= 1 && node.position.column >= 1);
  if (node.kind === "integer") assert.equal(BigInt.asIntN(64, node.value), node.value);
  if (node.kind === "float") assert.ok(Number.isFinite(node.value));
  if (node.kind === "list") node.items.forEach(checkNode);
  if (node.kind === "map") {
    for (const [key, entry] of node.entries) {
      assert.equal(entry.key, key);
      checkNode(entry.value);
    }
  }
}
