import assert from "node:assert/strict";
import { test } from "node:test";
import { MonitoringError } from "./errors.js";
import { Query } from "./query.js";

const refuses = (run: () => unknown, message: string): void =>
  assert.throws(run, (error) => error instanceof MonitoringError && error.message === message);

test("the first of several values counts, and what is absent or empty has a default", () => {
  const query = new Query("limit=1&limit=2&subs=&a=x+y%2Fz");
  assert.equal(query.integer("limit"), 1);
  assert.equal(query.integer("offset"), 0);
  assert.equal(query.unsigned("cid"), 0);
  assert.equal(query.text("a"), "x y/z");
  assert.deepEqual(query.subscriptions(), { subscriptions: false, subscriptionsDetail: false });
  assert.equal(query.state(), "open");
});

test("flags are what Go reads as one", () => {
  for (const yes of ["1", "t", "T", "true", "TRUE", "True"]) assert.equal(new Query(`f=${yes}`).flag("f"), true);
  for (const no of ["0", "f", "F", "false", "FALSE", "False"]) assert.equal(new Query(`f=${no}`).flag("f"), false);
  refuses(
    () => new Query("subs=perhaps").flag("subs"),
    `Error decoding boolean for 'subs': strconv.ParseBool: parsing "perhaps": invalid syntax`,
  );
});

test("numbers that are none, or too large, are refused", () => {
  const what = "Error decoding int for 'limit': strconv.Atoi: parsing";
  refuses(() => new Query("limit=1.5").integer("limit"), `${what} "1.5": invalid syntax`);
  refuses(() => new Query(`limit=${2n ** 63n}`).integer("limit"), `${what} "9223372036854775808": value out of range`);
  assert.equal(new Query("limit=-5").integer("limit"), -5);
  refuses(
    () => new Query("cid=-1").unsigned("cid"),
    `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "-1": invalid syntax`,
  );
});

test("states and the detail of subscriptions are words in any case", () => {
  assert.equal(new Query("state=Closed").state(), "closed");
  assert.equal(new Query("state=ALL").state(), "any");
  refuses(() => new Query("state=foo").state(), "Error decoding state for foo");
  assert.deepEqual(new Query("subs=Detail").subscriptions(), { subscriptions: false, subscriptionsDetail: true });
});
