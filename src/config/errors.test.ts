import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigSyntaxError, excerptOf, quotation } from "./errors.js";

const at = (line: number, column: number) => ({ file: "server.conf", line, column });

test("the message holds the reason, the place and where the bracket was opened", () => {
  const error = new ConfigSyntaxError({
    code: "CONFIG_SYNTAX",
    reason: "Parse error on line 3: 'Unexpected EOF.'",
    position: at(3, 1),
    openedAt: at(1, 14),
    excerpt: "",
  });
  assert.equal(error.message, "Parse error on line 3: 'Unexpected EOF.' (server.conf:3:1; opened at server.conf:1:14)");
  const outer = error.inInclude("inc.conf");
  assert.match(outer.message, /^error parsing include file 'inc\.conf', Parse error on line 3/);
  assert.deepEqual([outer.code, outer.position, outer.openedAt], [error.code, error.position, error.openedAt]);
});

test("an excerpt shows the line and a caret below the column", () => {
  assert.equal(excerptOf("a: 1\nport := 4222\nb: 2\n", at(2, 6)), "port := 4222\n     ^");
});

test("tabs before the caret stay tabs, and control characters do not reach the terminal", () => {
  assert.equal(excerptOf("\tx: \x1b[31m", at(1, 5)), "\tx: \ufffd[31m\n\t   ^");
});

test("a place behind the line's end or the text's end still has an excerpt", () => {
  assert.equal(excerptOf("ab", at(1, 99)), "ab\n  ^");
  assert.equal(excerptOf("ab\n", at(2, 1)), "\n^");
  assert.equal(excerptOf("ab", at(7, 1)), "");
});

test("of a long line only the neighbourhood is shown", () => {
  const [line, caret] = excerptOf(`${"x".repeat(5000)}!${"y".repeat(5000)}`, at(1, 5001)).split("\n");
  assert.ok(line!.length < 300);
  assert.equal(line![caret!.indexOf("^")], "!");
});

test("quotations are short and stay on one line", () => {
  assert.equal(quotation("a\nb\0c"), "a\\nb\\0c");
  assert.ok(quotation("x".repeat(1_000_000)).length < 200);
});
