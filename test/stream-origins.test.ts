// Whose messages a mirror or a source has: origins that are made anew, and how far they were read, also across restarts.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";
import { infoUntil, request } from "./support/stream-api.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };
const ORIGIN = { name: "O", subjects: ["o.>"] };
const ANOTHER = /^the origin is another stream than before/;

// Gone after the servers that write into it.
const folders = temporaryFolder({ after });

interface Started {
  readonly server: NatsServer;
  readonly client: NatsConnection;
}

/** A server with JetStream in a folder; the hub of leaf nodes, or a leaf node of `hub`. */
async function start(
  t: Scope,
  folder: string,
  domain: string,
  hubPort?: number,
  log: (line: string) => void = () => {},
): Promise<Started> {
  const remotes = hubPort === undefined ? undefined : [{ urls: [`nats-leaf://127.0.0.1:${hubPort}`] }];
  const server = await startServer({
    ...here,
    serverName: domain,
    httpPort: -1,
    logger: { info: log, warn: log },
    jetstream: { storeDir: join(folder, domain), domain },
    leafnodes: remotes === undefined ? here : { remotes },
  });
  t.after(() => server.close());
  return { server, client: await server.connect() };
}

async function fill(client: NatsConnection, count: number, subject: string): Promise<void> {
  for (let at = 0; at < count; at++) await client.request(subject, `${at}`);
}

async function makeAnew(client: NatsConnection, count: number): Promise<void> {
  await request(client, "STREAM.DELETE.O");
  await request(client, "STREAM.CREATE.O", ORIGIN);
  await fill(client, count, "o.new");
}

async function metric(server: NatsServer, name: string, stream: string): Promise<number> {
  const { host, port } = server.addresses["monitoring"];
  const text = await (await fetch(`http://${host}:${port}/metrics`)).text();
  const line = text
    .split("\n")
    .find((one) => one.startsWith(`natsnode_jetstream_${name}{`) && one.includes(`"${stream}"`));
  return Number(line?.split(" ").at(-1));
}

interface JszPage {
  readonly account_details: readonly {
    readonly stream_detail: readonly { name: string; mirror?: { error?: object } }[];
  }[];
}

async function jszMirror(server: NatsServer, stream: string): Promise<object | undefined> {
  const { host, port } = server.addresses["monitoring"];
  const page = (await (await fetch(`http://${host}:${port}/jsz?streams=1`)).json()) as JszPage;
  return page.account_details[0].stream_detail.find(({ name }) => name === stream)?.mirror?.error;
}

test("of an origin of the own account that is made anew a mirror keeps away, and a source begins with it", async (t) => {
  const folder = join(folders, "made-anew");
  const before = await start(t, folder, "one");
  await request(before.client, "STREAM.CREATE.O", ORIGIN);
  await fill(before.client, 3, "o.old");
  await request(before.client, "STREAM.CREATE.M", { name: "M", mirror: { name: "O" } });
  await request(before.client, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O" }] });
  for (const name of ["M", "S"]) await infoUntil(before.client, name, ({ state }) => state.messages === 3);
  const heard = before.client.subscribe("$JS.EVENT.ADVISORY.STREAM.*.*");
  await makeAnew(before.client, 5);
  await infoUntil(before.client, "S", ({ state }) => state.messages === 8);
  const advisories = new Map<string, string>();
  for await (const message of heard) {
    const { stream, reason } = message.json<{ stream: string; reason: string }>();
    if (ANOTHER.test(reason)) advisories.set(stream, message.subject.split(".")[4]);
    if (advisories.size === 2) break;
  }
  assert.deepEqual([advisories.get("M"), advisories.get("S")], ["INFLOW_STALLED", "INFLOW_RESTARTED"]);
  await infoUntil(before.client, "M", ({ mirror }) => ANOTHER.test(mirror?.error?.description ?? ""));
  await before.server.close();

  const { server, client } = await start(t, folder, "one");
  await fill(client, 1, "o.new");
  await infoUntil(client, "S", ({ state }) => state.messages === 9);
  const info = await infoUntil(client, "M", ({ mirror }) => ANOTHER.test(mirror?.error?.description ?? ""));
  assert.equal(info.state.messages, 3);
  assert.deepEqual(await jszMirror(server, "M"), info.mirror?.error);
  assert.equal(await metric(server, "inflow_stalled", "M"), 1);
  assert.equal(await metric(server, "inflow_stalled", "S"), 0);
});

test("an origin that is made anew while the mirroring server is away is noticed, though it is longer than before", async (t) => {
  const folder = join(folders, "away");
  const leafFolder = join(folders, "away-leaf");
  const hub = await start(t, folder, "hub");
  const leaf = await start(t, leafFolder, "leaf", hub.server.addresses["leafnode"].port);
  await request(leaf.client, "STREAM.CREATE.O", ORIGIN);
  await fill(leaf.client, 3, "o.old");
  const external = { api: "$JS.leaf.API" };
  await request(hub.client, "STREAM.CREATE.M", { name: "M", mirror: { name: "O", external } });
  await request(hub.client, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O", external }] });
  for (const name of ["M", "S"]) await infoUntil(hub.client, name, ({ state }) => state.messages === 3);
  await hub.server.close();
  await makeAnew(leaf.client, 5);
  // The message that the mirror had last is gone: nothing but the origin's identity tells.
  await request(leaf.client, "STREAM.MSG.DELETE.O", { seq: 3 });
  await leaf.server.close();

  const again = await start(t, folder, "hub");
  await start(t, leafFolder, "leaf", again.server.addresses["leafnode"].port);
  await infoUntil(again.client, "S", ({ state }) => state.messages === 7);
  const info = await infoUntil(again.client, "M", ({ mirror }) => ANOTHER.test(mirror?.error?.description ?? ""));
  assert.equal(info.state.messages, 3);
  assert.equal(await metric(again.server, "inflow_stalled", "M"), 1);
  assert.equal(await metric(again.server, "inflow_replaced_origins", "M"), 1);
  assert.equal(await metric(again.server, "inflow_replaced_origins", "S"), 1);
});

test("how far a source was read is known after a restart, also when nothing of it is left", async (t) => {
  const folder = join(folders, "purged");
  const before = await start(t, folder, "one");
  await request(before.client, "STREAM.CREATE.O", ORIGIN);
  await fill(before.client, 5, "o.old");
  await request(before.client, "STREAM.CREATE.S", { name: "S", retention: "workqueue", sources: [{ name: "O" }] });
  await infoUntil(before.client, "S", ({ state }) => state.messages === 5);
  await request(before.client, "STREAM.PURGE.S");
  await before.server.close();
  const { client } = await start(t, folder, "one");
  await fill(client, 1, "o.new");
  const { state, sources } = await infoUntil(client, "S", ({ state }) => state.messages > 0);
  assert.deepEqual([state.messages, state.last_seq, sources?.[0].seq], [1, 6, 6]);
});

test("an origin that cannot be reached is told by info, /jsz, /metrics, log and advisory until it is back", async (t) => {
  const folder = join(folders, "stalled");
  const lines: string[] = [];
  const hub = await start(t, folder, "hub", undefined, (line) => lines.push(line));
  const port = hub.server.addresses["leafnode"].port;
  const leaf = await start(t, folder, "leaf", port);
  await request(leaf.client, "STREAM.CREATE.O", ORIGIN);
  await fill(leaf.client, 3, "o.old");
  const mirror = { name: "O", external: { api: "$JS.leaf.API" } };
  await request(hub.client, "STREAM.CREATE.M", { name: "M", mirror });
  await infoUntil(hub.client, "M", ({ state }) => state.messages === 3);
  const stalled = hub.client.subscribe("$JS.EVENT.ADVISORY.STREAM.INFLOW_STALLED.M", { max: 1 });
  await leaf.server.close();
  for await (const message of stalled) {
    const { type, stream, origin, external, reason } = message.json<Record<string, unknown>>();
    assert.equal(type, "io.nats.jetstream.advisory.v1.stream_inflow_stalled");
    assert.deepEqual([stream, origin, external], ["M", "O", { api: "$JS.leaf.API", deliver: "" }]);
    assert.match(String(reason), /no heartbeat|no answer/);
  }
  const info = await infoUntil(hub.client, "M", ({ mirror }) => mirror?.error !== undefined);
  assert.ok((info.mirror?.active ?? 0) > 1e9, "the last contact was some seconds ago");
  assert.match(info.mirror?.error?.description ?? "", /no heartbeat|no answer/);
  assert.notEqual(await jszMirror(hub.server, "M"), undefined);
  assert.equal(await metric(hub.server, "inflow_stalled", "M"), 1);
  assert.ok((await metric(hub.server, "inflow_active_seconds", "M")) > 1);
  const back = await start(t, folder, "leaf", port);
  await fill(back.client, 1, "o.new");
  const healed = await infoUntil(hub.client, "M", ({ state }) => state.messages === 4);
  assert.deepEqual([healed.mirror?.lag, healed.mirror?.error], [0, undefined]);
  assert.equal(await metric(hub.server, "inflow_stalled", "M"), 0);
  assert.ok(
    lines.some((line) => /^stream M: nothing comes from O: no /.test(line)),
    lines.join("\n"),
  );
  assert.ok(lines.includes("stream M: messages of O come again"), lines.join("\n"));
});
