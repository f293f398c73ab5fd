import assert from "node:assert/strict";
import { test } from "node:test";
import { between, TestWorld } from "./test-world.js";

const REPLY = /^_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6}$/;

function world(service: object, imported: object = {}): TestWorld {
  return new TestWorld(
    between([{ service: "svc.*", ...service }], [{ service: { account: "A", subject: "svc.*" }, ...imported }]),
  );
}

test("a request goes to the exporting account, and one answer comes back", () => {
  const w = world({});
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  b.subscribe("inbox");
  assert.equal(b.publish("svc.one", "q", "inbox"), 1);
  const [got] = a.take();
  const reply = got.split(" ")[2];
  assert.match(reply, REPLY);
  assert.equal(got, `svc.one 1 ${reply} q`);
  assert.equal(a.publish(reply, "first"), 1);
  assert.equal(a.publish(reply, "second"), 0);
  assert.deepEqual(b.take(), ["inbox 1 first"]);
  assert.equal(w.account("A").replies?.size, 0);
});

test("a request without a reply subject gets none", () => {
  const w = world({});
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  b.publish("svc.one", "q");
  assert.deepEqual(a.take(), ["svc.one 1 q"]);
  assert.equal(w.account("A").replies, undefined);
});

test("without a responder nothing is delivered and nothing is kept", () => {
  const w = world({});
  assert.equal(w.client("B").publish("svc.one", "q", "inbox"), 0);
  assert.equal(w.account("A").replies?.size, 0);
});

test("local subscribers get the request too", () => {
  const w = world({});
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  b.subscribe("svc.*");
  assert.equal(b.publish("svc.one", "q"), 2);
  assert.deepEqual(b.take(), ["svc.one 1 q"]);
});

test("the importer reaches the service only, and sees nothing of the exporting account", () => {
  const w = world({});
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe(">");
  b.subscribe(">");
  b.publish("other", "x");
  b.publish("svc.a.b", "x");
  b.publish("svc", "x");
  assert.deepEqual(a.take(), []);
  b.take();
  a.publish("svc.one", "x");
  a.publish("inbox", "x");
  assert.deepEqual(b.take(), []);
});

test("reply subjects of other accounts and guessed ones lead nowhere", () => {
  const w = world({});
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  b.subscribe(">");
  b.publish("svc.one", "q", "inbox");
  const reply = a.takeReply();
  b.take();
  assert.equal(a.publish(`${reply.slice(0, -1)}-`, "guess"), 0);
  assert.equal(b.publish(reply, "from the wrong side"), 1, "its own wildcard subscription only");
  b.take();
  assert.equal(w.client("$G").publish(reply, "from a third one"), 0);
  a.publish(reply, "answer");
  assert.deepEqual(b.take(), ["inbox 1 answer"]);
});

test("a service can have another local name", () => {
  const w = new TestWorld(
    between([{ service: "order.*.*" }], [{ service: { account: "A", subject: "order.*.*" }, to: "o.$2.$1" }]),
  );
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe(">");
  b.publish("o.x.y", "q");
  b.publish("order.x.y", "q");
  b.publish("o.>", "q");
  assert.deepEqual(a.take(), ["order.y.x 1 q"]);
});

test("a literal service keeps its subject under a wildcard name", () => {
  const w = new TestWorld(
    between([{ service: "svc" }], [{ service: { account: "A", subject: "svc" }, to: "local.*" }]),
  );
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe(">");
  b.publish("local.x", "q");
  assert.deepEqual(a.take(), ["svc 1 q"]);
});

test("response type Stream answers until nobody listens", () => {
  const w = world({ responseType: "Stream" });
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  const inbox = b.subscribe("inbox");
  b.publish("svc.one", "q", "inbox");
  const reply = a.takeReply();
  for (const text of ["1", "2", "3"]) a.publish(reply, text);
  assert.deepEqual(b.take(), ["inbox 1 1", "inbox 1 2", "inbox 1 3"]);
  b.account.unsubscribe(inbox);
  assert.equal(a.publish(reply, "4"), 0);
  b.subscribe("inbox");
  assert.equal(a.publish(reply, "5"), 0);
});

test("response type Chunked ends with an empty answer", () => {
  const w = world({ responseType: "Chunked" });
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  b.subscribe("inbox");
  b.publish("svc.one", "q", "inbox");
  const reply = a.takeReply();
  a.publish(reply, "1");
  a.publish(reply, "");
  a.publish(reply, "2");
  assert.deepEqual(b.take(), ["inbox 1 1", "inbox 1 "]);
});

test("answers later than the threshold are dropped, and forgotten by a timer", () => {
  const w = world({ thresholdMs: 300 });
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  b.subscribe("inbox");
  b.publish("svc.one", "q", "inbox");
  const first = a.takeReply();
  w.nowMs += 300;
  assert.equal(a.publish(first, "in time"), 1);
  b.publish("svc.one", "q", "inbox");
  const second = a.takeReply();
  w.nowMs += 301;
  assert.equal(a.publish(second, "late"), 0);
  assert.deepEqual(b.take(), ["inbox 1 in time"]);
  b.publish("svc.one", "q", "inbox");
  assert.equal(w.account("A").replies?.size, 1);
  w.pass(400);
  w.pass(400);
  assert.equal(w.account("A").replies?.size, 0);
  assert.deepEqual(w.timers, []);
});

test("several answers each renew the threshold", () => {
  const w = world({ responseType: "Stream", thresholdMs: 100 });
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  b.subscribe("inbox");
  b.publish("svc.one", "q", "inbox");
  const reply = a.takeReply();
  for (let i = 0; i < 5; i++) {
    w.pass(90);
    assert.equal(a.publish(reply, "x"), 1);
  }
  w.pass(101);
  assert.equal(a.publish(reply, "x"), 0);
});

test("a chain of imports leads there and back", () => {
  const w = new TestWorld({
    A: { exports: [{ service: "deep" }] },
    B: { imports: [{ service: { account: "A", subject: "deep" }, to: "mid" }], exports: [{ service: "mid" }] },
    C: { imports: [{ service: { account: "B", subject: "mid" }, to: "top" }] },
  });
  const [a, b, c] = [w.client("A"), w.client("B"), w.client("C")];
  a.subscribe("deep");
  b.subscribe("inbox");
  c.subscribe("inbox");
  assert.equal(c.publish("top", "q", "inbox"), 1);
  assert.equal(a.publish(a.takeReply(), "ok"), 1);
  assert.deepEqual(c.take(), ["inbox 1 ok"]);
  assert.deepEqual(b.take(), []);
  assert.equal(w.account("B").replies?.size, 0);
});

test("an answer with a reply subject can be answered", () => {
  const w = world({ responseType: "Stream" });
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  a.subscribe("ack");
  b.subscribe("inbox");
  b.publish("svc.one", "q", "inbox");
  const reply = a.takeReply();
  a.publish(reply, "data", "ack");
  assert.equal(b.publish(b.takeReply(), "+ACK"), 1);
  assert.deepEqual(a.take(), ["ack 2 +ACK"]);
  a.publish(reply, "data", "$JS.ACK.s.c.1");
  assert.deepEqual(b.take(), ["inbox 1 $JS.ACK.s.c.1 data"]);
});

test("a responder may answer inside the delivery, and ask the same service itself", () => {
  const w = world({});
  const [a, b] = [w.client("A"), w.client("B")];
  const other = w.client("B");
  a.subscribe("svc.*");
  b.subscribe("inbox");
  other.subscribe("inbox.other");
  let asked = false;
  a.answer = (message) => {
    const { reply } = message;
    if (!asked) {
      asked = true;
      other.publish("svc.two", "q", "inbox.other");
    }
    a.publish(reply, "ok");
  };
  b.publish("svc.one", "q", "inbox");
  assert.deepEqual(b.take(), ["inbox 1 ok"]);
  assert.deepEqual(other.take(), ["inbox.other 1 ok"]);
});

test("mappings of the exporting account apply, and those of the requester to the answer", () => {
  const w = new TestWorld({
    A: { exports: [{ service: "svc" }], mappings: { svc: [{ destination: "svc.v2" }] } },
    B: { imports: [{ service: { account: "A", subject: "svc" } }], mappings: { inbox: [{ destination: "in.box" }] } },
  });
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe(">");
  b.subscribe(">");
  b.account.unsubscribe(b.subscribe("x"));
  b.publish("svc", "q", "inbox");
  const [request] = a.take();
  assert.match(request, /^svc\.v2 1 _R_/);
  b.take();
  a.publish(request.split(" ")[2], "ok");
  assert.deepEqual(b.take(), ["in.box 1 ok"]);
});

test("mappings that lead around in a circle end", () => {
  const w = new TestWorld({
    A: {
      exports: [{ service: "a" }],
      imports: [{ service: { account: "B", subject: "b" } }],
      mappings: { a: [{ destination: "b" }] },
    },
    B: {
      exports: [{ service: "b" }],
      imports: [{ service: { account: "A", subject: "a" } }],
      mappings: { b: [{ destination: "a" }] },
    },
  });
  assert.equal(w.client("B").publish("a", "q", "inbox"), 0);
});

test("the requester is told in a header that it cannot forge", () => {
  const w = new TestWorld(
    between(
      [{ service: "svc" }, { service: "shared" }],
      [{ service: { account: "A", subject: "svc" } }, { service: { account: "A", subject: "shared" }, share: true }],
    ),
    {},
    {
      requestInfo: (_, importer, detailed) =>
        detailed ? { acc: importer.name, user: "grün", rtt: 5 } : { acc: importer.name, rtt: 5 },
    },
  );
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe(">");
  b.publish("svc", "q", "inbox", 'NATS/1.0\r\nA: b\r\nNats-Request-Info: {"acc":"X"}\r\n\r\n');
  b.publish("shared", "q");
  assert.deepEqual(a.headers, [
    'NATS/1.0\r\nA: b\r\nNats-Request-Info: {"acc":"B","rtt":5}\r\n\r\n',
    'NATS/1.0\r\nNats-Request-Info: {"acc":"B","user":"grün","rtt":5}\r\n\r\n',
  ]);
  assert.match(a.take()[0], /^svc 1 _R_\S+ q$/);
});

test("the system account learns which server a request came in at, and so does who is shared with in a chain", () => {
  const w = new TestWorld(
    {
      A: { exports: [{ service: "deep" }] },
      B: { imports: [{ service: { account: "A", subject: "deep" }, share: true }], exports: [{ service: "deep" }] },
      C: { imports: [{ service: { account: "B", subject: "deep" } }] },
      D: { exports: [{ service: "asked" }] },
      E: { imports: [{ service: { account: "D", subject: "asked" } }] },
      F: { imports: [{ service: { account: "D", subject: "asked" }, share: true }] },
    },
    {},
    {
      requestInfo: (_, importer, detailed) => ({ acc: importer.name, rtt: 1, detailed }),
      serverInfo: () => ({ server: "north", cluster: "C1" }),
      isSystem: (account) => account.name === "D",
    },
  );
  const [a, d] = [w.client("A"), w.client("D")];
  a.subscribe("deep");
  d.subscribe("asked");
  w.client("C").publish("deep", "q");
  w.client("E").publish("asked", "q");
  w.client("F").publish("asked", "q");
  const server = '"server":"north","cluster":"C1"';
  assert.deepEqual(a.headers, [
    `NATS/1.0\r\nNats-Request-Info: {"acc":"C","svc":"B","rtt":1,"detailed":false,${server}}\r\n\r\n`,
  ]);
  assert.deepEqual(d.headers, [
    `NATS/1.0\r\nNats-Request-Info: {"acc":"E","rtt":1,"detailed":false,${server}}\r\n\r\n`,
    'NATS/1.0\r\nNats-Request-Info: {"acc":"F","rtt":1,"detailed":true}\r\n\r\n',
  ]);
});

test("along a chain the first requester is told, with the account in between", () => {
  const w = new TestWorld(
    {
      A: { exports: [{ service: "deep" }] },
      B: { imports: [{ service: { account: "A", subject: "deep" }, share: true }], exports: [{ service: "deep" }] },
      C: { imports: [{ service: { account: "B", subject: "deep" } }] },
    },
    {},
    { requestInfo: (_, importer, detailed) => ({ acc: importer.name, rtt: 1, detailed }) },
  );
  const [a, c] = [w.client("A"), w.client("C")];
  a.subscribe("deep");
  c.publish("deep", "q");
  assert.deepEqual(a.headers, [
    'NATS/1.0\r\nNats-Request-Info: {"acc":"C","svc":"B","rtt":1,"detailed":false}\r\n\r\n',
  ]);
});
