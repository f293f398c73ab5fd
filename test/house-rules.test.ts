// The rules of the house, each shown to catch what it is for and then held against every file of the project.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  deadFiles,
  headerViolations,
  LONG_FILE_LINES,
  LONGEST_FILE_LINES,
  layerViolations,
  lengthViolations,
  SourceFile,
  testsWithoutAssertion,
  unfinishedWork,
  wordsOfTheWorkplace,
  worldViolations,
} from "./support/house-rules.js";
import { projectRoot } from "./support/project.js";

const PLACES = [
  "src",
  "test",
  "bench",
  "scripts",
  "bin",
  "docs",
  "examples",
  ".ci",
  "README.md",
  "CHANGELOG.md",
  "package.json",
];
const paths = PLACES.flatMap((place) => filesBelow(place)).filter((path) => !path.startsWith("test/fuzz-corpus/"));
const sources = paths
  .filter((path) => /\.(ts|mts|mjs|js)$/.test(path))
  .map((path) => new SourceFile(path, readFileSync(join(projectRoot, path), "utf8")));
const typescript = sources.filter((file) => file.path.endsWith(".ts"));

function filesBelow(path: string): string[] {
  const full = join(projectRoot, path);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [path];
  return readdirSync(full).flatMap((name) => (name === "node_modules" ? [] : filesBelow(`${path}/${name}`)));
}

const file = (path: string, text: string): SourceFile => new SourceFile(path, text);
const nothing: string[] = [];

test("imports point one way", () => {
  const upward = file("src/subjects/a.ts", 'import { b } from "../server/b.js";');
  assert.match(layerViolations([upward])[0], /^src\/subjects\/a\.ts:1: subjects imports the higher server$/);
  const impure = file(
    "src/protocol/a.ts",
    'import type { T } from "../runtime/t.js";\nimport { c } from "../runtime/c.js";',
  );
  assert.deepEqual(layerViolations([impure]), [
    "src/protocol/a.ts:2: protocol is pure and imports more than types of runtime",
  ]);
  const circle = [
    file("src/auth/a.ts", 'import { b } from "../accounts/b.js";'),
    file("src/accounts/b.ts", 'import { a } from "../auth/a.js";'),
  ];
  assert.match(layerViolations(circle)[0], /import each other/);
  assert.match(layerViolations([file("src/attic/a.ts", "")])[0], /room "attic" has no floor/);
  assert.match(layerViolations([file("src/cli/a.ts", 'import "../../test/support/x.js";')])[0], /outside src/);
  assert.deepEqual(layerViolations([file("src/cli/a.ts", 'import { b } from "../server/b.js";')]), nothing);
  assert.deepEqual(layerViolations(typescript), nothing);
});

test("only the runtime touches the world", () => {
  const uses = [
    "const a = Date.now();",
    "const b = new Date(0);",
    "setTimeout(go, 1);",
    "const c = Math.random();",
    "const d = process.pid;",
    "const e = await fetch(url);",
    'import { readFileSync } from "node:fs";',
    'import { randomBytes } from "node:crypto";',
    'import { deflate } from "node:zlib";',
    'const f = await import("node:net");',
  ];
  for (const use of uses) {
    assert.equal(worldViolations([file("src/server/a.ts", use)]).length, 1, use);
    assert.deepEqual(worldViolations([file("src/runtime/a.ts", use)]), nothing, use);
    assert.deepEqual(worldViolations([file("src/server/a.test.ts", use)]), nothing, use);
  }
  const fine = [
    'log("Date.now()"); // Math.random()',
    "function pid({ disk, process }: World) { return process.pid; }",
    "runtime.process.pid; { process: 1 }; clock.setTimeout(1);",
    'import { createHash } from "node:crypto"; const randomly = 1;',
    'import { deflateRawSync } from "node:zlib";',
    'import type { Socket } from "node:net";',
  ];
  for (const use of fine) assert.deepEqual(worldViolations([file("src/server/a.ts", use)]), nothing, use);
  assert.deepEqual(worldViolations([file("src/cli/host.ts", "process.exit(1);")]), nothing);
  assert.equal(worldViolations([file("src/cli/main.ts", "process.exit(1);")]).length, 1);
  assert.deepEqual(worldViolations(typescript), nothing);
});

test("every file says what it is", () => {
  assert.equal(headerViolations([file("src/a.ts", "export const a = 1;")]).length, 1);
  assert.deepEqual(headerViolations([file("src/a.ts", "// The letter a.\nexport const a = 1;")]), nothing);
  assert.deepEqual(headerViolations(sources), nothing);
});

test("files are short", (t) => {
  assert.equal(lengthViolations([file("src/a.ts", "\n".repeat(3))], 2).length, 1);
  assert.deepEqual(lengthViolations([file("src/a.ts", "\n".repeat(2))], 2), nothing);
  for (const long of lengthViolations(sources, LONG_FILE_LINES)) t.diagnostic(`warning: ${long}`);
  assert.deepEqual(lengthViolations(sources, LONGEST_FILE_LINES), nothing);
});

test("no file is dead", () => {
  const alone = [file("src/server/a.ts", ""), file("src/server/a.test.ts", 'import "./a.js";')];
  assert.deepEqual(deadFiles(alone), ["src/server/a.ts: nothing but its own test imports it"]);
  assert.deepEqual(deadFiles([...alone, file("src/index.ts", 'export * from "./server/a.js";')]), nothing);
  assert.match(deadFiles([file("src/index.ts", 'export * from "./gone.js";')])[0], /src\/gone\.ts does not exist/);
  const program = file("bin/a.js", 'await import("../dist/src/server/a.js");');
  assert.deepEqual(deadFiles([...alone, program]), nothing);
  assert.deepEqual(deadFiles(sources), nothing);
});

test("no work is left unfinished in the text", () => {
  assert.equal(unfinishedWork("a", `// ${"TO"}DO: later`).length, 1);
  assert.deepEqual(unfinishedWork("a", "the todos of the mastodon"), nothing);
  assert.deepEqual(overTexts(unfinishedWork), nothing);
});

test("the project's texts speak of the project", () => {
  assert.equal(wordsOfTheWorkplace("a", `see ${"/wo"}rk/notes`).length, 1);
  assert.deepEqual(wordsOfTheWorkplace("a", "a worker works on node_modules/.bin"), nothing);
  assert.deepEqual(overTexts(wordsOfTheWorkplace), nothing);
});

test("every test asserts something", () => {
  assert.equal(testsWithoutAssertion([file("src/a.test.ts", 'test("a", () => { run("assert(1)"); });')]).length, 1);
  assert.deepEqual(testsWithoutAssertion([file("src/a.test.ts", 'test("a", () => { assert.ok(run()); });')]), nothing);
  const through =
    'const same = (a) => {\n  assert.ok(a);\n};\nfunction both() {\n  same(1);\n}\ntest("a", () => both());';
  assert.deepEqual(testsWithoutAssertion([file("src/a.test.ts", through)]), nothing);
  assert.equal(testsWithoutAssertion([file("src/a.test.ts", through.replace("assert.ok(a)", "a"))]).length, 1);
  const maker =
    'function make(name, run) {\n  test(name, run);\n}\nmake("a", () => assert.ok(1));\nmake("b", () => 1);';
  assert.deepEqual(testsWithoutAssertion([file("src/a.test.ts", maker)]), [
    "src/a.test.ts:5: a test without an assertion",
  ]);
  assert.deepEqual(testsWithoutAssertion(typescript), nothing);
});

function overTexts(rule: (path: string, text: string) => string[]): string[] {
  return paths.flatMap((path) => rule(path, readFileSync(join(projectRoot, path), "utf8")));
}
