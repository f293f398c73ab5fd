import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "./digest.js";
import { ConfigSyntaxError } from "./errors.js";
import { CONFIG_LIMITS } from "./limits.js";
import { parseConfig } from "./parser.js";
import type { ConfigMap, ConfigNode } from "./syntax.js";

interface Surroundings {
  env?: Record<string, string>;
  files?: Record<string, string>;
  file?: string;
}

function parse(text: string, { env = {}, files = {}, file = "server.conf" }: Surroundings = {}): ConfigMap {
  return parseConfig(
    { file, text },
    {
      env: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
      readFile(path) {
        if (Object.hasOwn(files, path)) return files[path]!;
        const isFolder = Object.keys(files).some((name) => name.startsWith(`${path}/`));
        throw Object.assign(new Error(`cannot read ${path}`), { code: isFolder ? "EISDIR" : "ENOENT" });
      },
    },
  );
}

type Plain = string | number | bigint | boolean | Plain[] | { [key: string]: Plain };
function plain(node: ConfigNode): Plain {
  if (node.kind === "list") return node.items.map(plain);
  if (node.kind !== "map") return node.value;
  return Object.fromEntries(Array.from(node.entries, ([key, entry]) => [key, plain(entry.value)]));
}
const valuesOf = (text: string, surroundings?: Surroundings) => plain(parse(text, surroundings));

function errorOf(text: string, surroundings?: Surroundings): ConfigSyntaxError {
  try {
    parse(text, surroundings);
  } catch (error) {
    assert.ok(error instanceof ConfigSyntaxError, String(error));
    return error;
  }
  throw new Error(`accepted: ${text}`);
}

test("keys and values are separated by a colon, an equals sign, blanks or nothing but a quote", () => {
  for (const text of ["a: x", "a = x", "a x", "a:x", "\ta\t:\t  x   ", '"a": x', "'a' x", '"a"x', "a\n\n x", "a\n:x"]) {
    assert.deepEqual(valuesOf(text), { a: "x" }, text);
  }
  assert.deepEqual(valuesOf("a{b: 1"), { "a{b": 1n });
  assert.deepEqual(valuesOf('"a b.\\c": 1, "": 2'), { "a b.\\c": 1n, "": 2n });
});

test("entries are separated by line ends, commas and semicolons", () => {
  const expected = { a: "1x", b: "2x", c: "3x" };
  for (const text of ["a: 1x\nb: 2x\r\nc: 3x\r\n", "a: 1x, b: 2x; c: 3x", "a: 1x}b: 2x,\nc: 3x / // c"]) {
    assert.deepEqual(valuesOf(text), expected, text);
  }
  assert.deepEqual(valuesOf("m { a: 1x\nb: 2x, c: 3x; }"), { m: expected });
});

test("comments stand after values, on their own and between brackets", () => {
  assert.deepEqual(
    valuesOf("# 1\na: 1 # 2\n// 3\nb [ # 4\n 1 # 5\n // 6\n 2 // 7\n] // 8\nc { # 9\n d: 1 // 10\n # 11\n}"),
    {
      a: 1n,
      b: [1n, 2n],
      c: { d: 1n },
    },
  );
  assert.deepEqual(valuesOf("# only\n// comments"), {});
  assert.deepEqual(valuesOf(""), {});
});

test("lists hold anything, separated by commas or line ends", () => {
  assert.deepEqual(valuesOf("a: [x, 'y', [1 , 2\n3\n], {b: c}\n{d: e}]"), {
    a: ["x", "y", [1n, 2n, 3n], { b: "c" }, { d: "e" }],
  });
  assert.deepEqual(valuesOf("a: [x,]"), { a: ["x"] });
  assert.deepEqual(valuesOf("a: []"), { a: [] });
});

test("an empty value is an empty string where a list or line goes on", () => {
  assert.deepEqual(valuesOf("a: , b:"), { a: "", b: "" });
});

test("JSON is a configuration, with or without its last brace", () => {
  const expected = { a: { b: [1.5, { c: true }] }, d: "null" };
  assert.deepEqual(valuesOf('{"a": {"b": [1.5, {"c": true}]}, "d": null}'), expected);
  assert.deepEqual(valuesOf('{\n"a": {"b": [1.5, {"c": true}]},\n"d": null\n'), expected);
  assert.deepEqual(valuesOf('{{"a": {"b": [1.5, {"c": true}]}} # c\n"d": null}}\n'), expected);
  assert.deepEqual(valuesOf("{a: 1}\nb: 2"), { a: 1n, b: 2n });
});

test("a key that comes again replaces the earlier one, and takes its place", () => {
  assert.deepEqual([...parse("a: 1\nb: 2\na: 3").entries.keys()], ["b", "a"]);
  assert.deepEqual(valuesOf("a: 1\na: 3"), { a: 3n });
});

test("keys may be called like anything an object has", () => {
  assert.deepEqual([...parse("__proto__: 1, constructor: 2").entries.keys()], ["__proto__", "constructor"]);
});

test("positions of keys and values", () => {
  const map = parse("\n  a: 'x'\nb {\n\tc: [ 1 ]\n}");
  const a = map.entries.get("a")!;
  const b = map.entries.get("b")!;
  assert.deepEqual(a.keyPosition, { file: "server.conf", line: 2, column: 3 });
  assert.deepEqual(a.value.position, { file: "server.conf", line: 2, column: 6 });
  assert.deepEqual(b.value.position, { file: "server.conf", line: 3, column: 3 });
  const c = (b.value as ConfigMap).entries.get("c")!;
  assert.deepEqual(c.keyPosition, { file: "server.conf", line: 4, column: 2 });
});

test("a variable takes the nearest value before it, and marks it as used", () => {
  const map = parse("a: 1\nb { a: 2, c: $a, d { e: [$a] } }\nf: $a\ng: 1");
  assert.deepEqual(plain(map), { a: 1n, b: { a: 2n, c: 2n, d: { e: [2n] } }, f: 1n, g: 1n });
  const used = Array.from(map.entries.values(), (entry) => [entry.key, entry.usedAsVariable]);
  assert.deepEqual(used, [
    ["a", true],
    ["b", false],
    ["f", false],
    ["g", false],
  ]);
  assert.deepEqual(map.entries.get("f")!.value.position, { file: "server.conf", line: 3, column: 4 });
});

test("a value that replaces a used one is not itself used", () => {
  assert.equal(parse("a: 1\nb: $a\na: 2").entries.get("a")!.usedAsVariable, false);
});

test("variables see neither later keys, nor inner ones, nor themselves", () => {
  for (const [text, line] of [
    ["b: $a\na: 1", 1],
    ["b { a: 1 }\nc: $a", 2],
    ["a: $a", 1],
  ] as const) {
    const error = errorOf(text);
    assert.equal(error.code, "CONFIG_VARIABLE");
    assert.match(error.message, new RegExp(`variable reference for 'a' on line ${line} can not be found`));
  }
});

test("a bcrypt hash needs no quotes", () => {
  assert.deepEqual(valuesOf("password: $2a$11$abc/def."), { password: "$2a$11$abc/def." });
});

test("environment variables are read as values", () => {
  const env = { N: "4333", S: "2MB", L: "[a, b]", M: "{u: 1, v: [$N]}", E: "", A: "$S", C: "x # c", Q: '"a b"' };
  assert.deepEqual(valuesOf("n: $N, s: $S, l: $L, m: $M, e: $E, a: $A, c: $C, q: $Q", { env }), {
    n: 4333n,
    s: 2097152n,
    l: ["a", "b"],
    m: { u: 1n, v: [4333n] },
    e: "",
    a: 2097152n,
    c: "x",
    q: "a b",
  });
  assert.deepEqual(valuesOf("N: 1, n: $N", { env }), { N: 1n, n: 1n });
});

test("values from the environment have the place of the variable", () => {
  const map = parse("\nm: $M", { env: { M: "\t{\tu: [1 ] }" } });
  const place = { file: "server.conf", line: 2, column: 4 };
  const m = map.entries.get("m")!.value as ConfigMap;
  const u = m.entries.get("u")!;
  assert.deepEqual([m.position, u.keyPosition, u.value.position], [place, place, place]);
});

test("an environment variable that cannot be read is refused without showing it", () => {
  const error = errorOf("a: 1\nb: $KEY", { env: { KEY: "secret words" } });
  assert.equal(error.code, "CONFIG_VARIABLE");
  assert.match(error.message, /variable reference for 'KEY' on line 2 could not be parsed: Parse error on line 1/);
  assert.doesNotMatch(error.message + error.excerpt, /secret/);
  assert.match(error.excerpt, /^b: \$KEY\n {3}\^$/);
});

test("environment variables in a circle are refused", () => {
  const error = errorOf("a: $A", { env: { A: "[$B]", B: "$A" } });
  assert.match(error.message, /variable reference cycle for 'A'/);
});

test("an include's entries are in its place, for variables too", () => {
  const files = { "inc.conf": "a: 1\nb: 2", "m.conf": "x: y" };
  assert.deepEqual(valuesOf("a: 0\ninclude inc.conf\nc: $b", { files }), { a: 1n, b: 2n, c: 2n });
  assert.deepEqual(valuesOf("m { include 'm.conf', z: $x }", { files }), { m: { x: "y", z: "y" } });
  assert.deepEqual(valuesOf('{ INCLUDE "m.conf"}', { files }), { x: "y" });
  assert.deepEqual(parse("include inc.conf", { files }).entries.get("b")!.keyPosition, {
    file: "inc.conf",
    line: 2,
    column: 1,
  });
});

test("`include` with a separator or in quotes is a key", () => {
  assert.deepEqual(valuesOf("include: x"), { include: "x" });
  assert.deepEqual(valuesOf('"include" x'), { include: "x" });
});

test("an include is relative to the file that names it, and knows only its own variables", () => {
  const files = {
    "/etc/nats/sub/a.conf": "include b.conf",
    "/etc/nats/sub/b.conf": "c: 1",
    "/etc/nats/v.conf": "x: $a",
  };
  assert.deepEqual(valuesOf("include sub/a.conf", { files, file: "/etc/nats/server.conf" }), { c: 1n });
  assert.deepEqual(valuesOf("include /sub/b.conf", { files, file: "/etc/nats/server.conf" }), { c: 1n });
  const error = errorOf("a: 1\ninclude v.conf", { files, file: "/etc/nats/server.conf" });
  assert.match(error.message, /^error parsing include file 'v\.conf', variable reference for 'a' on line 1 can not/);
  assert.equal(error.position.file, "/etc/nats/v.conf");
});

test("an include that cannot be read names the file and why", () => {
  const missing = errorOf("a: 1\ninclude gone.conf");
  assert.equal(missing.code, "CONFIG_INCLUDE");
  assert.match(missing.message, /'gone\.conf', open gone\.conf: no such file or directory \(server\.conf:2:1\)$/);
  assert.match(errorOf("include sub", { files: { "sub/x": "" } }).message, /'sub', read sub: is a directory/);
});

test("an error in an include has the line there", () => {
  const error = errorOf("a: 1\ninclude inc.conf", { files: { "inc.conf": "debug: true\ncluster {\n" } });
  assert.match(
    error.message,
    /^error parsing include file 'inc\.conf', Parse error on line 3: 'Unexpected EOF processing map\.'/,
  );
  assert.match(error.message, /inc\.conf:3:1; opened at inc\.conf:2:9/);
  assert.equal(error.excerpt, "cluster {\n        ^");
});

test("a file that includes itself is refused with the chain", () => {
  const files = {
    "server.conf": "include ./a/x.conf",
    "a/x.conf": "include y.conf",
    "a/y.conf": "include ../server.conf",
  };
  const error = errorOf(files["server.conf"], { files });
  assert.equal(error.code, "CONFIG_INCLUDE");
  assert.match(error.message, /includes itself: server\.conf -> a\/x\.conf -> a\/y\.conf -> server\.conf/);
});

test("one file may be included twice, side by side", () => {
  assert.deepEqual(valuesOf("a {\ninclude i\n}\nb {\ninclude i\n}", { files: { i: "c: 1" } }), {
    a: { c: 1n },
    b: { c: 1n },
  });
});

const SYNTAX_ERRORS: [text: string, message: RegExp][] = [
  ["port:\ndebug: true", /^Parse error on line 2: 'Expected value but found new line' \(server\.conf:2:1\)$/],
  ["port := 4222", /line 1: 'Expected a top-level value to end with .*, but got '4' instead.' \(server\.conf:1:9\)$/],
  [": x", /line 1: 'Unexpected key separator ':''/],
  ["a {\n = x }", /line 2: 'Unexpected key separator '='\.'/],
  ["a: 1\n/ b", /line 2: 'Unexpected EOF\.'/],
  ["a: 1\nxyzzy", /^config is invalid \(server\.conf:2:6\)$/],
  ["a: 1\nxyzzy\n\n", /^config is invalid \(server\.conf:4:1\)$/],
  ['a: 1\n"xyz', /line 2: 'Unexpected EOF\.' .*opened at server\.conf:2:1/],
  ["{ a: 1 b", /line 1: 'Expected a block-level value to end with a new line, comment or EOF, but got 'b' instead/],
  ["{ a: 1", /but got 'end of file' instead/],
  ["{{ a: 1 } b", /Expected a block-level to end with a '}', but got 'b' instead/],
  ["a [ 1, , 2 ]", /Unexpected array value terminator ','/],
  ["a [ b c ]", /Expected an array value terminator "," or an array terminator "]", but got 'c' instead/],
  ["a [\n b\n", /line 3: .*but got 'end of file' instead.*opened at server\.conf:1:3/],
  ["a {\n b: c", /line 2: 'Expected a map value terminator "," or a map terminator "}", but got 'end of file'/],
  ["a {\n b: c\n", /line 3: 'Unexpected EOF processing map\.'.*opened at server\.conf:1:3/],
  ["a { b: x y }", /Expected a map value terminator "," or a map terminator "}", but got 'y' instead/],
  ["a { b: , c: 1 }", /Unexpected map value terminator ","/],
  ["a { b", /Unexpected EOF processing map key/],
  ["a { 'b", /Unexpected EOF processing quoted map key/],
  ["a {\n b: 1\n]", /line 3: 'Unexpected array end ']' processing map/],
  ["a {\n b:\n}", /key "b" has no value \(server\.conf:2:2\)$/],
  ["include\n", /line 2: 'Expected include value but found new line'/],
  ["include [x]", /Expected include value but found start of an array/],
  ["include {x}", /Expected include value but found start of a map/],
  ["include (x)", /Expected include value but found start of a block/],
  ["include 1x", /Expected include value but found start of a number/],
  ["include \\x", /Expected include value but found escape sequence/],
  ["include 'x", /Unexpected EOF in quoted include/],
  ['include "x', /Unexpected EOF in double quoted include/],
  ["a: 99999999999999999999", /^integer '9+' is out of the range \(server\.conf:1:4\)$/],
  ["\ufeffport: 4222", /^unknown field "port": a byte order mark stands before it \(server\.conf:1:1\)$/],
];
test("what is not of the language is refused in the reference's words and lines", () => {
  for (const [text, message] of SYNTAX_ERRORS) {
    const error = errorOf(text);
    assert.match(error.message, message);
    assert.equal(error.code, "CONFIG_SYNTAX", text);
  }
});

test("a closing brace too many at the end is forgiven", () => {
  assert.deepEqual(valuesOf("a { b: 1 }\n}\n"), { a: { b: 1n } });
});

test("nesting has a limit, well before the stack does", () => {
  const nested = (depth: number) => `a: ${"[".repeat(depth)}x${"]".repeat(depth)}`;
  assert.match(digestOf(parse(nested(CONFIG_LIMITS.nestingDepth))), /^sha256:/);
  assert.equal(errorOf("a { ".repeat(CONFIG_LIMITS.nestingDepth)).code, "CONFIG_SYNTAX");
  for (const text of [nested(CONFIG_LIMITS.nestingDepth + 1), nested(1_000_000), "a { ".repeat(1_000_000)]) {
    assert.equal(errorOf(text).code, "CONFIG_LIMIT");
  }
  assert.deepEqual(valuesOf(`${"{".repeat(100_000)}a: 1\n`), { a: 1n });
});

test("nesting is counted through environment variables and includes", () => {
  const half = "[".repeat(600);
  assert.equal(errorOf(`a: ${half}$V`, { env: { V: half } }).code, "CONFIG_LIMIT");
  const files = { "inc.conf": "a { ".repeat(600) };
  assert.equal(errorOf(`${"a { ".repeat(600)}include inc.conf`, { files }).code, "CONFIG_LIMIT");
});

test("variables that multiply are refused before they are written out", () => {
  const lines = ["a0: [xxxxxxxxxx, xxxxxxxxxx]"];
  for (let i = 1; i <= 64; i++) lines.push(`a${i}: [$a${i - 1}, $a${i - 1}]`);
  assert.match(errorOf(lines.join("\n")).message, /variables expand to more than \d+ characters/);
  const env = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`V${i}`, i === 0 ? "x" : `[$V${i - 1}, $V${i - 1}]`]),
  );
  assert.equal(errorOf("a: $V39", { env }).code, "CONFIG_LIMIT");
});

test("includes that multiply or go too deep are refused", () => {
  const files: Record<string, string> = { i0: "a: 1" };
  for (let i = 1; i <= 200; i++) files[`i${i}`] = `include i${i - 1}\ninclude i${i - 1}`;
  assert.match(errorOf("include i40", { files }).message, /more than 10000 files and variables/);
  assert.match(errorOf("include i200", { files }).message, /more than 64 files or variables inside one another/);
});

test("long texts take time in proportion to their length", { timeout: 20_000 }, () => {
  const count = 200_000;
  assert.equal(parse(Array.from({ length: count }, (_, i) => `k${i}: v`).join(",")).entries.size, count);
  const list = parse(`a: [${"x ,".repeat(count)}]`).entries.get("a")!.value;
  assert.ok(list.kind === "list" && list.items.length === count);
  assert.equal(errorOf(`a: "${"\\x41".repeat(count)}`).code, "CONFIG_SYNTAX");
  assert.equal(errorOf(`a: (${"\n)x".repeat(count)}`).code, "CONFIG_SYNTAX");
  assert.equal(errorOf(`a: 1${" /".repeat(count)}x`).code, "CONFIG_SYNTAX");
});
