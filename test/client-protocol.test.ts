// The client protocol over a real socket: every operation, every option of CONNECT, the answers and their order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw, type Item, type RawClient } from "./support/raw-client.js";
import type { Scope } from "./support/temporary-folder.js";

/** What came until PONG, as text: line, headers, payload. */
const texts = (items: readonly Item[]): string[] =>
  items.map(({ line, headers, payload }) =>
    line.startsWith("MSG") || line.startsWith("HMSG")
      ? `${line}|${headers}${payload}`
      : line.replace(/^INFO .*/, "INFO"),
  );

async function exchange(client: RawClient, text: string): Promise<string[]> {
  client.send(text);
  return texts(await client.sync());
}

/** A client that has sent this CONNECT and nothing else. */
async function connectWith(scope: Scope, port: number, connect: object | undefined): Promise<RawClient> {
  const client = await connectRaw(scope, port);
  await client.info();
  if (connect !== undefined) client.send(`CONNECT ${JSON.stringify(connect)}\r\n`);
  return client;
}

test("INFO says who the server is and what it can do", async (t) => {
  const { server, port } = await startLocalServer(t, { serverName: "here", maxPayloadBytes: 5000 });
  const client = await connectRaw(t, port);
  const { line } = await client.next();
  assert.match(line, /^INFO \{"server_id":"N[A-Z2-7]{55}","server_name":"here","version":"2\.15\.1","proto":1,/);
  assert.ok(line.endsWith("} "), "the first INFO ends in a blank");
  const info = JSON.parse(line.slice(5)) as Record<string, unknown>;
  assert.equal(info["server_id"], server.id);
  const { host, headers, max_payload, client_id, client_ip } = info;
  assert.deepEqual(
    { host, port: info["port"], headers, max_payload, client_id, client_ip },
    { host: "127.0.0.1", port, headers: true, max_payload: 5000, client_id: 1, client_ip: "127.0.0.1" },
  );
  assert.match(String(info["xkey"]), /^X[A-Z2-7]{55}$/);
  for (const key of ["auth_required", "tls_required", "ldm", "connect_info", "nonce", "jetstream", "connect_urls"]) {
    assert.ok(!(key in info), key);
  }
});

test("INFO tells of a login, a cluster's name and an advertised address", async (t) => {
  const { port } = await startLocalServer(t, {
    authorization: { user: "a", password: "b" },
    clientAdvertise: "nats.example.org:4333",
    noHeaderSupport: true,
  });
  const info = await (await connectRaw(t, port)).info();
  assert.deepEqual(
    [info["auth_required"], info["host"], info["port"], info["headers"]],
    [true, "nats.example.org", 4333, false],
  );
});

test("clients of protocol 1 learn of their account after their first PONG, once", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectRaw(t, port);
  await client.info();
  client.send('PING\r\nCONNECT {"verbose":false,"protocol":1}\r\nPING\r\nPING\r\nPING\r\n');
  await client.expect("PONG");
  await client.expect("PONG");
  const { line } = await client.expect(/^INFO /);
  const info = JSON.parse(line.slice(5)) as Record<string, unknown>;
  assert.ok(line.endsWith("}"), "no blank after a later INFO");
  assert.equal(info["connect_info"], true);
  assert.equal(info["remote_account"], "$G");
  assert.ok(!("acc_is_sys" in info));
  await client.expect("PONG");
  await client.expect("PONG");
  const old = await connectWith(t, port, { verbose: false, protocol: 0 });
  assert.deepEqual(await exchange(old, "PING\r\n"), []);
  await old.expect("PONG");
  assert.deepEqual(await exchange(old, ""), []);
});

test("PUB reaches plain subscriptions with subject, sid, reply and the size as it was written", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  assert.deepEqual(
    await exchange(
      client,
      "SUB foo abc\r\nPUB foo 5\r\nhello\r\nPUB foo back.to 2\r\nhi\r\nPUB foo 0\r\n\r\npub\tfoo \t 0003  \r\nabc\r\n",
    ),
    ["MSG foo abc 5|hello", "MSG foo abc back.to 2|hi", "MSG foo abc 0|", "MSG foo abc 0003|abc"],
  );
});

test("a carriage return separates the arguments of SUB and UNSUB, and belongs to a subject of PUB", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  assert.deepEqual(await exchange(client, "SUB a\r1\r\nSUB a\rq 2\r\nPUB a 0\r\n\r\nPUB a\rq 0\r\n\r\n"), [
    "MSG a 1 0|",
    "MSG a 2 0|",
  ]);
  assert.deepEqual(await exchange(client, "UNSUB 2\r2\r\nUNSUB 1\r\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\n"), ["MSG a 2 0|"]);
});

test("HPUB reaches those with header support as HMSG and the others without its headers", async (t) => {
  const { port } = await startLocalServer(t);
  const modern = await connectClient(t, port);
  const old = await connectClient(t, port, { headers: false, no_responders: false });
  for (const client of [modern, old]) assert.deepEqual(await exchange(client, "SUB foo 1\r\n"), []);
  const headers = "NATS/1.0\r\nA: b\r\n\r\n";
  const publish =
    `HPUB foo ${headers.length} ${headers.length + 3}\r\n${headers}xyz\r\n` +
    `HPUB foo re.ply ${headers.length} ${headers.length}\r\n${headers}\r\n` +
    "HPUB foo 0 3\r\nabc\r\nHPUB foo 3 3\r\n\0\r\n\r\n";
  assert.deepEqual(await exchange(modern, publish), [
    `HMSG foo 1 ${headers.length} ${headers.length + 3}|${headers}xyz`,
    `HMSG foo 1 re.ply ${headers.length} ${headers.length}|${headers}`,
    "MSG foo 1 3|abc",
    "HMSG foo 1 3 3|\0\r\n",
  ]);
  assert.deepEqual(await exchange(old, ""), [
    "MSG foo 1 3|xyz",
    "MSG foo 1 re.ply 0|",
    "MSG foo 1 3|abc",
    "MSG foo 1 0|",
  ]);
});

test("verbose clients get +OK before what the operation causes", async (t) => {
  const { port } = await startLocalServer(t, { noHeaderSupport: false });
  const client = await connectWith(t, port, { headers: true, no_responders: true, pedantic: true });
  assert.deepEqual(await exchange(client, ""), ["+OK"]);
  assert.deepEqual(await exchange(client, "SUB foo 1\r\n"), ["+OK"]);
  assert.deepEqual(await exchange(client, "SUB bar 1\r\n"), ["+OK"], "a sid in use");
  assert.deepEqual(await exchange(client, "PUB foo 2\r\nhi\r\n"), ["+OK", "MSG foo 1 2|hi"]);
  assert.deepEqual(await exchange(client, "HPUB foo 0 2\r\nhi\r\n"), ["+OK", "MSG foo 1 2|hi"]);
  assert.deepEqual(await exchange(client, "PUB a..b 0\r\n\r\n"), ["-ERR 'Invalid Publish Subject'", "+OK"]);
  assert.deepEqual(await exchange(client, "SUB a..b 2\r\n"), ["-ERR 'Invalid Subject'"]);
  assert.deepEqual(await exchange(client, "UNSUB 77\r\n"), ["+OK"]);
  const [ok, answer] = await exchange(client, "SUB in.* 3\r\nPUB nobody in.1 0\r\n\r\n").then((all) => all.slice(1));
  assert.equal(ok, "+OK");
  assert.match(answer, /^HMSG in\.1 3 /);
  assert.deepEqual(await exchange(client, "UNSUB 1\r\nPONG\r\n+OK\r\nINFO {}\r\n"), ["+OK"]);
});

test("what is not said in CONNECT, or said as null, is verbose, pedantic and echoing", async (t) => {
  const { port } = await startLocalServer(t);
  for (const connect of [undefined, {}, { verbose: null, pedantic: null, echo: null }]) {
    const client = await connectWith(t, port, connect);
    const first = connect === undefined ? [] : ["+OK"];
    assert.deepEqual(await exchange(client, "SUB foo 1\r\nPUB foo 1\r\nx\r\nPUB foo.* 0\r\n\r\n"), [
      ...first,
      "+OK",
      "+OK",
      "MSG foo 1 1|x",
      "-ERR 'Invalid Publish Subject'",
      "+OK",
    ]);
  }
});

test("the second INFO: after the first PING that follows a CONNECT, not again after another CONNECT; its keys in order", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectRaw(t, port);
  const connect = (protocol: number): string => `CONNECT {"verbose":false,"protocol":${protocol}}\r\n`;
  client.send(`PING\r\n${connect(1)}PING\r\n${connect(1)}PING\r\nPING\r\n`);
  const lines = [];
  while (lines.length < 6) lines.push((await client.next()).line);
  assert.deepEqual(
    lines.map((line) => line.slice(0, 4)),
    ["INFO", "PONG", "PONG", "INFO", "PONG", "PONG"],
  );
  assert.deepEqual(Object.keys(JSON.parse(lines[3].slice(5))).slice(-4), [
    "connect_info",
    "remote_account",
    "api_lvl",
    "xkey",
  ]);

  const late = await connectRaw(t, port);
  late.send(`${connect(0)}PING\r\n${connect(1)}PING\r\nPING\r\n`);
  const told = [];
  while (told.length < 4) told.push((await late.next()).line.slice(0, 4));
  assert.deepEqual(told, ["INFO", "PONG", "PONG", "PONG"]);
});

test("not pedantic: malformed subjects to publish to go nowhere, without a word", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  assert.deepEqual(await exchange(client, "SUB > 1\r\nPUB a..b 0\r\n\r\nPUB .a 0\r\n\r\nPUB a. 0\r\n\r\n"), []);
  assert.deepEqual(await exchange(client, "PUB a.* 0\r\n\r\nPUB > 0\r\n\r\n"), ["MSG a.* 1 0|", "MSG > 1 0|"]);
});

test("echo false keeps a client's own messages from it, also in its queue groups", async (t) => {
  const { port } = await startLocalServer(t);
  const silent = await connectClient(t, port, { echo: false });
  const other = await connectClient(t, port);
  await exchange(silent, "SUB foo 1\r\nSUB foo g 2\r\n");
  await exchange(other, "SUB foo g 9\r\n");
  for (let i = 0; i < 10; i++) assert.deepEqual(await exchange(silent, "PUB foo 1\r\nx\r\n"), []);
  assert.equal((await exchange(other, "")).length, 10, "the other member of the group gets all of them");
  await exchange(other, "UNSUB 9\r\nPUB foo 1\r\ny\r\n");
  assert.deepEqual(await exchange(silent, ""), ["MSG foo 1 1|y", "MSG foo 2 1|y"]);
});

test("without anybody to answer, the requester is told 503 under one plain subscription of its own", async (t) => {
  const { port } = await startLocalServer(t, { mappings: { old: [{ destination: "new" }] } });
  const client = await connectClient(t, port);
  const other = await connectClient(t, port);
  await exchange(other, "SUB in.1 1\r\nSUB in.* 1b\r\n");
  const headers = "NATS/1.0 503\r\nNats-Subject: q\r\n\r\n";
  const line = `HMSG in.1 5 ${headers.length} ${headers.length}|${headers}`;
  await exchange(client, "SUB in.* g 4\r\nSUB in.* 5\r\nSUB in.* 6\r\nUNSUB 5 1\r\n");
  const first = await exchange(client, "PUB q in.1 0\r\n\r\n");
  assert.equal(first.length, 1);
  assert.match(first[0], /^HMSG in\.1 [56] /);
  await exchange(client, "UNSUB 6\r\n");
  assert.deepEqual(
    await exchange(client, "PUB q in.1 3\r\nabc\r\nPUB q in.1 0\r\n\r\n"),
    [line, line],
    "no count for max",
  );
  const [mapped] = await exchange(client, "PUB old in.1 0\r\n\r\n");
  assert.match(mapped, /Nats-Subject: new\r\n/);
  assert.deepEqual(await exchange(client, "PUB q nowhere 0\r\n\r\nPUB q 0\r\n\r\n"), [], "no subscription, no reply");
  await exchange(other, "SUB q 2\r\n");
  assert.deepEqual(await exchange(client, "PUB q in.1 0\r\n\r\n"), []);
  const old = await connectClient(t, port, { headers: false, no_responders: false });
  assert.deepEqual(await exchange(old, "SUB in.9 1\r\nPUB z in.9 0\r\n\r\n"), []);
  assert.ok(
    (await exchange(other, "")).every((text) => text.startsWith("MSG q 2")),
    "strangers hear nothing of 503",
  );
});

test("wildcards match whole tokens, also the literal bytes of a published wildcard", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  const subjects = ["a.b", "a.*", "*.b", "a.>", ">", "a.b.>", "a*", "a.b>"];
  await exchange(client, subjects.map((subject, i) => `SUB ${subject} ${i}\r\n`).join(""));
  const got = async (subject: string): Promise<string[]> =>
    (await exchange(client, `PUB ${subject} 0\r\n\r\n`)).map((text) => subjects[Number(text.split(" ")[2])]).sort();
  assert.deepEqual(await got("a.b"), ["*.b", ">", "a.*", "a.>", "a.b"]);
  assert.deepEqual(await got("a.b.c"), [">", "a.>", "a.b.>"]);
  assert.deepEqual(await got("a"), [">"]);
  assert.deepEqual(await got("a*"), [">", "a*"]);
  assert.deepEqual(await got("a.b>"), [">", "a.*", "a.>", "a.b>"]);
  assert.deepEqual(await got("\xff\x01"), [">"]);
});

test("a queue group gets each message once, whatever its members subscribe to, and all members get their share", async (t) => {
  const { port } = await startLocalServer(t);
  const publisher = await connectClient(t, port);
  const members = await Promise.all(
    ["foo.bar", "foo.*", "foo.>"].map(async (subject) => {
      const member = await connectClient(t, port);
      await exchange(member, `SUB ${subject} g 1\r\nSUB foo.bar other 2\r\n`);
      return member;
    }),
  );
  const count = 300;
  await exchange(publisher, "PUB foo.bar 1\r\nx\r\n".repeat(count));
  const got = await Promise.all(members.map((member) => exchange(member, "")));
  const of = (sid: number): number[] =>
    got.map((all) => all.filter((text) => text.split(" ")[2] === String(sid)).length);
  for (const sid of [1, 2]) {
    const counts = of(sid);
    assert.equal(
      counts.reduce((a, b) => a + b),
      count,
      `group of sid ${sid}`,
    );
    for (const share of counts) assert.ok(share > count / 6, `shares ${counts}`);
  }
});

test("UNSUB with max counts from the SUB on and ends the subscription when it is reached", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  const publish = (count: number): string => "PUB foo 1\r\nx\r\n".repeat(count);
  const received = async (text: string): Promise<number> => (await exchange(client, text)).length;
  assert.equal(await received(`SUB foo 1\r\nUNSUB 1 3\r\n${publish(5)}`), 3);
  assert.equal(
    await received(`SUB foo 1\r\n${publish(2)}UNSUB 1 5\r\n${publish(9)}`),
    5,
    "messages before UNSUB count",
  );
  assert.equal(await received(`SUB foo 1\r\n${publish(2)}UNSUB 1 2\r\n${publish(9)}`), 2, "reached already");
  assert.equal(await received(`SUB foo 1\r\nUNSUB 1 2\r\nUNSUB 1 4\r\n${publish(9)}`), 4, "the later max holds");
  for (const max of ["0", "-1", "x", "1.5"]) {
    assert.equal(await received(`SUB foo 1\r\n${publish(1)}UNSUB 1 ${max}\r\n${publish(2)}`), 1, `max ${max}`);
  }
  assert.equal(await received(`SUB foo 1\r\nUNSUB 1\r\n${publish(2)}`), 0);
});

test("subscriptions that end during a fan-out cost nobody else the message", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  const count = 50;
  let text = "";
  for (let i = 0; i < count; i++) text += `SUB foo ${i}\r\nUNSUB ${i} ${(i % 2) + 1}\r\n`;
  const got = await exchange(client, `${text}${"PUB foo 1\r\nx\r\n".repeat(3)}`);
  assert.equal(got.length, count + count / 2);
});

test("a sid in use keeps its first subject; a refused SUB leaves the sid free", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  assert.deepEqual(await exchange(client, "SUB a 1\r\nSUB b 1\r\nPUB a 0\r\n\r\nPUB b 0\r\n\r\n"), ["MSG a 1 0|"]);
  assert.deepEqual(await exchange(client, "SUB a..b x\r\nSUB c x\r\nPUB c 0\r\n\r\n"), [
    "-ERR 'Invalid Subject'",
    "MSG c x 0|",
  ]);
  const sid = "s".repeat(3000);
  assert.deepEqual(await exchange(client, `SUB big ${sid}\r\nPUB big 0\r\n\r\n`), [`MSG big ${sid} 0|`]);
});

test("a second CONNECT keeps what it does not mention and drops the subscriptions", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  assert.deepEqual(await exchange(client, 'SUB foo 1\r\nCONNECT {"echo":true}\r\nPUB foo 0\r\n\r\n'), []);
  assert.deepEqual(await exchange(client, 'CONNECT {"verbose":true}\r\nSUB foo 1\r\n'), ["+OK", "+OK"]);
});

test("CONNECT: keys in any case, unknown ones, no blank, blanks around, null, a bare LF at the end", async (t) => {
  const { port } = await startLocalServer(t);
  for (const line of [
    'CONNECT{"verbose":false}\r\n',
    'connect \t {"VERBOSE":false} \t \r\n',
    'CONNECT {"verbose":true,"verbose":false,"who":[1,{}]}\n',
  ]) {
    const client = await connectWith(t, port, undefined);
    assert.deepEqual(await exchange(client, line), [], line);
  }
  const nothing = await connectWith(t, port, undefined);
  assert.deepEqual(await exchange(nothing, "CONNECT null\r\n"), ["+OK"]);
});

const CLOSED_WITH: readonly (readonly [input: string, text: string | undefined])[] = [
  ...[
    "\r\n",
    " PING\r\n",
    "MSG a 1 0\r\n\r\n",
    "RS+ a b\r\n",
    "PUB\r\n",
    "SUB\r\n",
    "UNSUB\r\n",
    "-ERR\r\n",
    "GET / HTTP/1.1\r\n",
  ].map((input) => [input, "Unknown Protocol Operation"] as const),
  ["X", "Unknown Protocol Operation"],
  ["PUB a 2\r\nabc\r\n", "Unknown Protocol Operation"],
  ["PUB a 2\r\nab\n", "Unknown Protocol Operation"],
  ...[
    "PUB a\r\n",
    "PUB a b c 1\r\n",
    "PUB a -1\r\n",
    "PUB a +1\r\n",
    "PUB a 1x\r\n",
    "PUB a 9999999999\r\n",
    "SUB a\r\n",
    "SUB a b c d\r\n",
    "UNSUB \r\n",
    "UNSUB 1 2 3\r\n",
    "INFO\r\n",
    "INFO nonsense\r\n",
    "-ERR 'from a client'\r\n",
    "CONNECT\r\n",
    "CONNECT {\r\n",
    "CONNECT []\r\n",
    'CONNECT {} {"verbose":false}\r\n',
    'CONNECT {"verbose":"no"}\r\n',
    'CONNECT {"protocol":"1"}\r\n',
    'CONNECT {"user":1}\r\n',
    "HPUB a 0 0\r\n\r\n",
    'CONNECT {"verbose":false,"headers":true}\r\nHPUB a 5 4\r\n',
    'CONNECT {"verbose":false,"headers":true}\r\nHPUB a 1\r\n',
    'CONNECT {"verbose":false,"headers":true}\r\nHPUB a b c 1 1\r\n',
  ].map((input) => [input, undefined] as const),
  ['CONNECT {"verbose":false,"protocol":2}\r\n', "invalid client protocol"],
  ['CONNECT {"verbose":false,"protocol":-1}\r\n', "invalid client protocol"],
  ['CONNECT {"verbose":false,"no_responders":true}\r\n', "no responders requires headers support"],
  ['CONNECT {"verbose":false,"account":"A"}\r\n', "Authorization Violation"],
  ['CONNECT {"verbose":false,"new_account":true}\r\n', "Authorization Violation"],
];

test("what closes a connection, and with which words", async (t) => {
  const { port } = await startLocalServer(t);
  for (const [input, text] of CLOSED_WITH) {
    const client = await connectRaw(t, port);
    await client.info();
    client.send(input);
    const got = texts(await client.closed());
    assert.deepEqual(got, text === undefined ? [] : [`-ERR '${text}'`], JSON.stringify(input));
  }
});

test("what does not close a connection", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  for (const input of ["PINGXYZ\r\n", "ping\n", "PONG and more\r\n", "+OKAY\r\n", "info{}\r\n", "PUB a\rb 0\r\n\r\n"]) {
    client.send(input);
    if (/^ping/i.test(input)) await client.expect("PONG");
    assert.deepEqual(await exchange(client, ""), [], JSON.stringify(input));
  }
});

test("subjects and replies that belong to the server's own traffic are refused, verbose or not", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectWith(t, port, { pedantic: false });
  await exchange(client, "SUB > 1\r\n");
  for (const subject of ["$NRG.x", "_GR_.x", "$GR.x"]) {
    assert.deepEqual(await exchange(client, `PUB ${subject} 1\r\na\r\n`), [
      `-ERR 'Permissions Violation for Publish to "${subject}"'`,
    ]);
  }
  for (const reply of ["_R_.x", "_GR_.x", "$GR.x", "$JS.ACK.x"]) {
    assert.deepEqual(await exchange(client, `PUB a ${reply} 1\r\na\r\n`), [
      `-ERR 'Permissions Violation for Publish with Reply of "${reply}"'`,
    ]);
  }
  assert.deepEqual(await exchange(client, "SUB a _sys_ 2\r\n"), [
    `-ERR 'Permissions Violation for Subscription to "a" using queue "_sys_"'`,
  ]);
});

test("permissions: the texts, the order of +OK, and what a wide wildcard lets through", async (t) => {
  const { port } = await startLocalServer(t, {
    authorization: {
      users: [
        {
          user: "u",
          password: "p",
          permissions: { publish: { deny: ['no"é'] }, subscribe: { deny: ["secret", "jobs crew"] } },
        },
        { user: "all", password: "p" },
      ],
    },
  });
  const client = await connectWith(t, port, { user: "u", pass: "p", pedantic: false });
  await exchange(client, "");
  const denied = Buffer.from('no"é').toString("latin1");
  assert.deepEqual(await exchange(client, `PUB ${denied} 0\r\n\r\n`), [
    `-ERR 'Permissions Violation for Publish to "no\\"${Buffer.from("é").toString("latin1")}"'`,
  ]);
  assert.deepEqual(await exchange(client, "SUB secret 1\r\n"), [
    `-ERR 'Permissions Violation for Subscription to "secret"'`,
  ]);
  assert.deepEqual(await exchange(client, "SUB jobs crew 1\r\n"), [
    `-ERR 'Permissions Violation for Subscription to "jobs" using queue "crew"'`,
  ]);
  assert.deepEqual(await exchange(client, "SUB > 1\r\n"), ["+OK"]);
  const other = await connectClient(t, port, { user: "all", pass: "p" });
  await exchange(other, "PUB secret 1\r\nx\r\nPUB open 1\r\ny\r\n");
  assert.deepEqual(await exchange(client, ""), ["MSG open 1 1|y"]);
});

test("subjects are mapped on the wire before delivery, with weights and wildcards", async (t) => {
  const { port } = await startLocalServer(t, {
    mappings: {
      a: [{ destination: "b" }],
      "w.*": [{ destination: "x.{{wildcard(1)}}.y" }],
      split: [
        { destination: "half.1", weight: 50 },
        { destination: "half.2", weight: 50 },
      ],
    },
  });
  const client = await connectClient(t, port);
  await exchange(client, "SUB > 1\r\n");
  assert.deepEqual(await exchange(client, "PUB a r.e 2\r\nhi\r\nPUB w.q 0\r\n\r\nPUB b 0\r\n\r\n"), [
    "MSG b 1 r.e 2|hi",
    "MSG x.q.y 1 0|",
    "MSG b 1 0|",
  ]);
  const halves = await exchange(client, "PUB split 0\r\n\r\n".repeat(200));
  const first = halves.filter((text) => text.startsWith("MSG half.1 ")).length;
  assert.equal(halves.length, 200);
  assert.ok(first > 50 && first < 150, `${first} of 200 went one way`);
});
