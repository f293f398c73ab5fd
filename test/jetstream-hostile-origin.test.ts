// An origin is another party's server: whatever it answers is an error of the source that reads from it, which tries again later.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { startServer } from "../src/index.js";
import { OriginPlace } from "../src/jetstream/inflows/origin-place.js";
import { ackOf, ScriptedOrigin } from "./support/scripted-origin.js";
import { infoUntil, request } from "./support/stream-api.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };
const CREATED = "2026-01-01T00:00:00Z";
const INFO = `{"created":"${CREATED}","state":{"last_seq":1}}`;
const UNREADABLE = "the origin's API gives an answer that cannot be read";
const MOST = Number.MAX_SAFE_INTEGER;
const LONG = "x".repeat(100_000);

const withLast = (last: string): string => `{"created":"${CREATED}","state":{"last_seq":${last}}}`;
const withError = (error: string): string => `{"created":"${CREATED}","state":{"last_seq":1},"error":${error}}`;

const INFOS: readonly (readonly [answer: string, error: string])[] = [
  ...["5", "null", "[]", '"text"', "no JSON", "", "{}", '{"created":5}', `{"created":"${CREATED}"}`].map(unreadable),
  ...[`{"created":"${CREATED}","state":5}`, `{"created":"${CREATED}","state":null}`].map(unreadable),
  ...['{"created":"x","state":{"last_seq":1}}', '{"created":{},"state":{"last_seq":1}}'].map(unreadable),
  ...["-1", "0.5", "1e300", "99999999999999999999", '"1"', "null", "{}"].map((last) => unreadable(withLast(last))),
  ...["5", "{}", "[]", '{"description":5,"err_code":"x"}'].map((error): [string, string] => [
    withError(error),
    "refused",
  ]),
  [withError(`{"description":"${LONG}"}`), LONG.slice(0, 256)],
];

const CONSUMERS: readonly (readonly [answer: string, error: string])[] = [
  ...["5", "null", "[]", "", '{"num_pending":"x"}', '{"num_pending":-1}', '{"num_pending":{}}'].map(unreadable),
  ['{"error":{"err_code":10225,"description":5}}', "refused"],
  ['{"error":{"err_code":10225,"description":"nothing of it"}}', "nothing of it"],
  ['{"error":{"err_code":"10225"}}', "refused"],
];

function unreadable(answer: string): [string, string] {
  return [answer, UNREADABLE];
}

async function start(t: Scope): Promise<[NatsConnection, ScriptedOrigin]> {
  const jetstream = { storeDir: temporaryFolder(t), domain: "hub" };
  const server = await startServer({ ...here, jetstream, leafnodes: here });
  t.after(() => server.close());
  return [await server.connect(), await ScriptedOrigin.connect(t, server.addresses["leafnode"].port)];
}

interface Script {
  readonly info: string;
  readonly consumer: string;
}

/** An origin that makes sense, sending one message of its stream to each consumer. */
async function play(leaf: ScriptedOrigin, scriptOf: (stream: string) => Script): Promise<void> {
  await leaf.answer(({ kind, stream, deliver, reply }) => {
    const { info, consumer } = scriptOf(stream);
    leaf.send(reply, kind === "info" ? info : consumer);
    if (deliver !== undefined && consumer === "{}") leaf.send(deliver, "a", { reply: ackOf(stream, 1, 1) });
  });
}

test("nonsense that an origin answers is told, and the source goes on once it makes sense", {
  timeout: 30_000,
}, async (t) => {
  const [client, leaf] = await start(t);
  let makesSense = false;
  const good: Script = { info: INFO, consumer: "{}" };
  const scripts = [
    ...INFOS.map(([info, error]) => ({ info, consumer: "{}", error })),
    ...CONSUMERS.map(([consumer, error]) => ({ info: INFO, consumer, error })),
  ];
  await play(leaf, (stream) => (makesSense ? good : scripts[Number(stream.slice(1))]));
  const external = { api: "$JS.there.API" };
  for (const at of scripts.keys()) {
    const sources = [{ name: `O${at}`, external }];
    await request(client, `STREAM.CREATE.S${at}`, { name: `S${at}`, sources });
    await request(client, `STREAM.CREATE.M${at}`, { name: `M${at}`, mirror: sources[0] });
  }
  for (const [at, { info, consumer, error }] of scripts.entries()) {
    const what = `${info.slice(0, 100)} ${consumer}`;
    const source = await infoUntil(client, `S${at}`, ({ sources }) => sources?.[0].error !== undefined);
    assert.equal(source.sources?.[0].error?.description, error, what);
    const { mirror } = await infoUntil(client, `M${at}`, (one) => one.mirror?.error !== undefined);
    assert.equal(mirror?.error?.description, error, what);
  }
  makesSense = true;
  for (const at of scripts.keys()) {
    for (const name of [`S${at}`, `M${at}`]) {
      const { sources, mirror } = await infoUntil(client, name, ({ state }) => state.messages === 1);
      assert.equal((mirror ?? sources?.[0])?.error, undefined, name);
    }
  }
});

test("an origin has flow control answered and nothing else of the account asked", async (t) => {
  const [client, leaf] = await start(t);
  await request(client, "STREAM.CREATE.KEPT", { name: "KEPT", subjects: ["kept"] });
  await client.request("kept", "here");
  const answered = client.subscribe("$JS.FC.>", { max: 2 });
  await leaf.answer(({ deliver, reply }) => {
    leaf.send(reply, deliver === undefined ? INFO : "{}");
    if (deliver === undefined) return;
    for (const subject of ["$JS.API.STREAM.PURGE.KEPT", "a b", "$JS.FC.a b", "$JS.FC.>", "$JS.FC.O.C.two"]) {
      const block = `NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: x\r\nNats-Consumer-Stalled: ${subject}\r\n\r\n`;
      leaf.send(deliver, "", { block });
    }
    const block = "NATS/1.0 100 FlowControl Request\r\n\r\n";
    leaf.send(deliver, "", { block, reply: "$JS.API.STREAM.PURGE.KEPT" });
    leaf.send(deliver, "", { block, reply: "$JS.FC.O.C.one" });
  });
  await request(client, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O", external: { api: "$JS.there.API" } }] });
  const subjects: string[] = [];
  for await (const { subject } of answered) subjects.push(subject);
  assert.deepEqual(subjects, ["$JS.FC.O.C.two", "$JS.FC.O.C.one"]);
  assert.equal((await infoUntil(client, "KEPT", () => true)).state.messages, 1);
});

const DELIVERIES: readonly (readonly [reply: string, block: string])[] = [
  ["", ""],
  ["x", ""],
  ["$JS.ACK.O.C.1.-1.1.1.0", ""],
  ["$JS.ACK.O.C.1.1.x.1.0", ""],
  ["$JS.ACK.O.C.1.0.1.1.0", ""],
  ["$JS.ACK.O.C.1.1.1.99999999999999999999999999999.0", ""],
  [`$JS.ACK${".1".repeat(100)}`, ""],
  ["", "NATS/1.0 100\r\nNats-Last-Consumer: 99999999999999999999\r\n\r\n"],
  ["", "NATS/1.0 100"],
  [ackOf("O", 1, 1), "NATS/1.0"],
  [ackOf("O", 2, 2), "\xff\x00 no headers"],
  [ackOf("O", 3, 3), "NATS/1.0\r\n:\r\nNats-TTL: never\r\nNats-Rollup: what\r\nNats-Incr: x\r\n\r\n"],
  ["$JS.ACK.O.C.1.4.4.9999999999999999999999999.0", ""],
  ["$JS.ACK.O.C.1.9007199254740991.4.1767225600000000000.9007199254740991", ""],
  ["$JS.ACK.O.C.1.9007199254740991.5.1767225600000000000.0", ""],
];

test("nonsense among the messages of an origin ends nothing", { timeout: 30_000 }, async (t) => {
  const [client, leaf] = await start(t);
  await leaf.answer(({ deliver, reply }) => {
    leaf.send(reply, deliver === undefined ? withLast("9007199254740991") : "{}");
    if (deliver === undefined) return;
    for (const [to, block] of DELIVERIES) leaf.send(deliver, "a", { reply: to, block });
  });
  const more = { allow_msg_ttl: true, allow_rollup_hdrs: true };
  const origin = { name: "O", external: { api: "$JS.there.API" } };
  for (const storage of ["memory", "file"]) {
    const [source, mirror] = [`S-${storage}`, `M-${storage}`];
    await request(client, `STREAM.CREATE.${source}`, { name: source, storage, sources: [origin], ...more });
    await request(client, `STREAM.CREATE.${mirror}`, { name: mirror, storage, mirror: origin, ...more });
    await infoUntil(client, source, ({ state, sources }) => state.messages >= 3 && sources?.[0].seq === MOST);
    await infoUntil(client, mirror, ({ state }) => state.last_seq === MOST);
  }
  await request(client, "STREAM.CREATE.KEPT", { name: "KEPT", subjects: ["kept"] });
  assert.equal((await client.request("kept", "here")).json<{ seq: number }>().seq, 1);
});

test("a mistake of the server while it takes a message does not cost the link", { timeout: 30_000 }, async (t) => {
  const [client, leaf] = await start(t);
  await play(leaf, () => ({ info: INFO, consumer: "{}" }));
  const planted = t.mock.method(OriginPlace.prototype, "see", () => {
    throw new Error("a planted mistake");
  });
  const sources = [{ name: "O", external: { api: "$JS.there.API" } }];
  await request(client, "STREAM.CREATE.S", { name: "S", sources });
  await infoUntil(client, "S", (info) => info.sources?.[0].error?.description === "a planted mistake");
  planted.mock.restore();
  const info = await infoUntil(client, "S", ({ state }) => state.messages === 1);
  assert.equal(info.sources?.[0].error, undefined);
});

const LOOPS: readonly (readonly [what: string, answer: (round: number) => string, first: number])[] = [
  ["is another stream each time", (round) => withError(`{"err_code":10225,"description":"is ABCDEFG${round}"}`), 1],
  ["leaves out a message each time", () => "{}", 5],
];

for (const [what, consumer, first] of LOOPS) {
  test(`an origin that ${what} is asked less and less often`, { timeout: 30_000 }, async (t) => {
    const [client, leaf] = await start(t);
    const askedAt: number[] = [];
    let enough = (): void => {};
    const asked = new Promise<void>((resolve) => {
      enough = resolve;
    });
    await leaf.answer(({ stream, deliver, reply }) => {
      if (deliver === undefined) leaf.send(reply, INFO);
      else {
        leaf.send(reply, consumer(askedAt.length));
        if (first > 1) leaf.send(deliver, "a", { reply: ackOf(stream, first, first) });
        if (askedAt.push(performance.now()) === 4) enough();
      }
    });
    const sources = [{ name: "O", external: { api: "$JS.there.API" } }];
    await request(client, "STREAM.CREATE.S", { name: "S", sources });
    await asked;
    const gaps = askedAt.slice(1).map((at, i) => at - askedAt[i]);
    assert.ok(
      gaps.every((gap, i) => gap > 200 * 2 ** i),
      `asked after ${gaps} ms`,
    );
    const { sources: shown } = await infoUntil(client, "S", (info) => info.sources?.[0].error !== undefined);
    assert.match(shown?.[0].error?.description ?? "", /^(a message of the origin was missed|is ABCDEFG\d)$/);
  });
}
