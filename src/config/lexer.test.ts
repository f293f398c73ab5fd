import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigSyntaxError } from "./errors.js";
import { Lexer, type Scalar } from "./lexer.js";

/** Reads one value and shows it, with what is left of the text's first character. */
function read(text: string): { scalar: Scalar; next: string } {
  const lexer = new Lexer("server.conf", text);
  const scalar = lexer.readScalar();
  return { scalar, next: lexer.char };
}
function valueIn(text: string): unknown {
  const { scalar } = read(text);
  return scalar.kind === "variable" ? `$${scalar.name}` : scalar.value;
}
function kindOf(text: string): string {
  return read(text).scalar.kind;
}
function reasonOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    assert.ok(error instanceof ConfigSyntaxError);
    return error.reason;
  }
  throw new Error(`accepted: ${text}`);
}

test("bare text ends at blanks, line ends, commas, semicolons and closing brackets", () => {
  for (const end of [" ", "\t", "\n", "\r", ",", ";", "]", "}", "\0"]) {
    const { scalar, next } = read(`foo.>:a#b//c=({[${end}rest`);
    assert.deepEqual([scalar.kind, valueIn(`foo.>:a#b//c=({[${end}`), next], ["string", "foo.>:a#b//c=({[", end]);
  }
});

test("a single quote ends bare text and is eaten", () => {
  const { scalar, next } = read("it's");
  assert.deepEqual([scalar.kind, valueIn("it's"), next], ["string", "it", "s"]);
  assert.equal(kindOf("true'"), "string");
});

test("words for booleans, in any case", () => {
  for (const word of ["true", "yes", "on", "TRUE", "Yes", "oN"]) assert.equal(valueIn(word), true, word);
  for (const word of ["false", "no", "off", "FALSE", "No", "oFf"]) assert.equal(valueIn(word), false, word);
  for (const word of ["y", "t", "truee", "enable", "constructor"]) assert.equal(valueIn(word), word);
});

test("quotes: nothing is an escape in single ones, line ends are text in both", () => {
  assert.equal(valueIn("'a\\tb\"\n c'"), 'a\\tb"\n c');
  assert.equal(valueIn('"a\nb\'"'), "a\nb'");
  assert.equal(valueIn('""'), "");
});

test("escapes work in double quotes and in bare text", () => {
  assert.equal(valueIn('"\\t\\n\\r\\"\\\\\\x41"'), '\t\n\r"\\A');
  assert.equal(valueIn("a\\x20b\\tc,"), "a b\tc");
  assert.equal(valueIn("\\x74rue"), "true");
  assert.equal(valueIn('"\\xe2\\x82\\xac"'), "€");
  assert.equal(valueIn('"\\xff"'), "\udcff");
});

test("wrong escapes are named", () => {
  assert.match(reasonOf('"a\\u0041"'), /line 1: 'Invalid escape character 'u'\. Only the following/);
  assert.match(reasonOf('"a\\\n"'), /line 2: 'Invalid escape character '\\n'/);
  assert.match(reasonOf('"a\\xZZ"'), /line 1: 'Expected two hexadecimal digits after '\\x', but got 'ZZ''/);
  assert.match(reasonOf('"\\x4\n"'), /line 2: 'Expected two hexadecimal digits after '\\x', but hit end of line'/);
});

test("missing quotes name the end of the file and the opening", () => {
  assert.throws(
    () => read('"abc\n\n'),
    (error: ConfigSyntaxError) =>
      error.message === "Parse error on line 3: 'Unexpected EOF.' (server.conf:3:1; opened at server.conf:1:1)",
  );
  assert.match(reasonOf("'abc"), /Unexpected EOF/);
  assert.match(reasonOf('"a\0b"'), /line 1: 'Unexpected EOF/);
});

test("a block string ends at a parenthesis alone on its line", () => {
  assert.equal(valueIn("(\n a ) b\n )\n)\n"), "\n a ) b\n )\n");
  assert.equal(valueIn("(x\n)x\n)\n"), "x\n)x\n");
  assert.equal(valueIn("(x\n)"), "x\n)");
  assert.match(reasonOf("(x)\n"), /line 2: 'Unexpected EOF processing block/);
  assert.match(reasonOf("(\r\nx\r\n)\r\n"), /Unexpected EOF processing block/);
});

test("integers are exact, sizes are multiplied out", () => {
  assert.equal(valueIn("0100"), 100n);
  assert.equal(valueIn("-9223372036854775808"), -9223372036854775808n);
  assert.equal(valueIn("9223372036854775807"), 9223372036854775807n);
  assert.equal(valueIn(`${"0".repeat(100)}7`), 7n);
  const letters = "kmgtpe";
  for (let power = 1; power <= letters.length; power++) {
    const letter = letters[power - 1]!;
    assert.equal(valueIn(`2${letter}`), 2n * 1000n ** BigInt(power));
    assert.equal(valueIn(`-2${letter.toUpperCase()}`), -2n * 1000n ** BigInt(power));
    for (const rest of ["b", "B", "i", "iB", "Ib"])
      assert.equal(valueIn(`2${letter}${rest}`), 2n * 1024n ** BigInt(power));
  }
});

test("a size beyond 64 bits wraps, an integer beyond them is refused", () => {
  assert.equal(valueIn("16EB"), 0n);
  assert.equal(valueIn("10E"), 10n ** 19n - 2n ** 64n);
  for (const text of ["9223372036854775808", "-9223372036854775809", "9".repeat(100_000), "9223372036854775808k"]) {
    assert.match(reasonOf(text), /^integer '-?9.* is out of the range$/);
  }
});

test("suffixes that are none", () => {
  assert.match(reasonOf("1kbb"), /invalid integer suffix 'kbb' in '1kbb'/);
  for (const text of ["10XB", "1k5", "1e5", "-1kz", "12ab", "3xyz", "1_000", "0x1F", "1k."]) {
    assert.deepEqual([kindOf(text), valueIn(text)], ["string", text]);
  }
});

test("a number followed at once by a bracket is text with the bracket in it", () => {
  assert.equal(valueIn("1]\n"), "1]");
  assert.deepEqual([valueIn("1k]"), read("1k]").next], ["1k", "]"]);
  assert.deepEqual([valueIn("-1]"), read("-1]").next], [-1n, "]"]);
  assert.equal(valueIn("12\\t"), "12\\t");
});

test("floats need digits on both sides of the point", () => {
  assert.equal(valueIn("0.5"), 0.5);
  assert.equal(valueIn("-0.25"), -0.25);
  assert.deepEqual([kindOf("1.0"), valueIn("1.0"), read("1.5k").next], ["float", 1, "k"]);
  assert.match(reasonOf("1. "), /Floats must have a digit after the '\.', but got ' ' instead/);
  assert.match(reasonOf(".5"), /Floats must start with a digit/);
  assert.match(reasonOf("-.5"), /Floats must start with a digit, not '\.'/);
  assert.match(reasonOf("-x"), /Expected a digit but got 'x'/);
  assert.match(reasonOf(`${"9".repeat(400)}.0`), /^float '9+\.\.\.' is out of the range$/);
});

test("addresses are text", () => {
  assert.deepEqual([kindOf("127.0.0.1:4222"), valueIn("127.0.0.1:4222")], ["string", "127.0.0.1:4222"]);
  assert.deepEqual([valueIn("1.2.3-4/8"), read("1.2.3-4/8").next], ["1.2.3-4", "/"]);
});

test("dates in Zulu form, and nothing like them", () => {
  assert.deepEqual(
    [kindOf("2024-05-06T07:08:09Z"), valueIn("2024-05-06T07:08:09Z")],
    ["date", Date.UTC(2024, 4, 6, 7, 8, 9)],
  );
  assert.match(reasonOf("5-6"), /All ISO8601 dates must be in full Zulu form/);
  assert.match(reasonOf("2024-05-06 "), /Expected 'T' in ISO8601 datetime, but found ' ' instead/);
  assert.match(reasonOf("2024-x"), /Expected digit in ISO8601 datetime, but found 'x' instead/);
  assert.match(reasonOf("2024-02-30T00:00:00Z"), /^expected Zulu formatted DateTime, but got '2024-02-30T00:00:00Z'$/);
});

test("digits of other scripts begin a number, and are none", () => {
  assert.match(reasonOf("\u0663"), /^expected integer, but got '\u0663'$/);
  assert.match(reasonOf("1.\u0663"), /^expected float, but got '1\.\u0663'$/);
  assert.match(reasonOf("\u{1d7d8}"), /^expected integer/);
  assert.equal(valueIn("1.2.\u0663-4:\u{1d7d8}.x"), "1.2.\u0663-4:\u{1d7d8}.");
});

test("a variable is a bare word that begins with a dollar", () => {
  assert.deepEqual([kindOf("$NAME"), valueIn("$a.b-c}")], ["variable", "$a.b-c"]);
  assert.equal(kindOf('"$NAME"'), "string");
  assert.equal(kindOf("x$NAME"), "string");
  assert.equal(kindOf("$N\\x41"), "string");
});

test("the cursor counts lines and columns", () => {
  const lexer = new Lexer("f", "a\n  'x\ny' z");
  lexer.readBareKey();
  lexer.skipSpaces();
  assert.deepEqual(lexer.position, { file: "f", line: 2, column: 3 });
  lexer.readScalar();
  lexer.skipBlanks();
  assert.deepEqual(lexer.position, { file: "f", line: 3, column: 4 });
});
