import assert from "node:assert/strict";
import { test } from "node:test";
import { readPlainGet } from "./plain-get.js";

function read(text: string): { seq: number; last: string } | undefined {
  const bytes = Buffer.from(`before${text}}after`);
  const request = readPlainGet(bytes, 6, 6 + Buffer.byteLength(text));
  if (request === undefined) return undefined;
  const { seq, last_by_subj: last, ...rest } = request;
  assert.deepEqual(rest, { next_by_subj: "", batch: 0, max_bytes: 0, up_to_seq: 0, no_hdr: false });
  return { seq, last };
}

test("a request for one sequence, or for the last of a subject, is read as JSON would be", () => {
  assert.deepEqual(read('{"seq":1}'), { seq: 1, last: "" });
  assert.deepEqual(read('{"seq":123456789012345}'), { seq: 123456789012345, last: "" });
  assert.deepEqual(read('{"last_by_subj":"orders.new"}'), { seq: 0, last: "orders.new" });
  assert.deepEqual(read('{"last_by_subj":"a.*.>"}'), { seq: 0, last: "a.*.>" });
  assert.deepEqual(read('{"last_by_subj":"}"}'), { seq: 0, last: "}" });
});

test("anything else is left to the reader of JSON", () => {
  const texts = [
    "",
    "}",
    "{}",
    '{"seq":}',
    '{"seq":0}',
    '{"seq":01}',
    '{"seq":-1}',
    '{"seq":1.0}',
    '{"seq":1e3}',
    '{"seq":"1"}',
    '{"seq": 1}',
    '{"seq":1} ',
    '{"seq":1',
    '{"seq":1,"no_hdr":true}',
    '{"seq":9007199254740993}',
    '{"SEQ":1}',
    '{"last_by_subj":""}',
    '{"last_by_subj":"}',
    '{"last_by_subj":"a"',
    '{"last_by_subj":"a","batch":1}',
    '{"last_by_subj":"a\\u002eb"}',
    '{"last_by_subj":"a b"}',
    '{"last_by_subj":"ä"}',
  ];
  for (const text of texts) assert.equal(read(text), undefined, text);
});
