import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "./message.js";
import { MessageTrace, type TraceParty } from "./message-trace.js";
import { Subscription } from "./subscription.js";
import { type FakeClient, TestWorld } from "./test-world.js";

const HEADERS = "NATS/1.0\r\nNats-Trace-Dest: t\r\n\r\n";

function world() {
  return new TestWorld({
    A: {
      exports: [{ service: "open", allowTrace: true }, { service: "shut" }, { stream: "ev.>" }, { stream: "tev.>" }],
      mappings: { mapped: [{ destination: "open" }] },
    },
    B: {
      imports: [
        { service: { account: "A", subject: "open" }, to: "b.open" },
        { service: { account: "A", subject: "shut" } },
        { stream: { account: "A", subject: "ev.>" }, prefix: "pre" },
        { stream: { account: "A", subject: "tev.>" }, allowTrace: true },
      ],
      exports: [{ service: "b.open", allowTrace: true }],
    },
    C: { imports: [{ service: { account: "B", subject: "b.open" }, to: "c.open" }] },
  });
}

const party = ({ account }: FakeClient, id = 1, name = ""): TraceParty => ({ kind: 0, id, name, account });

/** Publishes a traced message; returns its events without their times, and the number of deliveries. */
function publish(from: FakeClient, subject: string, only = false, reply = "") {
  let second = 0;
  const { account } = from;
  const arrival = {
    from: party(from),
    account,
    subject,
    destination: "t",
    hop: "",
    only,
    headers: new Map(),
    sizeBytes: 0,
  };
  const trace = new MessageTrace(arrival, () => String(++second));
  const delivered = from.publish(subject, "", reply, HEADERS, trace);
  const shown = trace.events.slice(1).map(({ type, ts, ...rest }) => `${type} ${JSON.stringify(rest)}`);
  assert.deepEqual(
    trace.events.map(({ ts }) => ts),
    trace.events.map((_, at) => String(at + 1)),
  );
  assert.equal(trace.destination, "t");
  return { delivered, shown };
}

const destination = (headers: string): string => /Nats-Trace-Dest: (.*)\r\n/.exec(headers)?.[1] ?? "";

test("the events of a message say where it came in, what became of its subject, and whom it reached", () => {
  const client = world().client("A");
  const from = party(client, 7, "me");
  const arrival = { account: client.account, destination: "t", only: false, hop: "", headers: new Map(), sizeBytes: 0 };
  const trace = new MessageTrace({ ...arrival, from, subject: "caf\xc3\xa9" }, () => "now");
  trace.refused("too bad");
  trace.mapped("\xc3\xa9");
  trace.delivered({ kind: 4, id: 9, name: "", account: undefined }, new Subscription("a.*", "q", "1", client), "why");
  trace.delivered({ ...from, account: world().account("B") }, new Subscription("a", undefined, "1", client));
  assert.deepEqual(JSON.parse(JSON.stringify(trace.events)), [
    { type: "in", ts: "now", kind: 0, cid: 7, name: "me", acc: "A", subj: "café", error: "too bad" },
    { type: "sm", ts: "now", to: "é" },
    { type: "eg", ts: "now", kind: 4, cid: 9, sub: "a.*", queue: "q", error: "why" },
    { type: "eg", ts: "now", kind: 0, cid: 7, name: "me", acc: "B", sub: "a" },
  ]);
});

test("a service import that allows it is followed; other servers are told where to answer", () => {
  const w = world();
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("open");
  let passed: Message["trace"];
  a.answer = ({ trace }) => {
    passed = trace;
    assert.match(trace?.destination ?? "", /^_R_\./);
  };
  const { delivered, shown } = publish(b, "b.open");
  assert.equal(delivered, 1);
  assert.deepEqual(shown, ['si {"acc":"A","from":"b.open","to":"open"}']);
  assert.ok(passed !== undefined);
  assert.match(destination(a.headers[0]), /^_R_\.\w{6}\.\w{6}$/);
  assert.equal(w.account("A").replies?.size, 0);
});

test("a service import that does not allow it ends the trace, and the message goes on", () => {
  const w = world();
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("shut");
  a.answer = ({ trace }) => assert.equal(trace, undefined);
  const { delivered, shown } = publish(b, "shut");
  assert.equal(delivered, 1);
  assert.deepEqual(shown, ['si {"acc":"A","from":"shut","to":"shut"}']);
  assert.equal(destination(a.headers[0]), "trace disabled");
});

test("a message that is only traced stops where its trace does, and leaves no answer due", () => {
  const w = world();
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("shut");
  a.subscribe("open");
  assert.equal(publish(b, "shut", true, "inbox").delivered, 0);
  assert.deepEqual(a.take(), []);
  publish(b, "b.open", true, "inbox");
  assert.equal(w.account("A").replies?.size, 0);
});

test("a chain of service imports is followed", () => {
  const w = world();
  const [a, c] = [w.client("A"), w.client("C")];
  a.subscribe("open");
  assert.deepEqual(publish(c, "c.open").shown, [
    'si {"acc":"B","from":"c.open","to":"b.open"}',
    'si {"acc":"A","from":"b.open","to":"open"}',
  ]);
});

test("the trace of an answer ends at the requester's account", () => {
  const w = world();
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("open");
  b.subscribe("inbox");
  b.answer = ({ trace }) => assert.equal(trace, undefined);
  for (const only of [false, true]) {
    b.publish("b.open", "", "inbox");
    const reply = a.take()[0].split(" ")[2];
    const { delivered, shown } = publish(a, reply, only);
    assert.equal(delivered, only ? 0 : 1);
    assert.deepEqual(shown, [`si {"acc":"B","from":"${reply}","to":"inbox"}`]);
    assert.equal(w.account("A").replies?.size, 0);
  }
  assert.equal(destination(b.headers[0]), "trace disabled");
});

test("a stream import is reported, and followed where it allows that", () => {
  const w = world();
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("pre.>");
  b.subscribe("tev.>");
  const traced: boolean[] = [];
  b.answer = ({ trace }) => void traced.push(trace !== undefined);
  assert.deepEqual(publish(a, "ev.x").shown, ['se {"acc":"B","to":"pre.ev.x"}']);
  assert.deepEqual(publish(a, "tev.x").shown, ['se {"acc":"B","to":"tev.x"}']);
  assert.deepEqual(traced, [false, true]);
  assert.deepEqual(b.take(), ["pre.ev.x 1 ", "tev.x 2 "]);
  assert.equal(destination(b.headers[0]), "t");

  assert.equal(publish(a, "ev.x", true).delivered, 1);
  assert.deepEqual(b.take(), []);
});
