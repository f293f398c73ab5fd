// Origins and mirrors that are not what they were: restored from an archive, purged, or with less than was taken of them.
import assert from "node:assert/strict";
import { cp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";
import { freePort } from "./support/free-port.js";
import { connectionTo, linkedPrograms } from "./support/leaf-link.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";
import { infoUntil, request, restore, snapshot } from "./support/stream-api.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };
const ORIGIN = { name: "O", subjects: ["o.>"] };
const ANOTHER = /^the origin is another stream than before/;
const external = { api: "$JS.leaf.API" };

// Gone after the servers that write into it.
const folders = temporaryFolder({ after });

async function fill(client: NatsConnection, ...payloads: readonly string[]): Promise<void> {
  for (const payload of payloads) await client.request("o.a", payload);
}

async function payloads(client: NatsConnection, stream: string): Promise<string[]> {
  const { state } = await infoUntil(client, stream, () => true);
  const found: string[] = [];
  for (let seq = 1; seq <= state.last_seq; seq++) {
    const { message } = await request<{ message: { data: string } }>(client, `STREAM.MSG.GET.${stream}`, { seq });
    found.push(Buffer.from(message.data, "base64").toString());
  }
  return found;
}

/** A hub and a leaf node of it, of these programs, with clients. */
async function hubAndLeaf(
  t: TestContext,
  hubProgram: ServerProgram,
  leafProgram: ServerProgram,
): Promise<[hub: NatsConnection, leaf: NatsConnection]> {
  const leafPort = await freePort();
  const jetstream = (domain: string): string => `jetstream { store_dir: "{{DIR}}", domain: ${domain} }`;
  const hub = await startServerProcess(t, {
    program: hubProgram,
    config: `server_name: hub\nleafnodes { listen: "127.0.0.1:${leafPort}" }\n${jetstream("hub")}`,
  });
  const leaf = await startServerProcess(t, {
    program: leafProgram,
    config: `server_name: leaf\nleafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${leafPort}" }] }\n${jetstream("leaf")}`,
  });
  const clients = await Promise.all([hub, leaf].map(({ port }) => connect({ port })));
  for (const client of clients) t.after(() => client.close());
  const [desk, client] = clients;
  await connectionTo(desk, client);
  return [desk, client];
}

for (const { hub, leaf, skip } of linkedPrograms()) {
  test(`a mirror goes on when its origin was restored: ${hub} mirrors ${leaf}`, {
    skip,
    timeout: 90_000,
  }, async (t) => {
    const [desk, client] = await hubAndLeaf(t, hub, leaf);
    await request(client, "STREAM.CREATE.O", ORIGIN);
    await fill(client, "1", "2", "3");
    await request(desk, "STREAM.CREATE.M", { name: "M", mirror: { name: "O", external } });
    await infoUntil(desk, "M", ({ state }) => state.messages === 3);
    const archive = await snapshot(client, "O");
    await request(client, "STREAM.DELETE.O");
    await restore(client, "O", archive);
    await fill(client, "4", "5");
    const { mirror } = await infoUntil(desk, "M", ({ state }) => state.messages === 5, 60_000);
    assert.equal(mirror?.error, undefined);
    assert.deepEqual(await payloads(desk, "M"), ["1", "2", "3", "4", "5"]);
  });
}

async function alone(name: string): Promise<{ server: NatsServer; client: NatsConnection }> {
  const server = await startServer({ ...here, jetstream: { storeDir: join(folders, name) } });
  return { server, client: await server.connect() };
}

test("a mirror of the own server goes on when its origin was restored, not when it is another stream", async (t) => {
  const { server, client } = await alone("local");
  t.after(() => server.close());
  await request(client, "STREAM.CREATE.O", ORIGIN);
  await fill(client, "1", "2", "3");
  await request(client, "STREAM.CREATE.M", { name: "M", mirror: { name: "O" } });
  await infoUntil(client, "M", ({ state }) => state.messages === 3);
  const archive = await snapshot(client, "O");
  await request(client, "STREAM.DELETE.O");
  await request(client, "STREAM.CREATE.O", ORIGIN);
  await fill(client, "a", "b", "c", "d", "e");
  await infoUntil(client, "M", ({ mirror }) => ANOTHER.test(mirror?.error?.description ?? ""));
  await request(client, "STREAM.DELETE.O");
  await restore(client, "O", archive);
  await fill(client, "4");
  const { mirror } = await infoUntil(client, "M", ({ state }) => state.messages === 4);
  assert.equal(mirror?.error, undefined);
  assert.deepEqual(await payloads(client, "M"), ["1", "2", "3", "4"]);
});

test("a mirror that was purged, and restored with nothing in it, goes on", async (t) => {
  const before = await alone("empty");
  await request(before.client, "STREAM.CREATE.O", ORIGIN);
  await fill(before.client, "1", "2", "3");
  await request(before.client, "STREAM.CREATE.M", { name: "M", mirror: { name: "O" } });
  await infoUntil(before.client, "M", ({ state }) => state.messages === 3);
  await request(before.client, "STREAM.PURGE.M");
  await before.server.close();

  const { server, client } = await alone("empty");
  t.after(() => server.close());
  await fill(client, "4");
  await infoUntil(client, "M", ({ state }) => state.messages === 1 && state.last_seq === 4);
  await request(client, "STREAM.PURGE.M");
  const archive = await snapshot(client, "M");
  await request(client, "STREAM.DELETE.M");
  await restore(client, "M", archive);
  await fill(client, "5");
  const { state, mirror } = await infoUntil(client, "M", ({ state }) => state.messages > 0);
  assert.deepEqual([state.messages, state.last_seq, mirror?.error], [1, 5, undefined]);
});

interface Edge {
  readonly server: NatsServer;
  readonly client: NatsConnection;
}

async function edge(storeDir: string, domain: string, hub?: NatsServer): Promise<Edge> {
  const remotes = hub && [{ urls: [`nats-leaf://127.0.0.1:${hub.addresses["leafnode"].port}`] }];
  const leafnodes = remotes === undefined ? here : { remotes };
  const server = await startServer({ ...here, serverName: domain, jetstream: { storeDir, domain }, leafnodes });
  return { server, client: await server.connect() };
}

test("an origin that was shortened: a source takes what is new, a mirror stops", { timeout: 60_000 }, async (t) => {
  const folder = join(folders, "shortened");
  const hub = await edge(join(folder, "hub"), "hub");
  t.after(() => hub.server.close());
  const first = await edge(join(folder, "leaf"), "leaf", hub.server);
  await request(first.client, "STREAM.CREATE.O", ORIGIN);
  await fill(first.client, "1", "2", "3");
  await first.server.close();
  await cp(join(folder, "leaf"), join(folder, "copy"), { recursive: true });

  const second = await edge(join(folder, "leaf"), "leaf", hub.server);
  await request(hub.client, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O", external }] });
  await request(hub.client, "STREAM.CREATE.M", { name: "M", mirror: { name: "O", external } });
  await fill(second.client, "4", "5");
  for (const name of ["S", "M"]) await infoUntil(hub.client, name, ({ state }) => state.messages === 5);
  await second.server.close();
  await rm(join(folder, "leaf"), { recursive: true });
  await rename(join(folder, "copy"), join(folder, "leaf"));

  const third = await edge(join(folder, "leaf"), "leaf", hub.server);
  t.after(() => third.server.close());
  for (const name of ["S", "M"]) {
    await infoUntil(hub.client, name, ({ sources, mirror }) =>
      /^the origin ends at 3, before 5/.test((mirror ?? sources?.[0])?.error?.description ?? ""),
    );
  }
  await fill(third.client, "new 4", "new 5", "new 6");
  const { sources } = await infoUntil(hub.client, "S", ({ state }) => state.messages === 8);
  assert.deepEqual([sources?.[0].error, sources?.[0].seq], [undefined, 6]);
  assert.deepEqual(await payloads(hub.client, "S"), ["1", "2", "3", "4", "5", "new 4", "new 5", "new 6"]);
  const { state } = await infoUntil(hub.client, "M", ({ mirror }) => ANOTHER.test(mirror?.error?.description ?? ""));
  assert.equal(state.messages, 5);
  assert.deepEqual(await payloads(hub.client, "M"), ["1", "2", "3", "4", "5"]);
});
