import assert from "node:assert/strict";
import { test } from "node:test";
import { publishViolation, quoted, subscribeViolation } from "./error-texts.js";

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

test("names are quoted with escapes for what cannot be printed", () => {
  assert.equal(quoted('a"b\\c'), '"a\\"b\\\\c"');
  assert.equal(quoted("a\x01\x7f\t"), '"a\\x01\\x7f\\t"');
  assert.equal(quoted("a\xff\xfe"), '"a\\xff\\xfe"');
  assert.equal(quoted(latin1("grüße.日本")), '"grüße.日本"');
  assert.equal(quoted(latin1("a\u00a0\u200b")), '"a\\u00a0\\u200b"');
  assert.equal(quoted(latin1("\ufffd")), '"\ufffd"');
});

test("violations name subject, queue and sid", () => {
  assert.equal(publishViolation("a.b"), 'Permissions Violation for Publish to "a.b"');
  assert.equal(subscribeViolation("a", undefined), 'Permissions Violation for Subscription to "a"');
  assert.equal(
    subscribeViolation("a", "q", "3"),
    'Permissions Violation for Subscription to "a" using queue "q" (sid "3")',
  );
});
