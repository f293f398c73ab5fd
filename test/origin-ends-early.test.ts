// An origin that, for a while, does not know of the last messages that were taken of it, as a server that takes over may, and a
// source that was started anew before: nothing is taken twice.
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";
import { ackOf, ScriptedOrigin } from "./support/scripted-origin.js";
import { infoUntil, request } from "./support/stream-api.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };
const CREATED = "2026-01-01T00:00:00Z";

// Gone after the servers that write into it.
const folders = temporaryFolder({ after });

interface Hub {
  readonly server: NatsServer;
  readonly client: NatsConnection;
  readonly origin: ScriptedOrigin;
}

async function start(t: Scope, storeDir: string): Promise<Hub> {
  const server = await startServer({ ...here, jetstream: { storeDir, domain: "hub" }, leafnodes: here });
  t.after(() => server.close());
  const origin = await ScriptedOrigin.connect(t, server.addresses["leafnode"].port);
  return { server, client: await server.connect(), origin };
}

/** What an origin's message of a sequence is: its headers and its payload. */
type Kind = (sequence: number) => readonly [block: string, payload: string];

const KINDS: Readonly<Record<string, Kind>> = {
  messages: (sequence) => ["", `${sequence}`],
  // The stream has counted before: its sums are others.
  counters: (sequence) => ["NATS/1.0\r\nNats-Incr: 1\r\n\r\n", `{"val":"${sequence}"}`],
};

function increment(by: number): MsgHdrs {
  const made = headers();
  made.set("Nats-Incr", `${by}`);
  return made;
}

/** An origin that says that it ends where `endOf` tells. */
async function play(origin: ScriptedOrigin, kind: Kind, last: number, endOf: () => number): Promise<void> {
  await origin.answer(({ kind: asked, deliver = "", startSequence = 1, reply }) => {
    if (asked === "info") {
      origin.send(reply, `{"created":"${CREATED}","state":{"last_seq":${endOf()}}}`);
      return;
    }
    origin.send(reply, "{}");
    for (let sequence = startSequence, sent = 1; sequence <= last; sequence++, sent++) {
      const [block, payload] = kind(sequence);
      origin.send(deliver, payload, { reply: `${ackOf("O", sequence, sent, last - sequence)}@o`, block });
    }
  });
}

for (const [end, kind] of [
  ["closed", "messages"],
  ["killed", "messages"],
  ["killed", "counters"],
] as const) {
  test(`a source of ${kind} that was ${end} takes nothing twice of an origin that ends too early for a while`, async (t) => {
    const folder = join(folders, `${end}-${kind}`);
    const copy = `${folder}-copy`;
    const before = await start(t, folder);
    await play(before.origin, KINDS[kind], 5, () => 5);
    const isCounter = kind === "counters";
    const sources = [{ name: "O", external: { api: "$JS.there.API" } }];
    const config = { name: "S", subjects: ["o"], allow_msg_counter: isCounter };
    await request(before.client, "STREAM.CREATE.S", config);
    await before.client.request("o", "", { timeout: 5000, headers: isCounter ? increment(100) : headers() });
    await request(before.client, "STREAM.UPDATE.S", { ...config, sources });
    await infoUntil(before.client, "S", ({ state }) => state.messages === 6);
    // As a kill leaves it.
    if (end === "killed") await cp(folder, copy, { recursive: true });
    await before.server.close();

    const { client, origin } = await start(t, end === "killed" ? copy : folder);
    const ends = [3, 3];
    await play(origin, KINDS[kind], 6, () => ends.shift() ?? 6);
    const { state, sources: [source] = [] } = await infoUntil(client, "S", (info) => info.sources?.[0].seq === 6);
    assert.deepEqual([state.messages, ends.length, source.error], [7, 0, undefined]);
  });
}

test("of an origin that lost its end and has gone past it a source takes what was stored since", async (t) => {
  const { server, client, origin } = await start(t, join(folders, "forked"));
  const stored = (seconds: readonly number[]) => (from: ScriptedOrigin) =>
    from.answer(({ kind, deliver = "", startSequence = 1, startTime, reply }) => {
      const since = startTime === undefined ? 0 : Date.parse(startTime) / 1000;
      const first = startTime === undefined ? startSequence : seconds.findIndex((second) => second >= since) + 1;
      const coming = seconds.slice(first - 1);
      const answer = kind === "info" ? `{"created":"${CREATED}","state":{"last_seq":${seconds.length}}}` : "{}";
      from.send(reply, answer);
      if (kind === "consumer")
        for (const [at, second] of coming.entries())
          from.send(deliver, `${second}`, { reply: `${ackOf("O", first + at, at + 1, 0, second)}@o` });
    });
  await stored([11, 12, 13, 14, 15])(origin);
  await request(client, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O", external: { api: "$JS.there.API" } }] });
  await infoUntil(client, "S", ({ state }) => state.messages === 5);
  origin.close();
  const later = await ScriptedOrigin.connect(t, server.addresses["leafnode"].port);
  await stored([11, 12, 13, 24, 25, 26, 27])(later);
  await infoUntil(client, "S", ({ sources }) => sources?.[0].seq === 7);
  const found: string[] = [];
  for (let seq = 1; seq <= 9; seq++) {
    const { message } = await request<{ message: { data: string } }>(client, "STREAM.MSG.GET.S", { seq });
    found.push(Buffer.from(message.data, "base64").toString());
  }
  assert.deepEqual(found, ["11", "12", "13", "14", "15", "24", "25", "26", "27"]);
  await infoUntil(client, "S", ({ state }) => state.messages === 9);
});
