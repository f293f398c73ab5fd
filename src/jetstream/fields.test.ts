import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "./errors.js";
import { field, optional, readRequest, writeFields } from "./fields.js";

const FIELDS = {
  name: field("text"),
  limit: optional("int"),
  wait: field("duration"),
  kind: field(["one", "two"]),
  inner: optional({ object: { flag: optional("flag") } }),
};
const read = (text: string, strict = true): Record<string, unknown> => readRequest(Buffer.from(text), FIELDS, strict);
const refuses = (text: string): void =>
  assert.throws(
    () => read(text),
    (error) => error instanceof ApiError && error.errCode === 10025,
  );

test("what is not there is empty, and integers stay exact", () => {
  assert.deepEqual(read('{"name":"x","limit":9223372036854775807,"wait":9007199254740993}'), {
    name: "x",
    limit: 9223372036854775807n,
    wait: 9007199254740993n,
    kind: "one",
    inner: undefined,
  });
});

test("what Go would not read is refused, unknown fields only when strict", () => {
  for (const text of [
    "{",
    "[]",
    '{"name":1}',
    '{"wait":1.5}',
    '{"kind":"three"}',
    '{"bogus":1}',
    '{"inner":{"x":1}}',
  ]) {
    refuses(text);
  }
  assert.equal(read('{"name":"x","bogus":1}', false)["name"], "x");
});

test("what is empty and optional is not written", () => {
  assert.deepEqual(writeFields(read('{"name":"","inner":{"flag":false}}'), FIELDS), {
    name: "",
    wait: 0n,
    kind: "one",
    inner: {},
  });
});
