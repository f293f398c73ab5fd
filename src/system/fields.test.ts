import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyError, readFields } from "./fields.js";

const TYPES = { sort: "string", auth: "boolean", limit: "integer", tags: "strings" } as const;
const read = (body: string): object => readFields(Buffer.from(body), TYPES);

test("fields are read in any case, null and unknown ones do not count", () => {
  assert.deepEqual(read('{"Sort":"cid","AUTH":true,"limit":null,"other":1,"tags":["a"]}'), {
    sort: "cid",
    auth: true,
    tags: ["a"],
  });
  for (const empty of ["", "null", "{}"]) assert.deepEqual(read(empty), {});
});

test("what is no object, or has another type, is refused", () => {
  for (const wrong of ["hello", "[]", "1", '{"limit":"x"}', '{"limit":1.5}', '{"auth":1}', '{"tags":[1]}']) {
    assert.throws(() => read(wrong), BodyError, wrong);
  }
});
