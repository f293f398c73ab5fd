import assert from "node:assert/strict";
import { test } from "node:test";
import { argumentsStart, MAX_ARGUMENTS, parseSize, splitArguments, Verb, verbOf } from "./verbs.js";

const whole = (text: string): Verb => verbOf(Buffer.from(text, "latin1"), 0, text.length, true);
const begun = (text: string): Verb => verbOf(Buffer.from(text, "latin1"), 0, text.length, false);

test("every verb in any case", () => {
  const lines: [string, Verb][] = [
    ["PUB foo 1", Verb.pub],
    ["pUb\tfoo 1", Verb.pub],
    ["HPUB foo 1 2", Verb.hpub],
    ["SUB foo 1", Verb.sub],
    ["UNSUB 1", Verb.unsub],
    ["PING", Verb.ping],
    ["PINGXYZ", Verb.ping],
    ["pong  ", Verb.pong],
    ["CONNECT {}", Verb.connect],
    ["connect{}", Verb.connect],
    ["INFO {}", Verb.info],
    ["info{}", Verb.info],
    ["+OK", Verb.ok],
    ["+ok then", Verb.ok],
    ["-ERR 'x'", Verb.err],
  ];
  for (const [line, verb] of lines) assert.equal(whole(line), verb, line);
});

test("what is no operation of a client", () => {
  for (const line of [
    "",
    " PING",
    "PU foo",
    "PUB",
    "SUB",
    "UNSUB",
    "HPUB",
    "PUBfoo 1",
    "MSG a 1 2",
    "RS+ a",
    "LS+ a",
    "+",
    "-ERR",
    "P",
    "\x10ING",
  ]) {
    assert.equal(whole(line), Verb.unknown, JSON.stringify(line));
  }
});

test("a beginning is told from what cannot become a verb", () => {
  for (const text of ["", "P", "pu", "PUB", "HP", "UNSU", "CONN", "+", "-E", "INF", "-ERR"])
    assert.equal(begun(text), Verb.incomplete, text);
  for (const text of ["X", "PX", "PUBx", "GET /"]) assert.equal(begun(text), Verb.unknown, text);
  assert.equal(begun("PUB "), Verb.pub);
  assert.equal(begun("PING"), Verb.ping);
});

test("arguments are separated by blanks and tabs only", () => {
  const line = Buffer.from("PUB  \t foo\xa0\r\0 \tbar\t 12  ", "latin1");
  const from = argumentsStart(Verb.pub, line, 0, line.length);
  const at = new Int32Array(2 * MAX_ARGUMENTS);
  assert.equal(splitArguments(line, from, line.length, at), 3);
  const text = (i: number): string => line.toString("latin1", at[2 * i], at[2 * i + 1]);
  assert.deepEqual([text(0), text(1), text(2)], ["foo\xa0\r\0", "bar", "12"]);
});

test("no more arguments are counted than any operation has", () => {
  const line = Buffer.from("a b c d e f g h");
  assert.equal(splitArguments(line, 0, line.length, new Int32Array(2 * MAX_ARGUMENTS)), MAX_ARGUMENTS);
  assert.equal(splitArguments(line, 0, 0, new Int32Array(2 * MAX_ARGUMENTS)), 0);
});

test("sizes are up to nine decimal digits", () => {
  const size = (text: string): number => parseSize(Buffer.from(text), 0, text.length);
  assert.equal(size("0"), 0);
  assert.equal(size("0002"), 2);
  assert.equal(size("999999999"), 999_999_999);
  for (const bad of ["", "1000000000", "-1", "+1", "1.5", "two", "1a", " 1"]) assert.equal(size(bad), -1, bad);
});
