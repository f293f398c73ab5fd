// Ways around permissions that do not work: through mappings, imports, queue names, reply subjects, headers and wildcards.
// `tied` is the user with permissions; `free`, of the same account, hears everything.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, type RawClient } from "./support/raw-client.js";
import type { Scope } from "./support/temporary-folder.js";
import { hpub, pub, says } from "./support/tenants.js";

type AccountOptions = NonNullable<ServerOptions["accounts"]>[string];
type PermissionsOption = NonNullable<NonNullable<AccountOptions["users"]>[number]["permissions"]>;

interface Started {
  readonly tied: RawClient;
  readonly free: RawClient;
  /** A client of another account, OTHER. */
  readonly other: RawClient;
  readonly port: number;
  reload(permissions: PermissionsOption): Promise<void>;
}

function optionsOf(permissions: PermissionsOption, more: Partial<AccountOptions> = {}): ServerOptions {
  const users = [
    { user: "tied", password: "p", permissions },
    { user: "free", password: "p" },
  ];
  const exports = [{ service: "svc.>" }, { stream: "st.>" }];
  return { accounts: { A: { users, ...more }, OTHER: { users: [{ user: "other", password: "p" }], exports } } };
}

async function started(t: Scope, permissions: PermissionsOption, more: Partial<AccountOptions> = {}): Promise<Started> {
  const { port, reload } = await startLocalServer(t, optionsOf(permissions, more));
  const login = (user: string): Promise<RawClient> => connectClient(t, port, { user, pass: "p", name: user });
  const [tied, free, other] = [await login("tied"), await login("free"), await login("other")];
  for (const client of [free, other]) await says(client, "SUB > 1\r\n");
  return { tied, free, other, port, reload: (next) => reload(optionsOf(next, more)) };
}

const mapped = (to: string): AccountOptions["mappings"] => ({ "open.*": [{ destination: to, weight: 100 }] });
const refusedPub = (subject: string): string => `-ERR 'Permissions Violation for Publish to "${subject}"'`;
const refusedSub = (subject: string, queue?: string): string =>
  `-ERR 'Permissions Violation for Subscription to "${subject}"${queue === undefined ? "" : ` using queue "${queue}"`}'`;

test("mappings: where a mapping leads is what counts", async (t) => {
  const { tied, free } = await started(
    t,
    { publish: { allow: ["open.>", "fine.>"], deny: ["fine.secret"] } },
    { mappings: { ...mapped("secret.$1"), "by.name": [{ destination: "fine.secret", weight: 100 }] } },
  );
  assert.deepEqual(await says(tied, pub("open.x")), [refusedPub("secret.x")]);
  assert.deepEqual(await says(tied, pub("by.name")), [refusedPub("fine.secret")]);
  assert.deepEqual(await says(tied, pub("fine.x")), []);
  assert.deepEqual(await says(free), ["MSG fine.x 1 0"]);
});

test("mappings: each destination of weights is checked for itself", async (t) => {
  const { tied, free } = await started(
    t,
    { publish: { deny: ["secret"] } },
    { mappings: { open: ["secret", "fine"].map((destination) => ({ destination, weight: 50 })) } },
  );
  const refused = (await says(tied, pub("open").repeat(40))).length;
  const seen = await says(free);
  assert.equal(refused + seen.length, 40);
  assert.ok(refused > 0 && seen.length > 0);
  assert.ok(seen.every((line) => line === "MSG fine 1 0"));
});

test("mappings: a message that another user maps to a denied subject is not delivered", async (t) => {
  const { tied, free } = await started(t, { subscribe: { deny: ["secret.>"] } }, { mappings: mapped("secret.$1") });
  await says(tied, "SUB > 1\r\nSUB *.* 2\r\nSUB > group 3\r\nSUB open.* 4\r\n");
  await says(free, pub("open.x", "a") + pub("fine.x", "b"));
  assert.deepEqual((await says(tied)).sort(), ["MSG fine.x 1 1 b", "MSG fine.x 2 1 b", "MSG fine.x 3 1 b"]);
});

test("imports: a stream is received under its local name, and denied under it", async (t) => {
  const imports = [{ stream: { account: "OTHER", subject: "st.*" }, to: "here.*.there" }];
  const { tied, free, other } = await started(t, { subscribe: { deny: ["here.secret.*"] } }, { imports });
  const denied = ["here.secret.there", "here.secret.*", "*.secret.there"];
  const all = denied.concat("here.>", ">", "*.*.*");
  const lines = await says(
    tied,
    all.map((subject, at) => `SUB ${subject} ${at}\r\nSUB ${subject} q q${at}\r\n`).join(""),
  );
  assert.deepEqual(lines.slice(0, 2), [refusedSub("here.secret.there"), refusedSub("here.secret.there", "q")]);
  await says(other, pub("st.secret", "x"));
  assert.deepEqual(await says(tied), []);
  assert.deepEqual(await says(free), ["MSG here.secret.there 1 1 x"]);
});

test("imports: a service is asked under its local name, by mapping or not, and denied under it", async (t) => {
  const imports = [{ service: { account: "OTHER", subject: "svc.x" }, to: "ask" }];
  const { tied, free, other } = await started(
    t,
    { publish: { deny: ["ask"] } },
    { imports, mappings: { open: [{ destination: "ask", weight: 100 }] } },
  );
  assert.deepEqual(await says(tied, pub("ask") + pub("open") + pub("svc.x")), [refusedPub("ask"), refusedPub("ask")]);
  assert.deepEqual(await says(other), []);
  assert.deepEqual(await says(free), ["MSG svc.x 1 0"], "a subject of its own account");
});

test("imports: the server's own services are denied like others", async (t) => {
  const { tied } = await started(t, { publish: { deny: ["$SYS.>"] } }, { mappings: mapped("$SYS.REQ.USER.INFO") });
  for (const subject of ["$SYS.REQ.USER.INFO", "$SYS.REQ.ACCOUNT.PING.STATZ", "open.x"]) {
    const refused = subject === "open.x" ? "$SYS.REQ.USER.INFO" : subject;
    assert.deepEqual(await says(tied, `SUB in 1\r\n${pub(subject, "", "in")}`), [refusedPub(refused)]);
  }
});

test("queue names: a group gets nobody in, and its name is no wildcard for others", async (t) => {
  const { tied, free } = await started(t, { subscribe: { allow: ["work team", "open"], deny: ["open bad", "no"] } });
  for (const [subject, queue] of [
    ["work", undefined],
    ["work", "other"],
    ["work", "*"],
    ["work", ">"],
    ["work", "TEAM"],
    ["open", "bad"],
    ["no", "team"],
    [">", "team"],
    ["*", "team"],
    ["work", "_sys_"],
  ] as const) {
    const line = `SUB ${subject} ${queue === undefined ? "" : `${queue} `}1\r\n`;
    assert.deepEqual(await says(tied, line), [refusedSub(subject, queue)], line);
  }
  await says(tied, "SUB work team 2\r\nSUB open good 3\r\n");
  await says(free, pub("work", "a") + pub("open", "b") + pub("no", "c"));
  assert.deepEqual(await says(tied), ["MSG work 2 1 a", "MSG open 3 1 b"]);
});

test("queue names: wildcard subscriptions in a group leave out what is denied to the group", async (t) => {
  const { tied, free } = await started(t, { subscribe: { deny: ["jobs.a", "jobs.b team", "jobs.c v*"] } });
  await says(tied, "SUB jobs.* team 1\r\nSUB jobs.> 2\r\n");
  await says(free, ["a", "b", "c"].map((name) => pub(`jobs.${name}`)).join(""));
  assert.deepEqual((await says(tied)).sort(), ["MSG jobs.b 2 0", "MSG jobs.c 1 0", "MSG jobs.c 2 0"]);
});

test("reply subjects: with allow_responses a request gives the right to its own reply subject, once", async (t) => {
  const { tied, free } = await started(
    t,
    { subscribe: { allow: ["svc"] }, publish: { deny: ["never"] }, allowResponses: { maxMsgs: 1 } },
    { mappings: { answer: [{ destination: "secret", weight: 100 }] } },
  );
  await says(tied, "SUB svc 1\r\n");
  assert.deepEqual(await says(tied, pub("secret") + pub("in.1")), [refusedPub("secret"), refusedPub("in.1")]);
  await says(free, pub("svc", "", "in.1") + pub("svc", "", "in.*") + pub("svc", "", "in.>") + pub("svc", "", "answer"));
  await says(tied);
  const tries = ["in.2", "in.1.x", "in", "IN.1", "answer", "in.1", "in.1"];
  assert.deepEqual(
    await says(tied, tries.map((subject) => pub(subject)).join("")),
    ["in.2", "in.1.x", "in", "IN.1", "secret", "in.1"].map(refusedPub),
    "a mapped reply subject is checked where it leads, and none is used twice",
  );
  assert.ok((await says(free)).includes("MSG in.1 1 0"));
});

test("reply subjects: those of the server's own traffic are no client's", async (t) => {
  const { tied, free } = await started(t, { publish: { allow: [">"] }, subscribe: { allow: [">"] } });
  for (const reply of ["_R_.a.b", "_GR_.a.b", "$GR.a.b", "$JS.ACK.a"]) {
    const refused = `-ERR 'Permissions Violation for Publish with Reply of "${reply}"'`;
    assert.deepEqual(await says(tied, pub("open", "", reply)), [refused]);
  }
  for (const subject of ["_GR_.a.b", "$GR.a.b", "$NRG.V.a"]) {
    assert.deepEqual(await says(tied, pub(subject)), [refusedPub(subject)]);
  }
  assert.deepEqual(await says(free), []);
});

test("headers: a trace goes only where the client may publish, and an answer's right is no right to trace", async (t) => {
  const { tied, free } = await started(t, {
    publish: { allow: ["open", "trace.>"], deny: ["trace.secret"] },
    subscribe: { allow: ["svc"] },
    allowResponses: { maxMsgs: -1 },
  });
  await says(tied, "SUB svc 1\r\n");
  await says(free, pub("svc", "", "in.1"));
  await says(tied);
  await says(free);
  for (const destination of ["secret", "trace.secret", "in.1", "$NRG.x", "_GR_.x", "$GR.x"]) {
    for (const more of [[], ["Nats-Trace-Only: true"]]) {
      const headers = [`Nats-Trace-Dest: ${destination}`, ...more];
      assert.deepEqual(await says(tied, hpub("open", headers)), [refusedPub(destination)]);
    }
  }
  const several = hpub("open", ["Nats-Trace-Dest: trace.a", "Nats-Trace-Dest: trace.secret"]);
  assert.deepEqual(await says(tied, several), []);
  const seen = (await says(free)).map((line) => line.split(" ")[1]);
  assert.deepEqual(seen.sort(), ["open", "trace.a"]);
});

test("headers: a traced message is refused like any other, and its record shows what the client may know", async (t) => {
  const { tied, free } = await started(t, { publish: { deny: ["secret"] } }, { mappings: mapped("secret") });
  const dest = ["Nats-Trace-Dest: trace.here"];
  assert.deepEqual(await says(tied, hpub("secret", dest) + hpub("open.x", dest)), [
    refusedPub("secret"),
    refusedPub("secret"),
  ]);
  const seen = await says(free);
  assert.equal(seen.length, 2);
  for (const line of seen) assert.match(line, /^MSG trace\.here .*Permissions Violation/);
});

test("wildcards: a subject that is written with one is that subject, and allows or denies nothing else", async (t) => {
  const { tied, free } = await started(t, { publish: { allow: ["a.*", "b"], deny: ["a.secret", "a.deep.>"] } });
  const refused = [
    "a.secret",
    "a.b.c",
    ">",
    "*",
    "*.secret",
    "a",
    "a.",
    ".a",
    "a..b",
    "A.x",
    "a.deep.x",
    "b.x",
    "a.x.",
  ];
  assert.deepEqual(await says(tied, refused.map((subject) => pub(subject)).join("")), refused.map(refusedPub));
  assert.deepEqual(await says(tied, pub("a.*", "1") + pub("b", "2")), []);
  assert.deepEqual(await says(free), ["MSG a.* 1 1 1", "MSG b 1 1 2"]);
});

test("wildcards: a subscription is not wider than what is allowed", async (t) => {
  const { tied, free } = await started(t, { subscribe: { allow: ["a.*", "b.c"], deny: ["a.secret"] } });
  const wider = [">", "*", "*.*", "*.>", "a.>", "*.c", "b.*", "b.>", "a.*.>", "*.secret", "a.secret", "a"];
  assert.deepEqual(
    await says(tied, wider.map((subject, at) => `SUB ${subject} ${at}\r\n`).join("")),
    wider.map((subject) => refusedSub(subject)),
  );
  await says(tied, "SUB a.* 20\r\nSUB b.c 21\r\n");
  await says(free, ["a.secret", "a.x", "a.b.c", "b.c", "b.d"].map((subject) => pub(subject)).join(""));
  assert.deepEqual(await says(tied), ["MSG a.x 20 0", "MSG b.c 21 0"]);
});

test("wildcards: blanks, case, other bytes of UTF-8 and odd verbs name the same or another subject, never a denied one", async (t) => {
  const { tied, free } = await started(t, { publish: { deny: ["secret", "grün"] } });
  for (const line of ["PUB\tsecret\t0", "PUB  secret   0", "pub secret 0", "PuB secret 0", "PUB secret \t 0"]) {
    assert.deepEqual(await says(tied, `${line}\r\n\r\n`), [refusedPub("secret")], line);
  }
  const bytes = Buffer.from("grün").toString("latin1");
  assert.deepEqual(await says(tied, pub(bytes)), [refusedPub(bytes)]);
  const others = ["SECRET", "secret.", "secret\x00", "gr\xfcn", Buffer.from("gru\u0308n").toString("latin1")];
  assert.deepEqual(await says(tied, others.map((subject) => pub(subject)).join("")), []);
  const seen = (await says(free)).map((line) => line.split(" ")[1]);
  assert.deepEqual(seen, ["SECRET", "secret\x00", "gr\xfcn", others[4]], "one with an empty token goes nowhere");
});

test("state: what was allowed before a second CONNECT or a reload is not allowed by memory", async (t) => {
  const { tied, free, port, reload } = await started(t, { publish: { allow: ["a"] }, subscribe: { allow: ["s"] } });
  const switched = await connectClient(t, port, { user: "free", pass: "p" });
  assert.deepEqual(await says(switched, `SUB s.x 1\r\n${pub("b").repeat(3)}`), []);
  const connect = JSON.stringify({ verbose: false, pedantic: false, user: "tied", pass: "p" });
  assert.deepEqual(await says(switched, `CONNECT ${connect}\r\n${pub("b").repeat(2)}`), [
    refusedPub("b"),
    refusedPub("b"),
  ]);
  assert.equal((await says(free)).length, 3);
  await says(free, pub("s.x"));
  assert.deepEqual(await says(switched), [], "a subscription of the user before");
  assert.deepEqual(await says(tied, `SUB s 1\r\n${pub("a").repeat(2)}`), []);
  await reload({ publish: { allow: ["b"] }, subscribe: { allow: ["r"] } });
  assert.deepEqual(await says(tied, pub("a").repeat(2)), [
    `-ERR 'Permissions Violation for Subscription to "s" (sid "1")'`,
    refusedPub("a"),
    refusedPub("a"),
  ]);
});

test("state: a denied request tells nothing of who listens, and ends nobody's auto-unsubscribe", async (t) => {
  const { tied, free } = await started(t, { publish: { deny: ["secret", "nobody"] }, subscribe: { deny: ["hidden"] } });
  await says(free, "SUB secret 2\r\n");
  assert.deepEqual(await says(tied, `SUB in 1\r\n${pub("secret", "", "in")}${pub("nobody", "", "in")}`), [
    refusedPub("secret"),
    refusedPub("nobody"),
  ]);
  await says(tied, "SUB * 2\r\nUNSUB 2 1\r\n");
  await says(free, pub("hidden", "a") + pub("shown", "b"));
  assert.deepEqual(await says(tied), ["MSG shown 2 1 b"]);
});
