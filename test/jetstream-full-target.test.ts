// A mirror or source whose stream refuses new messages when it is full loses nothing: it waits until there is room.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type NatsServer, startServer } from "../src/index.js";
import { ackOf, ScriptedOrigin } from "./support/scripted-origin.js";
import { infoUntil, request, type StreamInfo } from "./support/stream-api.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };
const FULL = { max_msgs: 3, discard: "new" } as const;
const FULL_TEXT = "maximum messages exceeded";
const INFO = '{"created":"2026-01-01T00:00:00Z","state":{"last_seq":5}}';

async function start(t: Scope): Promise<NatsServer> {
  const jetstream = { storeDir: temporaryFolder(t), domain: "hub" };
  const server = await startServer({ ...here, jetstream, leafnodes: here });
  t.after(() => server.close());
  return server;
}

const faultOf = ({ mirror, sources }: StreamInfo): string | undefined => (mirror ?? sources?.[0])?.error?.description;

test("a full stream takes what flows in once there is room", async (t) => {
  const client = await (await start(t)).connect();
  await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o"] });
  for (let at = 1; at <= 5; at++) await client.request("o", `${at}`);
  const origin = { name: "O" };
  for (const [name, config] of Object.entries({
    M: { mirror: origin, ...FULL },
    S: { sources: [origin], ...FULL },
    // Each message is larger with the header of its source.
    B: { sources: [origin], max_bytes: 300, discard: "new" },
  })) {
    await request(client, `STREAM.CREATE.${name}`, { name, ...config });
    const { state } = await infoUntil(client, name, (info) => faultOf(info) !== undefined);
    assert.deepEqual([state.messages, state.last_seq], [3, 3], name);
    for (const seq of [1, 2]) await request(client, `STREAM.MSG.DELETE.${name}`, { seq });
    const after = await infoUntil(client, name, (info) => info.state.last_seq === 5);
    assert.equal(after.state.messages, 3, name);
    const { message } = await request<{ message: { data: string } }>(client, `STREAM.MSG.GET.${name}`, { seq: 4 });
    assert.equal(Buffer.from(message.data, "base64").toString(), "4", name);
  }
});

test("an origin behind another API is asked less and less often while its mirror is full, and soon when there is room", {
  timeout: 30_000,
}, async (t) => {
  const server = await start(t);
  const client = await server.connect();
  const leaf = await ScriptedOrigin.connect(t, server.addresses["leafnode"].port);
  const askedAt: number[] = [];
  await leaf.answer(({ kind, stream, deliver, startSequence = 1, reply }) => {
    leaf.send(reply, kind === "info" ? INFO : '{"num_pending":5}');
    if (deliver === undefined) return;
    askedAt.push(performance.now());
    for (let seq = startSequence; seq <= 5; seq++) {
      leaf.send(deliver, `${seq}`, { reply: ackOf(stream, seq, seq - startSequence + 1, 5 - seq) });
    }
  });
  const mirror = { name: "O", external: { api: "$JS.there.API" } };
  await request(client, "STREAM.CREATE.M", { name: "M", mirror, ...FULL });
  await infoUntil(client, "M", () => askedAt.length === 4);
  const full = await infoUntil(client, "M", (info) => faultOf(info) === FULL_TEXT);
  assert.equal(full.state.last_seq, 3);
  // It has waited 250, 500 and 1000 ms; two attempts would come within the first of these without it.
  const [first, , , last] = askedAt;
  assert.ok(last - first > 1700, `asked at ${askedAt}`);
  const removedAt = performance.now();
  for (const seq of [1, 2]) await request(client, "STREAM.MSG.DELETE.M", { seq });
  await infoUntil(client, "M", (info) => info.state.last_seq === 5);
  assert.ok((askedAt.at(-1) ?? 0) - removedAt < 1500, "it waits no longer than at first");
});
