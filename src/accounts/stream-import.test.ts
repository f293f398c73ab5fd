import assert from "node:assert/strict";
import { test } from "node:test";
import { between, TestWorld } from "./test-world.js";

const exports = [{ stream: "events.>" }, { stream: "private.*" }];

function world(imported: object): TestWorld {
  return new TestWorld(between(exports, [imported]));
}

test("messages of an imported stream arrive under the subscriber's own sid", () => {
  const w = world({ stream: { account: "A", subject: "events.>" } });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("other");
  b.subscribe("events.>");
  assert.equal(a.publish("events.one", "x"), 1);
  assert.deepEqual(b.take(), ["events.one 2 x"]);
});

test("only what was imported is seen, however wide the subscription", () => {
  const w = world({ stream: { account: "A", subject: "events.>" } });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe(">");
  b.subscribe("*");
  b.subscribe("*.*");
  a.publish("events", "no");
  a.publish("private.one", "no");
  a.publish("secret", "no");
  a.publish("events.one", "yes");
  assert.deepEqual(b.take(), ["events.one 1 yes", "events.one 3 yes"]);
});

test("an import of a part of an export does not open the rest", () => {
  const w = world({ stream: { account: "A", subject: "events.one" } });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("events.*");
  b.subscribe(">");
  a.publish("events.two", "no");
  a.publish("events.one", "yes");
  assert.deepEqual(b.take(), ["events.one 1 yes", "events.one 2 yes"]);
});

test("a subscription narrower than the import gets only its part", () => {
  const w = world({ stream: { account: "A", subject: "events.>" }, prefix: "from.a" });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("from.a.events.one.*");
  b.subscribe("events.one.x");
  a.publish("events.two.x", "no");
  a.publish("events.one.x", "yes");
  assert.deepEqual(b.take(), ["from.a.events.one.x 1 yes"]);
});

test("a subscription that overlaps the import gets what both cover", () => {
  const w = world({ stream: { account: "A", subject: "events.>" }, prefix: "p." });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("*.*.one.*");
  a.publish("events.one.x", "1");
  a.publish("events.two.x", "2");
  a.publish("events.one", "3");
  assert.deepEqual(b.take(), ["p.events.one.x 1 1"]);
});

test("wildcards can be placed anew, in both directions", () => {
  const w = new TestWorld(
    between([{ stream: "order.*.*" }], [{ stream: { account: "A", subject: "order.*.*" }, to: "o.$2.$1" }]),
  );
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("o.x.*");
  b.subscribe("order.>");
  a.publish("order.eu.x", "yes");
  a.publish("order.x.eu", "no");
  assert.deepEqual(b.take(), ["o.x.eu 1 yes"]);
});

test("the text of a wildcard in a published subject does not widen an import", () => {
  const w = new TestWorld(
    between([{ stream: "s.*" }, { stream: "t.*" }], [{ stream: { account: "A", subject: "s.*" }, to: "mine.*" }]),
  );
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("mine.one");
  b.subscribe("mine.*");
  a.publish("s.>", "text");
  a.publish("s.*", "text");
  assert.deepEqual(b.take(), ["mine.* 2 text"]);
});

test("a stream import is one way", () => {
  const w = world({ stream: { account: "A", subject: "events.>" } });
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe(">");
  b.publish("events.one", "x");
  assert.deepEqual(a.take(), []);
});

test("streams are not passed on through a second account", () => {
  const w = new TestWorld({
    A: { exports: [{ stream: "s" }] },
    B: { imports: [{ stream: { account: "A", subject: "s" } }], exports: [{ stream: "s" }] },
    C: { imports: [{ stream: { account: "B", subject: "s" } }] },
  });
  const [a, b, c] = [w.client("A"), w.client("B"), w.client("C")];
  b.subscribe("s");
  c.subscribe("s");
  a.publish("s", "x");
  assert.equal(b.take().length, 1);
  assert.deepEqual(c.take(), []);
});

test("a stream import does not feed a service import of the same account", () => {
  const w = new TestWorld({
    A: { exports: [{ stream: "s" }] },
    B: {
      imports: [{ stream: { account: "A", subject: "s" } }, { service: { account: "C", subject: "s" } }],
    },
    C: { exports: [{ service: "s" }] },
  });
  const [a, b, c] = [w.client("A"), w.client("B"), w.client("C")];
  b.subscribe("s");
  c.subscribe("s");
  a.publish("s", "x");
  assert.equal(b.take().length, 1);
  assert.deepEqual(c.take(), []);
});

test("queue groups count as one group in the exporting account", () => {
  const w = world({ stream: { account: "A", subject: "events.>" } });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("events.*", "q");
  b.subscribe("events.*", "q");
  assert.equal(a.publish("events.one", "x"), 1);
  assert.equal(b.take().length, 1);
});

test("the end of a subscription ends its shadows; a maximum does not count for them", () => {
  const w = world({ stream: { account: "A", subject: "events.>" } });
  const [a, b] = [w.client("A"), w.client("B")];
  const before = w.account("A").sublist.size;
  const subscription = b.subscribe("events.*");
  subscription.max = 1;
  a.publish("events.one");
  a.publish("events.one");
  assert.equal(b.take().length, 2);
  b.account.unsubscribe(subscription);
  a.publish("events.one");
  assert.deepEqual(b.take(), []);
  assert.equal(w.account("A").sublist.size, before);
});

test("reply subjects and headers are left alone", () => {
  const w = world({ stream: { account: "A", subject: "events.>" }, prefix: "p" });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe(">");
  a.publish("events.one", "x", "inbox", "NATS/1.0\r\nA: b\r\n\r\n");
  assert.deepEqual(b.take(), ["p.events.one 1 inbox x"]);
  assert.deepEqual(b.headers, ["NATS/1.0\r\nA: b\r\n\r\n"]);
});
