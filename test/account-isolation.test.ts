// What accounts must not learn of each other: each way in which one might see another's messages, interest or statistics has
// a test here that tries it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { asks, hpub, type Json, NEWS, pub, says, startTenants, tenants, tenantUsers } from "./support/tenants.js";

// ---------------------------------------------------------------- messages

test("messages: no wildcard, queue group or system subject reaches into another account", async (t) => {
  const { login } = await startTenants(t);
  const [red, blue] = [await login("red"), await login("blue")];
  const subjects = [">", "*", "*.*", "orders.>", "$SYS.>", "$SYS.ACCOUNT.RED.>", "_INBOX.>", "_R_.>", "$G.>", "RED.>"];
  await says(blue, subjects.map((subject, at) => `SUB ${subject} ${at}\r\nSUB ${subject} group q${at}\r\n`).join(""));
  assert.deepEqual(await says(red, "SUB orders.new group 1\r\n"), []);
  const answers = await says(red, pub("orders.new", "a", "_INBOX.1") + pub("x", "b") + pub("BLUE.x", "c"));
  assert.deepEqual(answers, ["MSG orders.new 1 _INBOX.1 1 a"], "a group has no members in other accounts");
  assert.deepEqual(await says(blue), []);
});

test("messages: an answer to a request of one tenant is seen by no other importer of the service", async (t) => {
  const { login } = await startTenants(t);
  const [depot, red, blue] = [await login("depot"), await login("red"), await login("blue")];
  await says(blue, "SUB > 1\r\nSUB depot.ask 2\r\nSUB _R_.> 3\r\nSUB in.red 4\r\n");
  await says(depot, "SUB depot.ask 1\r\n");
  await says(red, `SUB in.red 1\r\n${pub("depot.ask", "question", "in.red")}`);
  const [request] = await says(depot);
  const reply = /^MSG depot\.ask 1 (_R_\.\S+) |^HMSG depot\.ask 1 (_R_\.\S+) /.exec(request ?? "");
  await says(depot, pub(reply?.[1] ?? reply?.[2] ?? "", "answer"));
  assert.deepEqual(await says(red), ["MSG in.red 1 6 answer"]);
  assert.deepEqual(await says(blue), []);
});

test("messages: the reply subject of another tenant's request cannot be answered or asked for", async (t) => {
  const { login } = await startTenants(t);
  const [depot, red, blue] = [await login("depot"), await login("red"), await login("blue")];
  await says(depot, "SUB depot.ask 1\r\n");
  await says(red, `SUB in.red 1\r\n${pub("depot.ask", "question", "in.red")}`);
  const [request = ""] = await says(depot);
  const reply = /_R_\.\S+/.exec(request)?.[0] ?? "";
  assert.match(reply, /^_R_\.[^.]+\.[^.]+$/);
  await says(blue, pub(reply, "forged"));
  assert.deepEqual(await says(blue, pub("depot.ask", "x", reply)), [
    `-ERR 'Permissions Violation for Publish with Reply of "${reply}"'`,
  ]);
  assert.deepEqual(await says(red), []);
  assert.deepEqual(await says(depot), []);
});

test("messages: only what is exported of a stream crosses, under no other account's subjects", async (t) => {
  const { login } = await startTenants(t);
  const [depot, red] = [await login("depot"), await login("red")];
  await says(red, "SUB > 1\r\nSUB depot.* 2\r\nSUB depot.> group 3\r\n");
  await says(depot, pub("depot.secret", "a") + pub("depot.news", "b") + pub("depot.news.x", "c") + pub("news.x", "d"));
  const seen = await says(red);
  assert.deepEqual(seen.sort(), ["MSG depot.news.x 1 1 c", "MSG depot.news.x 3 1 c"]);
});

test("messages: a stream goes one way, and two importers are not joined by it", async (t) => {
  const { login } = await startTenants(t);
  const [depot, red, blue] = [await login("depot"), await login("red"), await login("blue")];
  await says(depot, "SUB > 1\r\n");
  await says(blue, "SUB > 1\r\n");
  await says(red, pub("depot.news.x", "from red"));
  assert.deepEqual(await says(depot), []);
  assert.deepEqual(await says(blue), []);
});

test("messages: a subscriber leaves nothing behind when its connection changes the account", async (t) => {
  const { login } = await startTenants(t);
  const [moved, red] = [await login("red"), await login("red")];
  await says(moved, "SUB > 1\r\n");
  const connect = JSON.stringify({ verbose: false, pedantic: false, user: "blue", pass: "p" });
  await says(moved, `CONNECT ${connect}\r\n`);
  await says(red, pub("orders.new", "secret"));
  assert.deepEqual(await says(moved), []);
  await says(moved, pub("orders.new", "other"));
  assert.deepEqual(await says(red), []);
});

test("messages: an import that a reload takes away carries nothing more, a user that is moved is closed", async (t) => {
  const { login, reload } = await startTenants(t);
  const [depot, red, blue] = [await login("depot"), await login("red"), await login("blue")];
  for (const client of [red, blue]) await says(client, "SUB > 1\r\n");
  await says(depot, "SUB depot.ask 1\r\n");
  await reload(tenants({ RED: { users: tenantUsers("red"), imports: [] }, BLUE: { users: [] } }));
  await blue.closed();
  await says(depot, pub("depot.news.x", "secret"));
  assert.deepEqual(await says(red, pub("depot.ask", "x", "in.red")), ["MSG depot.ask 1 in.red 1 x"]);
  assert.deepEqual(await says(depot), []);
});

test("messages: mappings stay in their account, whatever they lead to", async (t) => {
  const mappings = {
    "to.depot": [{ destination: "depot.ask.secret", weight: 100 }],
    "to.system": [{ destination: "$SYS.REQ.SERVER.PING", weight: 100 }],
    "to.answer": [{ destination: "_R_.guess.guess", weight: 100 }],
    "to.blue": [{ destination: "BLUE.orders", weight: 100 }],
  };
  const { login } = await startTenants(t, tenants({ RED: { users: tenantUsers("red"), mappings } }));
  const [depot, blue, sys, red] = [await login("depot"), await login("blue"), await login("sys"), await login("red")];
  for (const client of [depot, blue]) await says(client, "SUB > 1\r\n");
  await says(sys, "SUB to.> 1\r\nSUB in.> 2\r\nSUB _R_.> 3\r\n");
  const sources = Object.keys(mappings);
  await says(red, `SUB in.* 1\r\n${sources.map((subject) => pub(subject, "x", "in.1")).join("")}`);
  for (const client of [depot, blue, sys]) assert.deepEqual(await says(client), []);
});

test("messages: clients of no account of their own are apart from the tenants", async (t) => {
  const { login } = await startTenants(t, {
    ...tenants(),
    authorization: { users: [{ user: "guest", password: "p" }] },
  });
  const [guest, red] = [await login("guest"), await login("red")];
  for (const client of [guest, red]) await says(client, "SUB > 1\r\n");
  assert.deepEqual(await says(guest, pub("orders.new", "a")), ["MSG orders.new 1 1 a"]);
  assert.deepEqual(await says(red, pub("orders.old", "b")), ["MSG orders.old 1 1 b"]);
  assert.deepEqual(await says(guest), []);
});

// ---------------------------------------------------------------- interest

test("interest: whether somebody listens in another account cannot be asked for with a request", async (t) => {
  const { login } = await startTenants(t);
  const [red, blue] = [await login("red"), await login("blue")];
  await says(red, "SUB orders.new 1\r\nSUB _INBOX.red.1 2\r\n");
  for (const subject of ["orders.new", "_INBOX.red.1", "nobody.there"]) {
    assert.equal(await asks(blue, subject), "none", subject);
  }
  assert.deepEqual(await says(red), []);
});

test("interest: who answers a service is not told, nor whether other tenants use it", async (t) => {
  const { login } = await startTenants(t);
  const [depot, red, blue] = [await login("depot"), await login("red"), await login("blue")];
  assert.equal(await asks(blue, "depot.ask"), "none");
  await says(red, "SUB depot.ask 1\r\n");
  assert.equal(await asks(blue, "depot.ask"), "none", "a subscription of another importer is no service");
  await says(depot, "SUB depot.secret 1\r\n");
  assert.equal(await asks(blue, "depot.secret"), "none");
});

test("interest: the record of a traced message shows nothing of an account that does not allow it", async (t) => {
  const { login } = await startTenants(t);
  const depot = await login("depot", { name: "depot-client" });
  const [red, blue] = [await login("red"), await login("blue", { name: "blue-client" })];
  await says(depot, "SUB depot.ask 1\r\nSUB depot.news.x 2\r\n");
  await says(blue, "SUB > 1\r\nSUB depot.news.x 2\r\n");
  await says(red, "SUB trace.here 1\r\n");
  const headers = ["Nats-Trace-Dest: trace.here"];
  const records = await says(red, hpub("depot.ask", headers, "x", "in.red") + hpub("depot.news.x", headers, "x"));
  assert.equal(records.length, 2);
  for (const record of records) assert.doesNotMatch(record, /depot-client|blue-client|"acc":"BLUE"|"type":"eg"/);
  assert.deepEqual(await says(blue), []);
  const news = await says(depot, `SUB trace.here 9\r\n${hpub("depot.news.x", headers, "x")}`);
  for (const client of [red, blue]) news.push(...(await says(client)));
  const told = news.filter((line) => line.includes('"events"'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /depot-client/);
  assert.doesNotMatch(told[0] ?? "", /blue-client|"sub":"\\u003e"/, "that BLUE imports it is all");
});

test("interest: a trace cannot be sent into another account", async (t) => {
  const { login } = await startTenants(
    t,
    tenants({ DEPOT: { exports: [{ service: "depot.ask", allowTrace: true }, NEWS] } }),
  );
  const [depot, blue, red] = [await login("depot"), await login("blue"), await login("red")];
  for (const client of [depot, blue]) await says(client, "SUB trace.> 1\r\nSUB $SYS.> 2\r\n");
  await says(depot, "SUB depot.ask 3\r\n");
  await says(red, "SUB trace.here 1\r\n");
  const [record = ""] = await says(red, hpub("depot.ask", ["Nats-Trace-Dest: trace.here", "Nats-Trace-Only: true"]));
  assert.match(record, /^MSG trace\.here 1 .*"acc":"DEPOT"/);
  await says(red, hpub("depot.ask", ["Nats-Trace-Dest: $SYS.REQ.SERVER.PING"], "x"));
  assert.deepEqual(
    (await says(depot)).filter((line) => line.includes("trace.") || line.includes("$SYS.")),
    [],
  );
  assert.deepEqual(await says(blue), []);
});

// ---------------------------------------------------------------- statistics

/** What a tenant may ask the server for; each is about the tenant alone. */
const OWN = ["$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.STATZ"];
/** What the system account alone may ask for. */
const SYSTEM_ONLY = [
  ...["PING", "PING.VARZ", "PING.STATZ", "PING.SUBSZ", "PING.ACCOUNTZ", "PING.IDZ", "PING.KICK"].map(
    (kind) => `$SYS.REQ.SERVER.${kind}`,
  ),
  ...["CONNZ", "SUBSZ", "INFO", "STATZ", "CONNS", "JSZ", "LEAFZ"].map((kind) => `$SYS.REQ.ACCOUNT.RED.${kind}`),
  ...["$SYS.REQ.ACCOUNT.PING.SUBSZ", "$SYS.REQ.ACCOUNT.NSUBS", "$SYS.DEBUG.SUBSCRIBERS", "$SYS.REQ.ACCOUNT.>"],
  ...["$SYS.REQ.CLAIMS.LIST", "$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.ACCOUNT.RED.CLAIMS.LOOKUP"],
];

test("statistics: a tenant asks about itself, whatever accounts it names", async (t) => {
  const { login } = await startTenants(t);
  const [red, blue] = [await login("red", { name: "red-client" }), await login("blue", { name: "blue-client" })];
  await says(red, `SUB orders.red 1\r\n${pub("orders.red", "12345")}`);
  const body = {
    ...{ acc: "RED", account: "RED", accounts: ["RED", "DEPOT", "SYS"], user: "red", include_unused: true, cid: 1 },
    ...{ auth: true, subscriptions: true, subscriptions_detail: true, filter_subject: "orders.>", state: 2 },
  };
  for (const subject of OWN) {
    for (const asked of ["", body]) {
      const answer: Json = await asks(blue, subject, asked);
      assert.doesNotMatch(JSON.stringify({ ...answer, server: "" }), /red|RED|DEPOT|"SYS"/, subject);
    }
  }
  const { data } = await asks(blue, "$SYS.REQ.ACCOUNT.PING.STATZ");
  assert.deepEqual(
    data.account_statz.map(({ acc, conns }: Json) => [acc, conns]),
    [["BLUE", 1]],
  );
});

test("statistics: what the system account may ask for reaches nobody from a tenant's account", async (t) => {
  const { login, server } = await startTenants(t);
  const [, blue] = [await login("red"), await login("blue")];
  for (const subject of [...SYSTEM_ONLY, `$SYS.REQ.SERVER.${server.id}.VARZ`, `$SYS.REQ.SERVER.${server.id}.RELOAD`]) {
    assert.equal(await asks(blue, subject), "none", subject);
  }
});

test("statistics: an account's events and the server's go to the system account alone", async (t) => {
  const { login } = await startTenants(t);
  const [blue, sys] = [await login("blue"), await login("sys")];
  await says(blue, "SUB > 1\r\nSUB $SYS.> 2\r\nSUB $SYS.ACCOUNT.*.> 3\r\n");
  await says(sys, "SUB $SYS.ACCOUNT.RED.> 1\r\n");
  const red = await login("red");
  const { line } = await sys.next();
  assert.match(line, /^MSG \$SYS\.ACCOUNT\.RED\./);
  red.close();
  assert.match((await sys.next()).line, /^MSG \$SYS\.ACCOUNT\.RED\.|^MSG \$SYS\.SERVER\.RED\./);
  assert.deepEqual(await says(blue), []);
});

test("statistics: an event cannot be forged, since no tenant reaches the system account", async (t) => {
  const { login } = await startTenants(t);
  const [red, sys] = [await login("red"), await login("sys")];
  await says(sys, "SUB $SYS.ACCOUNT.BLUE.> 1\r\nSUB $SYS.REQ.USER.AUTH 2\r\nSUB $SYS.SERVER.> 3\r\n");
  await says(red, pub("$SYS.ACCOUNT.BLUE.CONNECT", "{}") + pub("$SYS.REQ.USER.AUTH", "x") + pub("$SYS.SERVER.x", "{}"));
  assert.deepEqual(await says(sys), []);
});

test("statistics: a service learns the account that asks, more only where the importer shares it", async (t) => {
  const share = [{ service: { account: "DEPOT", subject: "depot.ask" }, share: true }];
  const { login } = await startTenants(t, tenants({ BLUE: { imports: share } }));
  const [depot, red, blue] = [
    await login("depot"),
    await login("red", { name: "n" }),
    await login("blue", { name: "n" }),
  ];
  await says(depot, "SUB depot.ask 1\r\n");
  const forged = ['Nats-Request-Info: {"acc":"BLUE","user":"forged"}', 'Nats-Request-Info: {"acc":"SYS"}'];
  const infos = async (): Promise<Json> => {
    const { headers } = await depot.next();
    assert.doesNotMatch(headers, /forged|SYS/);
    return JSON.parse(/Nats-Request-Info: ?(\{.*?\})\r\n/.exec(headers)?.[1] ?? "null");
  };
  await says(red, hpub("depot.ask", forged, "x", "in.1"));
  assert.deepEqual(Object.keys(await infos()).sort(), ["acc", "rtt"]);
  await says(blue, hpub("depot.ask", forged, "x", "in.1"));
  const shared = await infos();
  assert.deepEqual([shared.acc, shared.user, shared.name], ["BLUE", "blue", "n"]);
});

test("statistics: a service's latency is told to its own account, without who asked unless that is shared", async (t) => {
  const exports = [{ service: "depot.ask", latency: { sampling: 100, subject: "depot.latency" } }, NEWS];
  const { login } = await startTenants(t, tenants({ DEPOT: { exports } }));
  const [depot, red, blue] = [await login("depot"), await login("red", { name: "red-client" }), await login("blue")];
  for (const client of [red, blue]) await says(client, "SUB > 1\r\nSUB depot.latency 2\r\n");
  await says(depot, "SUB depot.ask 1\r\nSUB depot.latency 2\r\n");
  await says(red, pub("depot.ask", "x", "in.red"));
  const { line } = await depot.next();
  depot.send(pub(/_R_\.\S+/.exec(line)?.[0] ?? "", "answer"));
  const metric = await depot.next();
  assert.match(metric.line, /^MSG depot\.latency 2 /);
  assert.doesNotMatch(metric.payload, /red-client|"user":"red"/);
  assert.deepEqual(
    (await says(red)).filter((seen) => seen.includes("latency")),
    [],
  );
  assert.deepEqual(await says(blue), []);
});

test("statistics: an account token in a service's subject is always the one that asks", async (t) => {
  const exports = [{ service: "usage.*.get", accountTokenPosition: 2 }];
  const imports = (own: string): Json => [{ service: { account: "DEPOT", subject: `usage.${own}.get` } }];
  const { login } = await startTenants(
    t,
    tenants({ DEPOT: { exports }, RED: { imports: imports("RED") }, BLUE: { imports: imports("BLUE") } }),
  );
  const [depot, red] = [await login("depot"), await login("red")];
  await says(depot, "SUB usage.> 1\r\n");
  assert.equal(await asks(red, "usage.BLUE.get"), "none");
  await says(red, pub("usage.RED.get", "x"));
  const seen = await says(depot);
  assert.equal(seen.length, 1);
  assert.match(seen[0] ?? "", /^H?MSG usage\.RED\.get /);
  await assert.rejects(startTenants(t, tenants({ DEPOT: { exports }, RED: { imports: imports("BLUE") } })), /usage/);
});
