import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions } from "../options/options.js";
import { NO_LIMITS } from "./account.js";
import type { AccountsWorld } from "./accounts.js";
import { planAccounts } from "./plan.js";
import { between, type FakeClient, TestWorld } from "./test-world.js";

interface Sent {
  readonly account: string;
  readonly subject: string;
  readonly measurement: Record<string, unknown>;
}

/** A measured service of A, used by B; clients have a round trip of 2 ms in B and 3 ms in A. */
function world(latency: object = {}, service: object = {}, imported: object = {}, more: Partial<AccountsWorld> = {}) {
  const sent: Sent[] = [];
  const exports = [{ service: "svc.*", latency: { subject: "lat", ...latency }, thresholdMs: 300, ...service }];
  const imports = [{ service: { account: "A", subject: "svc.*" }, ...imported }];
  const w = new TestWorld(
    between(exports, imports),
    {},
    {
      serverHash: "HASH",
      clientFacts: (source, detailed) => {
        const { name } = (source as FakeClient).account;
        return { rttMs: name === "A" ? 3 : 2, info: { name, detailed } };
      },
      sendMeasurement: (account, subject, measurement) =>
        void sent.push({ account: account.name, subject, measurement: measurement as Record<string, unknown> }),
      ...more,
    },
  );
  const [a, b] = [w.client("A"), w.client("B")];
  a.subscribe("svc.*");
  const inbox = b.subscribe("inbox");
  const statuses = (): unknown[] => sent.splice(0).map(({ measurement }) => measurement["status"]);
  return { w, a, b, inbox, sent, statuses };
}

test("an answer is measured: both round trips, the service alone, all together", () => {
  const { w, a, b, sent } = world();
  w.nowMs = 1_000;
  b.publish("svc.one", "q", "inbox");
  const reply = a.takeReply();
  assert.match(reply, /^_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6}\.HASH\.T$/);
  w.nowMs += 10;
  a.publish(reply, "ok");
  assert.deepEqual(b.take(), ["inbox 1 ok"]);
  assert.deepEqual(sent, [
    {
      account: "A",
      subject: "lat",
      measurement: {
        status: 200,
        requestor: { name: "B", detailed: false },
        responder: { name: "A", detailed: true },
        header: undefined,
        start: "1970-01-01T00:00:00.998Z",
        service: 7_000_000,
        system: 0,
        total: 12_000_000,
      },
    },
  ]);
  a.publish(reply, "again");
  w.pass(1_000);
  assert.equal(sent.length, 1);
});

test("an answer within its round trip took no time", () => {
  const { w, a, b, sent } = world();
  b.publish("svc.one", "q", "inbox");
  w.nowMs += 1;
  a.publish(a.takeReply(), "ok");
  assert.equal(sent[0].measurement["service"], 0);
  assert.equal(sent[0].measurement["total"], 3_000_000);
});

test("an importer that shares shows all of its requesters", () => {
  const { b, sent } = world({}, {}, { share: true });
  b.publish("svc.one", "q");
  assert.deepEqual(sent[0].measurement["requestor"], { name: "B", detailed: true });
});

test("a request without a reply subject is a bad one", () => {
  const { w, b, sent } = world();
  w.nowMs = 5_000;
  b.publish("svc.one", "q");
  const durations = { service: 0, system: 0, total: 0 };
  assert.deepEqual(sent[0].measurement, {
    status: 400,
    description: "Bad Request",
    requestor: { name: "B", detailed: false },
    responder: undefined,
    header: undefined,
    start: "1970-01-01T00:00:04.998Z",
    ...durations,
  });
});

test("what nobody takes is unavailable", () => {
  const { w, b, statuses, sent } = world({}, { service: "other.*" }, { service: { account: "A", subject: "other.*" } });
  assert.equal(b.publish("other.one", "q", "inbox"), 0);
  assert.equal(sent[0].measurement["description"], "Service Unavailable");
  assert.deepEqual(statuses(), [503]);
  assert.equal(w.account("A").replies?.size, 0);
});

test("what nobody answers in time is a timeout of the service", () => {
  const { w, a, b, statuses, sent } = world();
  b.publish("svc.one", "q", "inbox");
  w.pass(302);
  assert.equal(sent[0].measurement["description"], "Service Timeout");
  assert.deepEqual(statuses(), [504]);
  a.publish(a.takeReply(), "late");
  assert.deepEqual(statuses(), []);
});

test("an answer after the threshold is a timeout even before the timer", () => {
  const { w, a, b, statuses } = world();
  b.publish("svc.one", "q", "inbox");
  w.nowMs += 301;
  a.publish(a.takeReply(), "late");
  assert.deepEqual(statuses(), [504]);
});

test("a requester that no longer listens has timed out", () => {
  const { a, b, inbox, statuses, sent, w } = world();
  b.publish("svc.one", "q", "inbox");
  const second = b.subscribe("inbox");
  b.account.unsubscribe(inbox);
  assert.deepEqual(statuses(), []);
  b.account.unsubscribe(second);
  assert.equal(w.account("A").replies?.size, 0);
  assert.equal(sent[0].measurement["description"], "Request Timeout");
  assert.deepEqual(statuses(), [408]);
  a.publish(a.takeReply(), "late");
  assert.deepEqual(statuses(), []);
});

test("a requester that stops listening after the answer is nobody's business", () => {
  const { a, b, inbox, statuses } = world();
  b.publish("svc.one", "q", "inbox");
  a.publish(a.takeReply(), "ok");
  b.account.unsubscribe(inbox);
  assert.deepEqual(statuses(), [200]);
});

test("sampling takes its share", () => {
  const draws = [0, 49, 50, 99];
  const random = {
    float: () => 0,
    below: (limit: number) => (limit === 100 ? (draws.shift() ?? 0) : 0),
    bytes: (count: number) => new Uint8Array(count),
  };
  const { b, statuses } = world({ sampling: 50 }, {}, {}, { random });
  for (let i = 0; i < 4; i++) b.publish("svc.one", "q");
  assert.deepEqual(statuses(), [400, 400]);
});

test("sampling by headers follows the kinds of traces, and shows their headers", () => {
  const { b, sent } = world({ sampling: 0 });
  const measured = (...lines: string[]): unknown => {
    b.publish("svc.one", "q", "", `NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
    const [one] = sent.splice(0);
    return one && Object.fromEntries(one.measurement["header"] as Map<string, string[]>);
  };
  b.publish("svc.one", "q");
  assert.equal(sent.length, 0);
  assert.equal(measured("A: b"), undefined);

  const uber = "Uber-Trace-Id: 479fefe9525eddb:5adb976bfc1f95c1:479fefe9525eddb:1";
  assert.deepEqual(measured(uber, "uberctx-user: x", "Other: y"), {
    "Uber-Trace-Id": [uber.slice(15)],
    "Uberctx-User": ["x"],
  });
  assert.deepEqual(measured("uber-trace-id: 1:2:3:f"), { "Uber-Trace-Id": ["1:2:3:f"] });
  for (const id of ["1:2:3:0", "1:2:3:013", "1:2:3", "1:2:3:g"])
    assert.equal(measured(`uber-trace-id: ${id}`), undefined);

  assert.deepEqual(measured("X-B3-Sampled: 1", "X-B3-TraceId: t", "x-b3-spanid: s", "Other: y"), {
    "X-B3-Sampled": ["1"],
    "X-B3-Spanid": ["s"],
    "X-B3-Traceid": ["t"],
  });
  assert.deepEqual(measured("X-B3-TraceId: t"), { "X-B3-Traceid": ["t"] });
  assert.equal(measured("X-B3-Sampled: 0", "X-B3-TraceId: t"), undefined);
  assert.equal(measured("X-B3-Sampled: x"), undefined);

  assert.deepEqual(measured("b3: t-s-1-p"), { B3: ["t-s-1-p"] });
  assert.deepEqual(measured("b3: t-s-d"), { B3: ["t-s-d"] });
  for (const b3 of ["0", "t-s-0-p"]) assert.equal(measured(`b3: ${b3}`), undefined);

  assert.deepEqual(measured("traceparent: 00-a-b-01", "tracestate: c=d", "Tracestate: e=f"), {
    Traceparent: ["00-a-b-01"],
    Tracestate: ["c=d", "e=f"],
  });
  assert.equal(measured("traceparent: 00-a-b-00"), undefined);
});

test("without latency, or without somebody to send it, nothing is measured", () => {
  const plain = world({}, { latency: undefined });
  plain.b.publish("svc.one", "q", "inbox");
  assert.match(plain.a.takeReply(), /^_R_\.\w+\.\w+$/);
  const silent = world({}, {}, {}, { sendMeasurement: undefined });
  silent.b.publish("svc.one", "q", "inbox");
  assert.match(silent.a.takeReply(), /^_R_\.\w+\.\w+$/);
});

test("a chain of imports is measured at each step", () => {
  const sent: string[] = [];
  const latency = { subject: "lat" };
  const w = new TestWorld(
    {
      A: { exports: [{ service: "deep", latency }] },
      B: {
        imports: [{ service: { account: "A", subject: "deep" } }],
        exports: [{ service: "deep", latency }],
      },
      C: { imports: [{ service: { account: "B", subject: "deep" } }] },
    },
    {},
    {
      sendMeasurement: (account, _, measurement) =>
        sent.push(`${account.name} ${JSON.stringify(measurement).slice(1, 13)}`),
    },
  );
  const [a, c] = [w.client("A"), w.client("C")];
  a.subscribe("deep");
  c.subscribe("inbox");
  c.publish("deep", "q", "inbox");
  a.publish(a.takeReply(), "ok");
  assert.deepEqual(c.take(), ["inbox 1 ok"]);
  assert.deepEqual(sent, ['A "status":200', 'B "status":200']);
});

test("what cannot be measured is refused", () => {
  const refusal = (service: object, more: object = {}): string => {
    const accounts = { A: { exports: [{ service: "svc.*", ...service }, { service: "other" }] } };
    try {
      planAccounts(resolveOptions({ accounts, ...more }));
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  const what = 'Error adding service latency sampling for "svc.*"';
  assert.equal(refusal({ latency: { subject: "lat" } }), "");
  for (const subject of ["svc.one", "other", "l.*", "l.", "a b"]) {
    const expected = new RegExp(`${what.replace("*", "\\*")} on subject ".*": invalid publish subject$`);
    assert.match(refusal({ latency: { subject } }), expected, subject);
  }
  assert.match(refusal({ latency: { subject: "l", sampling: 101 } }), /: bad sampling percentage, should be 1-100$/);
  assert.match(refusal({ latency: { subject: "l" }, responseType: "Stream" }), /: bad service response type$/);
  assert.match(refusal({ latency: { subject: "l" } }, { noSystemAccount: true }), /: system account not setup$/);
});

test("an account that is defined later is measured and traced; what cannot be measured is offered all the same", () => {
  const w = new TestWorld({}, {}, { sendMeasurement: () => {} });
  const offered = (subject: string, latency: string) => ({
    ...{ stream: undefined, service: subject, accounts: undefined, accountTokenPosition: 0 },
    ...{ responseType: "Singleton" as const, thresholdMs: 1000, allowTrace: false, tokenRequired: false },
    latency: { subject: latency, sampling: 100 },
  });
  const refused = w.accounts.define("D", {
    limits: NO_LIMITS,
    mappings: {},
    exports: [offered("one", "lat"), offered("two", "one")],
    imports: [],
    msgTrace: { destination: "t", sampling: 10 },
  });
  const { serviceExports, msgTrace } = w.account("D");
  assert.deepEqual(
    serviceExports.map(({ subject, latency }) => [subject, latency?.subject]),
    [
      ["one", "lat"],
      ["two", undefined],
    ],
  );
  assert.deepEqual(
    refused.map(({ message }) => message),
    ["Error adding service latency sampling: invalid publish subject"],
  );
  assert.deepEqual(msgTrace, { destination: "t", sampling: 10 });
});
