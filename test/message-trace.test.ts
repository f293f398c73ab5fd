// Traced messages over a real socket: what the record says, where it goes, and what becomes of the message (ADR-41).
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { ServerOptions } from "../src/options/options.js";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, type Item, type RawClient } from "./support/raw-client.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const DESTINATION = "Nats-Trace-Dest: t.here";
const ONLY = "Nats-Trace-Only: true";
const PARENT = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";

type Event = Record<string, unknown> & { type: string };

interface Record_ {
  readonly server: Record<string, unknown>;
  readonly request: { header: Record<string, string[]>; msgsize: number };
  readonly events: Event[];
}

function hpub(subject: string, headers: readonly string[], payload = "hi"): string {
  const block = `NATS/1.0\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;
  return `HPUB ${subject} ${block.length} ${block.length + payload.length}\r\n${block}${payload}\r\n`;
}

const isRecord = ({ line }: Item): boolean => /^H?MSG t\./.test(line);

/** Sends and splits what comes back up to PONG: lines of other messages and errors, and records. */
async function exchange(client: RawClient, text: string): Promise<{ lines: string[]; records: Record_[] }> {
  client.send(text);
  const items = await client.sync();
  return {
    lines: items.filter((item) => !isRecord(item)).map(({ line }) => line),
    records: items.filter(isRecord).map(({ payload }) => JSON.parse(Buffer.from(payload, "latin1").toString("utf8"))),
  };
}

/** Events in few words: type and what matters of the rest. */
const brief = (record: Record_ | undefined): string[] =>
  (record?.events ?? []).map(({ type, ts, kind, cid, ...rest }) => {
    assert.match(String(ts), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/);
    return [type, ...Object.entries(rest).map(([name, value]) => `${name}=${value}`)].join(" ");
  });

async function clientOf(scope: Scope, options: ServerOptions = {}, connect: object = {}) {
  const { server, port, log } = await startLocalServer(scope, { serverName: "here", ...options });
  const client = await connectClient(scope, port, connect);
  client.send("SUB t.> 9\r\n");
  return { server, port, log, client };
}

test("a traced message is delivered and its way reported", async (t) => {
  const { server, client } = await clientOf(t, {}, { name: "me" });
  client.send("SUB foo 1\r\nSUB foo workers 2\r\n");
  const { lines, records } = await exchange(client, hpub("foo", [DESTINATION, "A: 1", "A: 2"]));
  assert.equal(lines.length, 2);
  assert.equal(records.length, 1);
  const [{ server: sender, request, events }] = records;
  assert.deepEqual(Object.keys(sender).slice(0, 4), ["name", "host", "id", "ver"]);
  assert.deepEqual([sender["name"], sender["id"], sender["seq"]], ["here", server.id, 1]);
  assert.deepEqual(request, { header: { A: ["1", "2"], "Nats-Trace-Dest": ["t.here"] }, msgsize: 51 });
  assert.deepEqual([events[0]["kind"], events[0]["cid"]], [0, 1]);
  assert.deepEqual(brief(records[0]), [
    "in name=me acc=$G subj=foo",
    "eg name=me sub=foo",
    "eg name=me sub=foo queue=workers",
  ]);
});

test("a message that is only traced reaches nobody, and uses up no subscription", async (t) => {
  const { client } = await clientOf(t);
  client.send("SUB foo 1\r\nUNSUB 1 1\r\n");
  for (const only of ["Nats-Trace-Only: 1", "Nats-Trace-Only: ON", ONLY]) {
    const { lines, records } = await exchange(client, hpub("foo", [DESTINATION, only]));
    assert.deepEqual(lines, []);
    assert.deepEqual(brief(records[0]), ["in acc=$G subj=foo", "eg sub=foo"]);
  }
  assert.deepEqual((await exchange(client, hpub("foo", [DESTINATION, "Nats-Trace-Only: 0"]))).lines.length, 1);
});

test("a mapping is part of the record each time", async (t) => {
  const { client } = await clientOf(t, { mappings: { from: [{ destination: "to" }] } });
  for (let i = 0; i < 2; i++) {
    const { records } = await exchange(client, hpub("from", [DESTINATION]));
    assert.deepEqual(brief(records[0]), ["in acc=$G subj=from", "sm to=to"]);
  }
});

test("the record says why a message was not delivered", async (t) => {
  const { port, client } = await clientOf(t, {
    authorization: {
      users: [
        { user: "any", password: "x" },
        { user: "deaf", password: "x", permissions: { subscribe: { deny: ["foo.secret"] } } },
        { user: "mute", password: "x", permissions: { publish: { allow: ["t.>"] } } },
      ],
    },
    noAuthUser: "any",
  });
  const deaf = await connectClient(t, port, { user: "deaf", pass: "x" });
  deaf.send("SUB foo.* 1\r\n");
  await deaf.sync();
  const denied = await exchange(client, hpub("foo.secret", [DESTINATION]));
  assert.match(
    brief(denied.records[0])[1],
    /^eg sub=foo\.\* error=Not delivered because subscription denies this subject$/,
  );

  const mute = await connectClient(t, port, { user: "mute", pass: "x" });
  const { lines } = await exchange(mute, hpub("foo", [DESTINATION]));
  assert.deepEqual(lines, [`-ERR 'Permissions Violation for Publish to "foo"'`]);
  const [record] = (await exchange(client, "")).records;
  assert.deepEqual(brief(record), [`in acc=$G subj=foo error=Permissions Violation for Publish to "foo"`]);
});

test("own messages without echo are reported", async (t) => {
  const { port, client } = await clientOf(t);
  const quiet = await connectClient(t, port, { echo: false });
  quiet.send("SUB foo 1\r\n");
  await exchange(quiet, hpub("foo", [DESTINATION]));
  const { records } = await exchange(client, "");
  assert.deepEqual(brief(records[0])[1], "eg sub=foo error=Not delivered because of no echo");
});

test("a reserved reply and a payload that is too large are reported", async (t) => {
  const { port, client } = await clientOf(t, { maxPayloadBytes: 500 });
  const reserved = await exchange(client, hpub("foo", [DESTINATION]).replace("foo", "foo _R_.a"));
  const text = 'Permissions Violation for Publish with Reply of "_R_.a"';
  assert.deepEqual(reserved.lines, [`-ERR '${text}'`]);
  assert.deepEqual(brief(reserved.records[0]), [`in acc=$G subj=foo error=${text}`]);

  const large = await connectClient(t, port);
  large.send(hpub("foo", [DESTINATION], "x".repeat(600)));
  assert.deepEqual(
    (await large.closed()).map(({ line }) => line),
    ["-ERR 'Maximum Payload Violation'"],
  );
  const { records } = await exchange(client, "");
  assert.deepEqual(brief(records[0]), ["in acc=$G subj=foo error=maximum payload exceeded"]);
  assert.equal(records[0].request.msgsize, 637);
});

test("a message is not handled at all when its client may not publish to the destination", async (t) => {
  const permissions = { publish: { allow: ["foo"] } };
  const { client, log } = await clientOf(
    t,
    { authorization: { users: [{ user: "u", password: "x", permissions }] } },
    {
      user: "u",
      pass: "x",
    },
  );
  client.send("SUB foo 1\r\n");
  for (const destination of ["t.here", "_GR_.x", "$NRG.x"]) {
    const { lines, records } = await exchange(client, hpub("foo", [`Nats-Trace-Dest: ${destination}`]));
    assert.deepEqual([lines, records], [[`-ERR 'Permissions Violation for Publish to "${destination}"'`], []]);
  }
  assert.equal(log.matching(/^error .* - Publish Violation - Subject "t.here"$/).length, 1);
});

test("without a usable destination the message goes on untraced, unless it is for tracing only", async (t) => {
  const { client, log } = await clientOf(t);
  client.send("SUB foo 1\r\n");
  const counts = async (...headers: string[]): Promise<number[]> => {
    const { lines, records } = await exchange(client, hpub("foo", headers));
    return [lines.length, records.length];
  };
  for (const subject of ["t.>", "t..x", "t x", "t."]) {
    assert.deepEqual(await counts(`Nats-Trace-Dest: ${subject}`), [1, 0], subject);
    assert.deepEqual(await counts(`Nats-Trace-Dest: ${subject}`, ONLY), [0, 0], subject);
  }
  assert.equal(log.matching(/Destination "t\.>" is not valid, won't be able to trace events$/).length, 2);
  for (const header of ["Nats-Trace-Dest: ", "nats-trace-dest: t.here", "Nats-Trace-Dest: trace disabled"]) {
    assert.deepEqual(await counts(header, ONLY), [1, 0], header);
  }
  assert.deepEqual(await counts(ONLY), [1, 0]);
  const withStatus = `NATS/1.0 200\r\n${DESTINATION}\r\n\r\n`;
  const status = `HPUB foo ${withStatus.length} ${withStatus.length}\r\n${withStatus}\r\n`;
  assert.deepEqual((await exchange(client, status)).records, []);
});

test("headers of old servers end the trace", async (t) => {
  const { client } = await clientOf(t);
  client.send(`SUB foo 1\r\n${hpub("foo", [DESTINATION, "Nats-Trace-Origin-Account: B", "A: b"])}`);
  const [{ headers }] = await client.sync();
  assert.equal(headers, "NATS/1.0\r\nNats-Trace-Origin-Account: B\r\nA: b\r\nNats-Trace-Dest: trace disabled\r\n\r\n");
  assert.deepEqual(await exchange(client, hpub("foo", [DESTINATION, ONLY, "Nats-Trace-Origin-Account: B"])), {
    lines: [],
    records: [],
  });
});

test("the record comes compressed if that is accepted", async (t) => {
  const { client } = await clientOf(t);
  client.send(hpub("foo", [DESTINATION, "Accept-Encoding: gzip"]));
  const [{ headers, payload }] = await client.sync();
  assert.equal(headers, "NATS/1.0\r\nContent-Encoding: gzip\r\n\r\n");
  const record = JSON.parse(gunzipSync(Buffer.from(payload, "latin1")).toString()) as Record_;
  assert.deepEqual(brief(record), ["in acc=$G subj=foo"]);
});

test("sampled trace parents are traced to the account's destination", async (t) => {
  const accounts = { A: { users: [{ user: "a", password: "x" }], msgTrace: { destination: "t.account" } } };
  const { client } = await clientOf(t, { accounts }, { user: "a", pass: "x" });
  client.send("SUB foo 1\r\n");
  const traced = await exchange(client, hpub("foo", [`${PARENT}01`]));
  assert.deepEqual(brief(traced.records[0]), ["in acc=A subj=foo", "eg sub=foo"]);
  assert.equal(traced.lines.length, 1);
  assert.deepEqual((await exchange(client, hpub("foo", [`${PARENT}00`]))).records, []);
  // An own destination goes before the account's.
  const own = await exchange(client, hpub("foo", [DESTINATION, `${PARENT}01`]));
  assert.equal(own.records.length, 1);
});

test("the account's share of trace parents is drawn once, for all servers", async (t) => {
  const msgTrace = { destination: "t.account", sampling: 50 };
  const accounts = { A: { users: [{ user: "a", password: "x" }], msgTrace } };
  const { client } = await clientOf(t, { accounts }, { user: "a", pass: "x" });
  client.send("SUB foo 1\r\n");
  client.send(hpub("foo", [`${PARENT}01`]).repeat(200));
  const items = await client.sync();
  const records = items.filter(isRecord).length;
  const disabled = items.filter(({ headers }) => headers.includes("Nats-Trace-Dest: trace disabled")).length;
  assert.equal(records + disabled, 200);
  assert.ok(records > 50 && disabled > 50, `${records} of 200`);
});

test("without the account's setting a trace parent means nothing", async (t) => {
  const { client } = await clientOf(t);
  client.send("SUB foo 1\r\n");
  const { lines, records } = await exchange(client, hpub("foo", [`${PARENT}01`]));
  assert.deepEqual([lines.length, records.length], [1, 0]);
});

test("without a system account no record is sent", async (t) => {
  const { client } = await clientOf(t, { noSystemAccount: true });
  client.send("SUB foo 1\r\n");
  const { lines, records } = await exchange(client, hpub("foo", [DESTINATION]));
  assert.deepEqual([lines.length, records.length], [1, 0]);
});

test("who takes part in another account is named with it", async (t) => {
  const users = (user: string) => [{ user, password: "x" }];
  const { port, client } = await clientOf(
    t,
    {
      accounts: {
        A: { users: users("a"), exports: [{ service: "svc", allowTrace: true }] },
        B: { users: users("b"), imports: [{ service: { account: "A", subject: "svc" } }] },
      },
    },
    { user: "b", pass: "x" },
  );
  const responder = await connectClient(t, port, { user: "a", pass: "x", name: "responder" });
  responder.send("SUB svc 1\r\n");
  await responder.sync();
  const { records } = await exchange(client, hpub("svc", [DESTINATION]));
  assert.deepEqual(brief(records[0]), [
    "in acc=B subj=svc",
    "si acc=A from=svc to=svc",
    "eg name=responder acc=A sub=svc",
  ]);
});

test("a stream that takes a traced message is named; what is only traced changes nothing in JetStream", async (t) => {
  const { client } = await clientOf(t, { jetstream: { storeDir: temporaryFolder(t) } });
  client.send("SUB _R 8\r\n");
  const api = async (name: string, request: object | string = ""): Promise<Record<string, never>> => {
    const payload = typeof request === "string" ? request : JSON.stringify(request);
    client.send(`PUB ${name.startsWith("$") ? name : `$JS.API.${name}`} _R ${payload.length}\r\n${payload}\r\n`);
    return JSON.parse((await client.expect(/^MSG _R /)).payload);
  };
  await api("STREAM.CREATE.S", {
    name: "S",
    subjects: ["a.*"],
    storage: "memory",
    subject_transform: { src: "a.*", dest: "b.{{wildcard(1)}}" },
  });
  await api("CONSUMER.CREATE.S.C", { stream_name: "S", config: { name: "C", ack_policy: "explicit", ack_wait: 60e9 } });
  const { records } = await exchange(client, hpub("a.1", [DESTINATION]) + hpub("a.2", [DESTINATION, ONLY]));
  assert.deepEqual(records.map(brief), [
    ["in acc=$G subj=a.1", "js stream=S subject=b.1"],
    ["in acc=$G subj=a.2", "js stream=S subject=b.2"],
  ]);
  const state = async () => (await api("STREAM.INFO.S")).state as { messages: number };
  assert.equal((await state()).messages, 1);
  await exchange(client, hpub("$JS.API.STREAM.PURGE.S", [DESTINATION, ONLY]));
  assert.equal((await state()).messages, 1);
  client.send('PUB $JS.API.CONSUMER.MSG.NEXT.S.C _R 11\r\n{"batch":1}\r\n');
  const [, ack] = /^HMSG b.1 8 (\S+)/.exec((await client.expect(/^HMSG /)).line) ?? [];
  await exchange(client, hpub(String(ack), [DESTINATION, ONLY], "+ACK"));
  const { num_ack_pending } = await api("CONSUMER.INFO.S.C");
  assert.equal(num_ack_pending, 1);
});
