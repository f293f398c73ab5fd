// Counters and schedules in atomic batches: as if each message came alone, and nothing is stored where one is wrong. natsnode
// and nats-server alike.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";
import { request } from "./support/stream-api.js";

type Given = Readonly<Record<string, string>>;
const AT = { "Nats-Schedule": "@at 2100-01-01T00:00:00Z", "Nats-Schedule-Target": "d.target" };

/** Publishes messages as one batch; the answer to the last. */
async function batch(client: NatsConnection, id: string, messages: readonly (readonly [string, Given])[]) {
  let answer = "";
  for (const [at, [subject, given]] of messages.entries()) {
    const block = headers();
    const of = { "Nats-Batch-Id": id, "Nats-Batch-Sequence": `${at + 1}` };
    const end = at === messages.length - 1 ? { "Nats-Batch-Commit": "1" } : {};
    for (const [name, value] of Object.entries({ ...of, ...given, ...end })) block.set(name, value);
    answer = (await client.request(subject, "", { headers: block, timeout: 5000 })).string();
  }
  return JSON.parse(answer) as { seq: number; count?: number; error?: { err_code: number } };
}

async function stored(client: NatsConnection, stream: string, seq: number): Promise<{ data: string; head: string }> {
  interface Stored {
    readonly message: { readonly data?: string; readonly hdrs: string };
  }
  const { message } = await request<Stored>(client, `STREAM.MSG.GET.${stream}`, { seq });
  const text = (base64 = ""): string => Buffer.from(base64, "base64").toString();
  return { data: text(message.data), head: text(message.hdrs) };
}

const programs: readonly [ServerProgram, string | false][] = [
  ["natsnode", false],
  ["neighbour", withoutNeighbour()],
];
for (const [program, skip] of programs) {
  test(`${program}: counters and schedules in a batch`, { skip }, async (t) => {
    const server = await startServerProcess(t, { program, config: `jetstream { store_dir: "{{DIR}}" }` });
    const client = await connect({ port: server.port });
    t.after(() => client.close());
    await request(client, "STREAM.CREATE.C", {
      ...{ name: "C", subjects: ["c.*"], allow_msg_counter: true, allow_atomic: true },
    });
    const up = (by: string): Given => ({ "Nats-Incr": by });
    const added = await batch(client, "one", [
      ["c.a", up("+2")],
      ["c.b", up("+4")],
      ["c.a", up("-5")],
    ]);
    assert.deepEqual([added.seq, added.count], [3, 3]);
    const sums = await Promise.all([1, 2, 3].map(async (seq) => (await stored(client, "C", seq)).data));
    assert.deepEqual(sums, ['{"val":"2"}', '{"val":"4"}', '{"val":"-3"}']);
    const wrong = await batch(client, "two", [
      ["c.a", up("+2")],
      ["c.a", {}],
    ]);
    assert.equal(wrong.error?.err_code, 10169);
    await request(client, "STREAM.CREATE.D", {
      ...{ name: "D", subjects: ["d.*"], allow_msg_schedules: true, allow_atomic: true, allow_rollup_hdrs: true },
    });
    const planned = await batch(client, "three", [
      ["d.one", AT],
      ["d.two", AT],
    ]);
    assert.deepEqual([planned.seq, planned.count], [2, 2]);
    assert.match((await stored(client, "D", 1)).head, /Nats-Rollup: sub/);
    const bogus = await batch(client, "four", [["d.one", { ...AT, "Nats-Schedule": "bogus" }]]);
    assert.equal(bogus.error?.err_code, 10189);
    const { state } = await request<{ state: { last_seq: number } }>(client, "STREAM.INFO.C");
    assert.equal(state.last_seq, 3);
  });
}
