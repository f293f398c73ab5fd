import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionsError } from "../options/errors.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { planAccounts } from "./plan.js";
import { between, TestWorld } from "./test-world.js";

type AccountsOption = NonNullable<ServerOptions["accounts"]>;

function refused(accounts: AccountsOption, message: RegExp, path: string, more: ServerOptions = {}): void {
  const options = resolveOptions({ ...more, accounts });
  assert.throws(
    () => planAccounts(options),
    (error) =>
      error instanceof OptionsError &&
      error.code === "OPTIONS_VALUE" &&
      error.path === path &&
      message.test(error.message),
  );
}

/** Services of the system account that every account imports by itself. */
const SYSTEM_IMPORTS = 4;

test("there are a global and a system account, and the configured ones", () => {
  const names = (w: TestWorld): string[] => [...w.accounts.all()].map((account) => account.name);
  const w = new TestWorld({ A: {}, B: {} });
  assert.deepEqual(names(w), ["$G", "$SYS", "A", "B"]);
  assert.equal(w.accounts.global.name, "$G");
  assert.equal(w.accounts.system?.name, "$SYS");
  assert.equal(new TestWorld({ S: {} }, { systemAccount: "S" }).accounts.system?.name, "S");
  assert.equal(new TestWorld({ $SYS: {}, A: {} }).accounts.size, 3);
  assert.equal(new TestWorld({}, { noSystemAccount: true }).accounts.system, undefined);
});

test("accounts without imports do not see each other, the system account included", () => {
  const w = new TestWorld({ A: {}, B: {} });
  const clients = ["$G", "$SYS", "A", "B"].map((name) => w.client(name));
  for (const client of clients) client.subscribe(">");
  for (const client of clients) {
    client.publish("$SYS.foo", client.account.name);
    client.publish("foo", client.account.name);
  }
  for (const client of clients) {
    const { name } = client.account;
    assert.deepEqual(client.take(), [`$SYS.foo 1 ${name}`, `foo 1 ${name}`]);
  }
});

test("accounts that do not exist are refused", () => {
  refused(
    { B: { imports: [{ stream: { account: "C", subject: "s" } }] } },
    /"C" account not defined for stream import/,
    "accounts.B.imports[0]",
  );
  refused(
    { B: { imports: [{ service: { account: "C", subject: "s" } }] } },
    /"C" account not defined for service import/,
    "accounts.B.imports[0]",
  );
  refused(
    { A: { exports: [{ stream: "s", accounts: ["X"] }] } },
    /"X" account not defined for stream export/,
    "accounts.A.exports[0]",
  );
  refused({ A: {} }, /error resolving system account: account missing/, "systemAccount", { systemAccount: "S" });
  refused({}, /global account/, "systemAccount", { systemAccount: "$G" });
  refused({ $G: {} }, /"\$G" is a Reserved Account/, "accounts.$G");
});

test("imports need an export that covers them as a whole", () => {
  const path = "accounts.B.imports[0]";
  const imports = (kind: "stream" | "service", subject: string) => [{ [kind]: { account: "A", subject } }];
  refused(
    between([{ stream: "s.*" }], imports("stream", "s.>")),
    /stream import "s.>": stream import not authorized/,
    path,
  );
  refused(between([{ stream: "s.*" }], imports("stream", ">")), /not authorized/, path);
  refused(between([{ stream: "s.one" }], imports("stream", "s.*")), /not authorized/, path);
  refused(
    between([{ stream: "s" }], imports("service", "s")),
    /service import "s": service import not authorized/,
    path,
  );
  refused(between([{ service: "s" }], imports("stream", "s")), /not authorized/, path);
  refused(between([], imports("stream", "s")), /not authorized/, path);
  refused(between([{ stream: "s.>" }], imports("stream", "s..x")), /not authorized/, path);
});

test("a private export is for the named accounts", () => {
  const imports = [{ stream: { account: "A", subject: "s" } }];
  const exports = [{ stream: "s", accounts: ["B"] }];
  refused({ A: { exports }, B: { imports }, C: { imports } }, /not authorized/, "accounts.C.imports[0]");
  const plan = planAccounts(resolveOptions({ accounts: { A: { exports }, B: { imports } } }));
  assert.equal(plan.accounts.get("B")?.streamImports.length, 1);
});

test("of several exports the most specific one decides", () => {
  const exports = [{ stream: ">" }, { stream: "s.*", accounts: ["C"] }, { stream: "s.open" }];
  const imports = (subject: string) => [{ stream: { account: "A", subject } }];
  refused({ A: { exports }, B: { imports: imports("s.secret") }, C: {} }, /not authorized/, "accounts.B.imports[0]");
  for (const subject of ["s.open", "t"]) {
    planAccounts(resolveOptions({ accounts: { A: { exports }, B: { imports: imports(subject) }, C: {} } }));
  }
});

test("the importer's name must stand in the marked token", () => {
  const exports = [{ stream: "s.*.>", accountTokenPosition: 2 }];
  const imports = (subject: string) => [{ stream: { account: "A", subject } }];
  for (const subject of ["s.C.x", "s.*.>", "s.*.x"]) {
    refused(between(exports, imports(subject)), /not authorized/, "accounts.B.imports[0]");
  }
  planAccounts(resolveOptions({ accounts: between(exports, imports("s.B.>")) }));
  for (const accountTokenPosition of [1, 3, 4]) {
    refused(between([{ stream: "s.*.x", accountTokenPosition }], []), /invalid subject/, "accounts.A.exports[0]");
  }
});

test("imports that form a cycle are refused", () => {
  const both = (kind: "stream" | "service", subject: string): AccountsOption => ({
    A: { exports: [{ [kind]: subject }], imports: [{ [kind]: { account: "B", subject } }] },
    B: { exports: [{ [kind]: subject }], imports: [{ [kind]: { account: "A", subject } }] },
  });
  for (const kind of ["stream", "service"] as const) {
    refused(both(kind, ">"), /import forms a cycle/, "accounts.A.imports[0]");
    refused(both(kind, "x"), /import forms a cycle/, "accounts.A.imports[0]");
  }
  const next = (account: string, subject: string, to: string) => ({ service: { account, subject }, to });
  refused(
    {
      A: { exports: [{ service: "a.*" }], imports: [next("B", "b.>", "a.>")] },
      B: { exports: [{ service: "b.>" }], imports: [next("C", "c", "b.x")] },
      C: { exports: [{ service: "c" }], imports: [next("A", "a.y", "c")] },
    },
    /import forms a cycle/,
    "accounts.A.imports[0]",
  );
  refused({ D: { exports: [{ service: "d" }], imports: [next("D", "d", "d")] } }, /cycle/, "accounts.D.imports[0]");
});

test("a diamond of imports is no cycle", () => {
  const up = (account: string, subject: string) => ({ service: { account, subject } });
  const plan = planAccounts(
    resolveOptions({
      accounts: {
        A: { exports: [{ service: "s" }] },
        B: { exports: [{ service: "s" }], imports: [up("A", "s")] },
        C: { exports: [{ service: "s" }], imports: [up("A", "s")] },
        D: { imports: [up("B", "s"), up("C", "s")] },
      },
    }),
  );
  assert.equal(plan.accounts.get("D")?.serviceImports.length, 2);
});

test("names that cannot be are refused", () => {
  const stream = (more: object) =>
    between([{ stream: "s.*.*" }], [{ stream: { account: "A", subject: "s.*.*" }, ...more }]);
  const path = "accounts.B.imports[0]";
  refused(stream({ to: "t.$1" }), /not using all of the token wildcard/, path);
  refused(stream({ to: "t.$1.$3" }), /index out of range/, path);
  refused(stream({ to: "t..*.*" }), /invalid subject/, path);
  refused(stream({ prefix: "p.*" }), /prefix can not contain wildcard tokens/, path);
  refused(stream({ to: "t.{{partition(3,1)}}.$2" }), /only mapping function allowed/, path);
  refused(
    between(
      [{ stream: "s" }],
      [{ stream: { account: "A", subject: "s" } }, { stream: { account: "A", subject: "s" }, to: "t" }],
    ),
    /already exists/,
    "accounts.B.imports[1]",
  );
  refused(
    between(
      [{ service: "s" }, { service: "t" }],
      [
        { service: { account: "A", subject: "s" }, to: "x" },
        { service: { account: "A", subject: "t" }, to: "x" },
      ],
    ),
    /duplicate service import subject "x"/,
    "accounts.B.imports[1]",
  );
  refused({ A: { mappings: { "x.*": [{ destination: "y.$2" }] } } }, /out of range/, "accounts.A.mappings");
  refused({ A: { exports: [{}] } }, /either a stream or a service/, "accounts.A.exports[0]");
  refused({ A: {}, B: { imports: [{ stream: { account: "A" } }] } }, /Expect an account name and a subject/, path);
});

test("limits and mappings come with the account", () => {
  const w = new TestWorld(
    { A: { limits: { maxConnections: 3 }, mappings: { foo: [{ destination: "bar" }] } } },
    { mappings: { g: [{ destination: "h" }] } },
  );
  assert.deepEqual(
    { ...w.account("A").limits },
    { maxConnections: 3, maxSubscriptions: -1, maxPayloadBytes: -1, maxLeafnodes: -1 },
  );
  assert.equal(
    w.account("A").mappings?.map("foo", () => 0),
    "bar",
  );
  assert.equal(
    w.accounts.global.mappings?.map("g", () => 0),
    "h",
  );
  assert.equal(w.account("$SYS").mappings, undefined);
  const { mappingGeneration } = w.account("A");
  w.reload({ A: { mappings: { foo: [{ destination: "baz" }] } } });
  assert.notEqual(w.account("A").mappingGeneration, mappingGeneration);
  assert.equal(
    w.account("A").mappings?.map("foo", () => 0),
    "baz",
  );
  assert.equal(w.account("A").limits.maxConnections, -1);
});

test("a reload keeps accounts and their subscriptions, which follow changed imports", () => {
  const exports = [{ stream: "ev.>" }, { service: "svc" }];
  const stream = { stream: { account: "A", subject: "ev.>" } };
  const w = new TestWorld({ A: { exports }, B: {} });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe(">");
  a.subscribe("svc");
  a.publish("ev.1");
  assert.deepEqual(b.take(), []);
  w.reload({ A: { exports }, B: { imports: [stream, { service: { account: "A", subject: "svc" } }] } });
  assert.equal(w.account("A"), a.account);
  a.publish("ev.2");
  assert.deepEqual(b.take(), ["ev.2 1 "]);
  assert.equal(b.publish("svc"), 2);
  b.take();
  w.reload({ A: { exports }, B: { imports: [{ ...stream, prefix: "p" }] } });
  a.publish("ev.3");
  assert.deepEqual(b.take(), ["p.ev.3 1 "]);
  assert.equal(b.publish("svc"), 1);
  b.take();
  w.reload({ A: { exports }, B: {} });
  a.publish("ev.4");
  assert.deepEqual(b.take(), []);
  assert.equal(a.account.sublist.size, 1 + SYSTEM_IMPORTS);
  assert.equal(b.account.sublist.size, 1 + SYSTEM_IMPORTS);
});

test("a reload that changes nothing leaves the shadows where they are", () => {
  const accounts = between([{ stream: "s.*.*" }], [{ stream: { account: "A", subject: "s.*.*" }, to: "t.$1.$2" }]);
  const w = new TestWorld(accounts);
  const subscription = w.client("B").subscribe("t.>");
  const { shadows } = subscription;
  assert.equal(shadows?.length, 1);
  w.reload(accounts);
  assert.equal(subscription.shadows, shadows);
  w.reload(between([{ stream: "s.*.*" }], [{ stream: { account: "A", subject: "s.*.*" }, to: "t.$2.$1" }]));
  assert.notEqual(subscription.shadows, shadows);
});

test("an account that is taken away takes its imports with it", () => {
  const exports = [{ stream: "s" }];
  const imports = [{ stream: { account: "A", subject: "s" } }];
  const w = new TestWorld({ A: { exports }, B: { imports } });
  const [a, b] = [w.client("A"), w.client("B")];
  b.subscribe("s");
  w.reload({ A: { exports } });
  assert.equal(w.accounts.get("B"), undefined);
  a.publish("s");
  assert.deepEqual(b.take(), []);
  assert.equal(a.account.sublist.size, SYSTEM_IMPORTS);
});

test("a refused reload changes nothing", () => {
  const w = new TestWorld({ A: { exports: [{ stream: "s" }] } });
  const bad = { A: { limits: { maxConnections: 1 } }, B: { imports: [{ stream: { account: "A", subject: "s" } }] } };
  assert.throws(() => w.accounts.prepare(resolveOptions({ accounts: bad })), OptionsError);
  assert.equal(w.accounts.get("B"), undefined);
  assert.equal(w.account("A").limits.maxConnections, -1);
  const commit = w.accounts.prepare(resolveOptions({ accounts: { A: {}, C: {} } }));
  assert.equal(w.accounts.get("C"), undefined);
  commit();
  assert.notEqual(w.accounts.get("C"), undefined);
});

test("10,000 idle accounts are cheap", () => {
  const accounts: Record<string, AccountsOption[string]> = {};
  for (let i = 0; i < 10_000; i++) accounts[`A${i}`] = { users: [{ user: `u${i}`, password: "x" }] };
  const options = resolveOptions({ accounts });
  const before = process.memoryUsage().heapUsed;
  const started = process.cpuUsage();
  const plan = planAccounts(options);
  assert.equal(plan.accounts.size, 10_002);
  const w = new TestWorld(accounts);
  assert.equal(w.accounts.size, 10_002);
  assert.ok(process.cpuUsage(started).user < 2e6);
  assert.ok(process.memoryUsage().heapUsed - before < 100e6);
});

test("imports that change before an account's interest is asked for count, and hold once it is", () => {
  const exports = [{ service: "a" }, { service: "b" }];
  const importing = (subject: string): AccountsOption => between(exports, [{ service: { account: "A", subject } }]);
  const w = new TestWorld(importing("a"));
  const account = w.account("B");
  assert.equal(account.subscriptionCount, SYSTEM_IMPORTS + 1);
  w.reload({ A: { exports }, B: {} });
  assert.equal(account.subscriptionCount, SYSTEM_IMPORTS);
  w.reload(importing("b"));
  assert.deepEqual([account.sublist.hasInterest("a"), account.sublist.hasInterest("b")], [false, true]);
  assert.deepEqual([account.sublist.size, account.subscriptionCount], [SYSTEM_IMPORTS + 1, SYSTEM_IMPORTS + 1]);
  w.reload(importing("a"));
  assert.deepEqual([account.sublist.hasInterest("a"), account.sublist.hasInterest("b")], [true, false]);
});
