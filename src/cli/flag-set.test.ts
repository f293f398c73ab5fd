// Go's way of reading a command line: dashes, values, ends and mistakes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FlagKind, parseFlags } from "./flag-set.js";

const kinds = new Map<string, FlagKind>([
  ["p", "integer"],
  ["D", "boolean"],
  ["name", "string"],
]);
const parse = (...argv: string[]) => {
  const { given, words } = parseFlags(argv, kinds);
  return { given: Object.fromEntries(given), words };
};

test("one or two dashes, with a value behind an equals sign or in the next argument", () => {
  assert.deepEqual(parse("-p", "1", "--name=a=b", "-D").given, { p: 1, name: "a=b", D: true });
  assert.deepEqual(parse("--p=-1", "-name", "-x").given, { p: -1, name: "-x" });
  assert.deepEqual(parse("-name=", "-name", "z").given, { name: "z" });
});

test("flags come in the order of their last use", () => {
  assert.deepEqual(
    [...parseFlags(["-p=1", "-name=x", "-p=2"], kinds).given],
    [
      ["name", "x"],
      ["p", 2],
    ],
  );
});

test("a boolean takes no second argument", () => {
  assert.deepEqual(parse("-D", "false"), { given: { D: true }, words: ["false"] });
  for (const off of ["0", "f", "F", "false", "FALSE", "False"]) assert.equal(parse(`-D=${off}`).given["D"], false);
  for (const on of ["1", "t", "T", "true", "TRUE", "True"]) assert.equal(parse(`-D=${on}`).given["D"], true);
});

test("flags end at the first word, at a lone dash, and after a double dash", () => {
  assert.deepEqual(parse("a", "-D"), { given: {}, words: ["a", "-D"] });
  assert.deepEqual(parse("-D", "-"), { given: { D: true }, words: ["-"] });
  assert.deepEqual(parse("--", "-D"), { given: {}, words: ["-D"] });
  assert.deepEqual(parse("-D", ""), { given: { D: true }, words: [""] });
});

test("integers are read in Go's notation", () => {
  const read = (text: string) => parse(`-p=${text}`).given["p"];
  assert.deepEqual(["0x1F", "0b11", "0o17", "017", "1_000", "+5", "-0", "0"].map(read), [31, 3, 15, 15, 1000, 5, 0, 0]);
  for (const bad of ["", "x", "1.5", "1__0", "08", "0x", "_1", "1_", " 1", "- 1", "--1"]) {
    assert.throws(() => read(bad), { message: `invalid value ${JSON.stringify(bad)} for flag -p: parse error` });
  }
  assert.throws(() => read("9223372036854775808"), /value out of range/);
  assert.equal(read("-9223372036854775808"), -(2 ** 63));
});

test("every other mistake is named", () => {
  const cases: [string[], string][] = [
    [["-z"], "flag provided but not defined: -z"],
    [["--z=1"], "flag provided but not defined: -z"],
    [["-p"], "flag needs an argument: -p"],
    [["-D=x"], 'invalid boolean value "x" for -D: parse error'],
    [["---p"], "bad flag syntax: ---p"],
    [["-=1"], "bad flag syntax: -=1"],
    [["--=1"], "bad flag syntax: --=1"],
  ];
  for (const [argv, message] of cases) {
    assert.throws(() => parse(...argv), { name: "FlagError", code: "NATS_BAD_FLAG", message });
  }
});
