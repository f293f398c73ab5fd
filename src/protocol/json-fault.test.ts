import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { firstValueEnd, jsonFault } from "./json-fault.js";

test("what is wrong with a text is told in Go's words", () => {
  const faults: readonly (readonly [string, string])[] = [
    ["", "unexpected end of JSON input"],
    ['{"a":[1', "unexpected end of JSON input"],
    ['{"a":"\\u12', "unexpected end of JSON input"],
    ["{,}", "invalid character ',' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":01}', "invalid character '1' after object key:value pair"],
    ['{"a":[1 2]}', "invalid character '2' after array element"],
    ['{"a":é}', "invalid character 'é' looking for beginning of value"],
    ['{"a":1.}', "invalid character '}' in numeric literal"],
    ['{"a":fax}', "invalid character 'x' in literal false (expecting 'l')"],
    ['{"a":"\t"}', "invalid character '\\t' in string"],
    ['{"a":"\x01"}', "invalid character '\\x01' in string"],
    ['{"a":"\\u12"}', 'invalid escape sequence `\\u12"}` in string'],
    ["{}{", "invalid character '{' after top-level value"],
  ];
  for (const [text, fault] of faults) assert.equal(jsonFault(text), fault, text);
});

test("whatever JSON.parse refuses has a fault, and nothing else has one", () => {
  const piece = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "u",
    "1",
    "0",
    "-",
    ".",
    "e",
    "true",
    "null",
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      assert.equal(jsonFault(text) === "invalid JSON", isJson);
      if (isJson) assert.equal(firstValueEnd(text), text.trimEnd().length);
    }),
    { numRuns: 2000 },
  );
});
