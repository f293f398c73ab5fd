import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../accounts/account.js";
import { type DeliveryTarget, InterestSource, Subscription } from "../accounts/subscription.js";
import { LocalInterest } from "./local-interest.js";

const target: DeliveryTarget = { echo: true, deliver: () => true };
const leaf: DeliveryTarget = { ...target, leafCluster: "EDGE" };

function watched() {
  const told: string[] = [];
  const interest = new LocalInterest((account, { subject, queue, origin, count }) =>
    told.push([account, subject, queue, origin, count].join(",")),
  );
  return { told, interest, account: new Account("A", [interest]) };
}

test("plain interest is told when it begins and when the last subscription has ended", () => {
  const { told, account } = watched();
  const [one, two] = [1, 2].map((sid) => new Subscription("a.b", undefined, String(sid), target));
  account.subscribe(one);
  account.subscribe(two);
  account.unsubscribe(one);
  assert.deepEqual(told, ["A,a.b,,,1"]);
  account.unsubscribe(two);
  assert.deepEqual(told, ["A,a.b,,,1", "A,a.b,,,0"]);
});

test("a queue group is told with every change of its number", () => {
  const { told, account } = watched();
  const [one, two] = [1, 2].map((sid) => new Subscription("a.*", "q", String(sid), target));
  account.subscribe(one);
  account.subscribe(two);
  account.unsubscribe(one);
  account.unsubscribe(two);
  assert.deepEqual(told, ["A,a.*,q,,1", "A,a.*,q,,2", "A,a.*,q,,1", "A,a.*,q,,0"]);
});

test("leaf nodes' interest is kept apart by where it comes from; that of other servers and imports is not told on", () => {
  const { told, account, interest } = watched();
  account.subscribe(new Subscription("x", undefined, "1", leaf, { source: InterestSource.leaf }));
  account.subscribe(new Subscription("x", undefined, "2", target));
  for (const source of [InterestSource.import, InterestSource.route, InterestSource.gateway, InterestSource.hub]) {
    account.addInterest(new Subscription("y", undefined, "3", target, { source }));
  }
  assert.deepEqual(told, ["A,x,,EDGE,1", "A,x,,,1"]);
  assert.deepEqual([...interest.accounts()], ["A"]);
  assert.deepEqual(
    [...interest.of("A")].map(({ subject, origin }) => `${subject} ${origin}`),
    ["x EDGE", "x "],
  );
});

test("what comes while all of it is walked through is part of the walk, what goes is not", () => {
  const { account, interest } = watched();
  const subscriptions = ["a", "b", "c"].map((subject) => new Subscription(subject, undefined, subject, target));
  for (const subscription of subscriptions) account.subscribe(subscription);
  const walk = interest.of("A");
  assert.equal(walk.next().value?.subject, "a");
  account.unsubscribe(subscriptions[1]);
  account.subscribe(new Subscription("d", undefined, "d", target));
  assert.deepEqual(
    [...walk].map(({ subject }) => subject),
    ["c", "d"],
  );
});

test("an account whose name cannot stand in a line is not told of", () => {
  const told: string[] = [];
  const interest = new LocalInterest((account) => told.push(account));
  const account = new Account("two words", [interest]);
  account.subscribe(new Subscription("a", undefined, "1", target));
  assert.deepEqual([told, [...interest.accounts()]], [[], []]);
});

test("a walk through several accounts leaves out those that are not asked for, and makes plain interest known by its subject", () => {
  const { account, interest } = watched();
  const other = new Account("B", [interest]);
  account.subscribe(new Subscription("a", undefined, "1", target));
  account.subscribe(new Subscription("a", "q", "2", target));
  other.subscribe(new Subscription("b", undefined, "1", target));
  const walked = (includes: (name: string) => boolean): unknown[] => {
    const walk = interest.walk(includes);
    const all: unknown[] = [];
    for (let step = walk.next(); !step.done; step = walk.next()) {
      const { account: name, plainSubject, announced } = step.value;
      all.push([name, plainSubject, announced.subject, announced.queue]);
    }
    return all;
  };
  assert.deepEqual(
    walked(() => true),
    [
      ["A", "a", "a", ""],
      ["A", undefined, "a", "q"],
      ["B", "b", "b", ""],
    ],
  );
  assert.deepEqual(
    walked((name) => name === "B"),
    [["B", "b", "b", ""]],
  );
});
