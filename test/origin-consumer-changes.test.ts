// What waits for a source at an origin that lets go of its messages is there still after the source's configuration has changed; and
// nothing stays behind at an origin that lets go of nothing any more.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { connectionTo } from "./support/leaf-link.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";
import { consumersOf, infoUntil, request, untilConsumers } from "./support/stream-api.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const PENDING = 10;
/** The source has no room for more. */
const ROOM = 2;
const external = { api: "$JS.leaf.API" };
const reader = { durable_name: "C", ack_policy: "flow_control", deliver_subject: "to.S", max_ack_pending: 50 };

async function clientOf(t: TestContext, { port }: ServerProcess): Promise<NatsConnection> {
  const client = await connect({ port, reconnect: false });
  t.after(() => client.close());
  return client;
}

/** A source that has no room for what waits at its origin. */
async function fullSource(t: TestContext): Promise<NatsConnection> {
  const server = await startServerProcess(t, { config: `jetstream { store_dir: "${temporaryFolder(t)}" }` });
  const client = await clientOf(t, server);
  await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o.*"], retention: "interest" });
  await request(client, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O" }], max_msgs: ROOM, discard: "new" });
  await untilConsumers(client, "O", 1);
  for (let at = 1; at <= PENDING; at++) await client.request("o.a", `${at}`);
  await infoUntil(client, "S", ({ state }) => state.messages === ROOM);
  return client;
}

async function payloads(client: NatsConnection): Promise<Set<string>> {
  const { state } = await infoUntil(client, "S", () => true);
  const found = new Set<string>();
  for (let seq = 1; seq <= state.last_seq; seq++) {
    const { message } = await request<{ message: { data: string } }>(client, "STREAM.MSG.GET.S", { seq });
    found.add(Buffer.from(message.data, "base64").toString());
  }
  return found;
}

const CHANGES = [
  { to: "another filter", sources: [{ name: "O", filter_subject: "o.*" }], count: 1 },
  { to: "two filters", sources: ["o.a", "o.b"].map((filter_subject) => ({ name: "O", filter_subject })), count: 2 },
  {
    to: "a consumer that is named",
    sources: [{ name: "O", consumer: { name: "C", deliver_subject: "to.S" } }],
    count: 1,
  },
];
for (const { to, sources, count } of CHANGES) {
  test(`what waits for a source at an interest stream comes after the source has changed to ${to}`, {
    timeout: 60_000,
  }, async (t) => {
    const client = await fullSource(t);
    const isNamed = sources.some((source) => "consumer" in source);
    const [old] = await consumersOf(client, "O");
    if (isNamed) await request(client, "CONSUMER.CREATE.O.C", { stream_name: "O", config: reader });
    await request(client, "STREAM.UPDATE.S", { name: "S", sources, max_msgs: 10 * PENDING, discard: "new" });
    const names = await untilConsumers(client, "O", count, isNamed ? /^C$/ : /^JS_SRC_/);
    if (to === "another filter") assert.deepEqual(names, [old]);
    await client.request("o.a", "last");
    // What the source has not acknowledged when it changes may come twice, but nothing is missing.
    await infoUntil(client, "O", ({ state }) => state.messages === 0);
    const expected = [...Array.from({ length: PENDING }, (_, at) => `${at + 1}`), "last"];
    assert.deepEqual([...(await payloads(client))], expected);
  });
}

test("no consumer of a mirror stays at a far origin that became one by limits", { timeout: 90_000 }, async (t) => {
  const port = await freePort();
  const folders = { hub: temporaryFolder(t), leaf: temporaryFolder(t) };
  const start = (name: "hub" | "leaf", rest: string): Promise<ServerProcess> =>
    startServerProcess(t, {
      config: `server_name: ${name}\njetstream { store_dir: "${folders[name]}", domain: ${name} }\nleafnodes { ${rest} }`,
    });
  const startHub = (): Promise<ServerProcess> => start("hub", `listen: "127.0.0.1:${port}"`);
  let server = await startHub();
  let hub = await clientOf(t, server);
  const remotes = `reconnect: 1, remotes: [{ url: "nats-leaf://127.0.0.1:${port}" }]`;
  const leaf = await clientOf(t, await start("leaf", remotes));
  await connectionTo(hub, leaf);
  await request(leaf, "STREAM.CREATE.O", { name: "O", subjects: ["o"], retention: "interest" });
  await request(hub, "STREAM.CREATE.M", { name: "M", mirror: { name: "O", external } });
  const kept = await untilConsumers(leaf, "O", 1, /^JS_MIRROR_/);
  await request(leaf, "STREAM.UPDATE.O", { name: "O", subjects: ["o"], retention: "limits" });
  server.kill();
  server = await startHub();
  hub = await clientOf(t, server);
  await leaf.request("o", "1");
  await infoUntil(hub, "M", ({ state, mirror }) => state.messages === 1 && mirror?.error === undefined, 30_000);
  assert.ok((await consumersOf(leaf, "O")).includes(kept[0] ?? ""));
  await request(hub, "STREAM.DELETE.M");
  await untilConsumers(leaf, "O", 0);
});
