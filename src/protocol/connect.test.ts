import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultConnectOptions, mergeConnect } from "./connect.js";

const merged = (json: string) => {
  const options = defaultConnectOptions();
  return mergeConnect(json, options) ? options : undefined;
};

test("what is left out keeps its value; verbose, pedantic and echo are on at first", () => {
  const options = defaultConnectOptions();
  assert.deepEqual([options.verbose, options.pedantic, options.echo, options.protocol], [true, true, true, 0]);
  assert.ok(mergeConnect('{"verbose":false,"user":"u"}', options));
  assert.ok(mergeConnect('{"pass":"p","protocol":1}', options));
  assert.deepEqual([options.verbose, options.user, options.pass, options.protocol], [false, "u", "p", 1]);
});

test("keys in any case, unknown ones ignored, the last one counts, null is nothing", () => {
  assert.equal(merged('{"VERBOSE":false,"Echo":false,"surprise":[1]}')?.echo, false);
  assert.equal(merged('{"verbose":true,"verbose":false}')?.verbose, false);
  assert.equal(merged('{"name":"a","NAME":"b"}')?.name, "b");
  assert.equal(merged('{"verbose":null}')?.verbose, true);
  assert.equal(merged("null")?.verbose, true);
  assert.deepEqual([merged("{}")?.proxySig, merged('{"proxy_sig":"s"}')?.proxySig], ["", "s"]);
});

test("what is no object or has a value of the wrong type is refused", () => {
  for (const json of [
    "",
    "[]",
    "7",
    '"x"',
    "{",
    '{"name":7}',
    '{"verbose":"yes"}',
    '{"protocol":1.5}',
    '{"protocol":1.0}',
    '{"protocol":10e-1}',
    '{"proto\\u0063ol":1e0}',
    '{"protocol":1.0,"protocol":1}',
    '{"protocol":9223372036854775808}',
    '{"protocol":"1"}',
    "{} x",
  ]) {
    assert.equal(merged(json), undefined, json);
  }
});
