import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesAsText, parseExact, stringifyExact } from "./json.js";

test("64-bit integers are written digit by digit", () => {
  assert.equal(
    stringifyExact({ max: 18446744073709551615n, ns: -9223372036854775808n }),
    '{"max":18446744073709551615,"ns":-9223372036854775808}',
  );
});

test("integers beyond 2^53 are read as bigint, others as numbers", () => {
  assert.deepEqual(parseExact('{"a":9007199254740993,"b":[-12345678901234567890,1,1.5,1e20],"c":"9007199254740993"}'), {
    a: 9007199254740993n,
    b: [-12345678901234567890n, 1, 1.5, 1e20],
    c: "9007199254740993",
  });
});

test("keys and strings that look like numbers or hold quotes stay what they are", () => {
  assert.deepEqual(parseExact('{"9007199254740993" : "n1","s\\"x": "s","big":9007199254740993,"q":"\\\\"}'), {
    "9007199254740993": "n1",
    's"x': "s",
    big: 9007199254740993n,
    q: "\\",
  });
});

test("what is no JSON is refused", () => {
  assert.throws(() => parseExact('{"a":90071992547409930'), SyntaxError);
  assert.throws(() => parseExact("hello"), SyntaxError);
});

test("undefined members are left out, maps are objects, markup is escaped", () => {
  assert.equal(
    stringifyExact({ a: undefined, b: null, c: new Map([["x.>", "<&\u2028"]]), d: [undefined], e: Number.NaN }),
    '{"b":null,"c":{"x.\\u003e":"\\u003c\\u0026\\u2028"},"d":[null],"e":null}',
  );
});

test("indented text is what JSON.stringify makes, with empty lists and objects on one line", () => {
  const value = { a: [1, { b: 2 }], c: {}, d: [] };
  assert.equal(stringifyExact(value, "  "), JSON.stringify(value, undefined, 2));
});

test("every JSON value comes back as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = stringifyExact(value);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      assert.equal(stringifyExact(parseExact(text)), text);
    }),
  );
});

test("every integer comes back as it was", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), fc.string(), (integer, text) => {
      const read = parseExact(stringifyExact({ integer, text })) as { integer: bigint | number; text: string };
      assert.equal(BigInt(read.integer), integer);
      assert.equal(read.text, text);
    }),
  );
});

test("bytes are shown as the UTF-8 they are", () => {
  assert.equal(bytesAsText("plain.>"), "plain.>");
  assert.equal(bytesAsText(Buffer.from("grün").toString("latin1")), "grün");
});
