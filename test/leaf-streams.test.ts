// Streams that flow over leaf links: several leaf nodes into one stream of the hub, filters and
// transforms, origins that are made anew, and hubs that are started anew.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type NatsServer, startServer } from "../src/index.js";
import { infoUntil, request } from "./support/stream-api.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };

const leafPort = ({ addresses }: NatsServer): number => addresses["leafnode"].port;

/** A leaf node of `hub`, or a hub; `again` is where one was before that is started anew. */
async function start(
  t: Scope,
  domain: string,
  hub?: NatsServer,
  again = { storeDir: join(temporaryFolder(t), domain), port: -1 },
): Promise<NatsServer> {
  const remotes = hub && [{ urls: [`nats-leaf://127.0.0.1:${leafPort(hub)}`] }];
  const server = await startServer({
    ...here,
    serverName: domain,
    jetstream: { storeDir: again.storeDir, domain },
    leafnodes: remotes === undefined ? { ...here, port: again.port } : { remotes },
  });
  t.after(() => server.close());
  return server;
}

test("two leaf nodes flow into one stream, each by its filter", { timeout: 20_000 }, async (t) => {
  const hub = await start(t, "hub");
  const desk = await hub.connect();
  const sources: object[] = [];
  for (const name of ["north", "south"]) {
    const client = await (await start(t, name, hub)).connect();
    await request(client, "STREAM.CREATE.S", { name: "S", subjects: [`${name}.>`] });
    for (let at = 0; at < 5; at++) await client.request(`${name}.kept`, `${at}`);
    await client.request(`${name}.left`, "no");
    sources.push({ name: "S", external: { api: `$JS.${name}.API` }, filter_subject: `${name}.kept` });
  }
  await request(desk, "STREAM.CREATE.ALL", { name: "ALL", sources });
  const info = await infoUntil(desk, "ALL", ({ state }) => state.messages === 10);
  assert.deepEqual(
    info.sources?.map(({ lag, error }) => [lag, error]),
    [
      [0, undefined],
      [0, undefined],
    ],
  );
});

test("a mirror notices an origin that was made anew", { timeout: 30_000 }, async (t) => {
  const hub = await start(t, "hub");
  const desk = await hub.connect();
  const client = await (await start(t, "leaf", hub)).connect();
  const origin = { name: "S", subjects: ["s.>"] };
  await request(client, "STREAM.CREATE.S", origin);
  for (let at = 0; at < 3; at++) await client.request("s.old", `${at}`);
  await request(desk, "STREAM.CREATE.M", { name: "M", mirror: { name: "S", external: { api: "$JS.leaf.API" } } });
  await infoUntil(desk, "M", ({ state }) => state.messages === 3);
  await request(client, "STREAM.DELETE.S");
  await request(client, "STREAM.CREATE.S", origin);
  for (let at = 0; at < 5; at++) await client.request("s.new", `${at}`);
  const info = await infoUntil(desk, "M", ({ mirror }) => /another stream/.test(mirror?.error?.description ?? ""));
  assert.equal(info.state.messages, 3);
});

test("an origin that refuses is asked again after a while, not with every message of a stream that has its name here", async (t) => {
  const client = await (await start(t, "here")).connect();
  let asked = 0;
  client.subscribe("$JS.there.API.>", {
    callback: (_, message) => {
      asked++;
      message.respond(JSON.stringify({ error: { code: 503, description: "not now" } }));
    },
  });
  await request(client, "STREAM.CREATE.S", { name: "S", subjects: ["s"] });
  await request(client, "STREAM.CREATE.ALL", {
    name: "ALL",
    sources: [{ name: "S", external: { api: "$JS.there.API" } }],
  });
  await infoUntil(client, "ALL", ({ sources }) => sources?.[0].error?.description === "not now");
  const before = asked;
  for (let at = 0; at < 50; at++) await client.request("s", `${at}`);
  assert.ok(asked - before < 10, `asked ${asked - before} times`);
});

test("a hub that is started anew while it catches up goes on where it was", { timeout: 40_000 }, async (t) => {
  const messages = 4000;
  const storeDir = temporaryFolder(t);
  const first = await start(t, "hub", undefined, { storeDir, port: -1 });
  const port = leafPort(first);
  const client = await (await start(t, "leaf", first)).connect();
  await request(client, "STREAM.CREATE.S", { name: "S", subjects: ["s"] });
  await Promise.all(Array.from({ length: messages }, (_, at) => client.request("s", `${at}`, { timeout: 20_000 })));
  const desk = await first.connect();
  const origin = { name: "S", external: { api: "$JS.leaf.API" } };
  await request(desk, "STREAM.CREATE.ALL", { name: "ALL", sources: [origin], allow_direct: true });
  await request(desk, "STREAM.CREATE.COPY", { name: "COPY", mirror: origin, allow_direct: true });
  await infoUntil(desk, "ALL", ({ state }) => state.messages > 0);
  await first.close();
  const second = await start(t, "hub", undefined, { storeDir, port });
  const again = await second.connect();
  for (const name of ["ALL", "COPY"]) {
    const { state } = await infoUntil(again, name, (info) => info.state.messages >= messages);
    assert.deepEqual([state.messages, state.last_seq], [messages, messages], name);
    for (const sequence of [1, messages / 2, messages]) {
      const body = JSON.stringify({ seq: sequence });
      const message = await again.request(`$JS.API.DIRECT.GET.${name}`, body);
      assert.equal(message.string(), `${sequence - 1}`, `${name} ${sequence}`);
    }
  }
  await second.close();
});

test("filters and transforms hold over a link, up and down", { timeout: 30_000 }, async (t) => {
  const hub = await start(t, "hub");
  const desk = await hub.connect();
  const client = await (await start(t, "leaf", hub)).connect();
  await request(client, "STREAM.CREATE.UP", { name: "UP", subjects: ["up.*.*"] });
  await request(desk, "STREAM.CREATE.DOWN", { name: "DOWN", subjects: ["down.>"] });
  for (const subject of ["up.a.1", "up.b.1", "up.a.2"]) await client.request(subject, subject);
  for (const subject of ["down.x", "down.y.z", "down.x"]) await desk.request(subject, subject);
  const transforms = [{ src: "up.a.*", dest: "all.{{wildcard(1)}}.a" }];
  const source = { name: "UP", external: { api: "$JS.leaf.API" }, subject_transforms: transforms };
  await request(desk, "STREAM.CREATE.ALL", { name: "ALL", sources: [source], allow_direct: true });
  const mirror = { name: "DOWN", external: { api: "$JS.hub.API" }, filter_subject: "down.x" };
  await request(client, "STREAM.CREATE.MINE", { name: "MINE", mirror, mirror_direct: true, allow_direct: true });
  await infoUntil(desk, "ALL", ({ state }) => state.messages === 2);
  await infoUntil(client, "MINE", ({ state }) => state.messages === 2);
  const read = async (from: typeof desk, stream: string, seq: number): Promise<(string | undefined)[]> => {
    const message = await from.request(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify({ seq }));
    return [message.headers?.get("Nats-Subject"), message.string()];
  };
  assert.deepEqual(await read(desk, "ALL", 1), ["all.1.a", "up.a.1"]);
  assert.deepEqual(await read(desk, "ALL", 2), ["all.2.a", "up.a.2"]);
  assert.deepEqual(await read(client, "MINE", 1), ["down.x", "down.x"]);
  assert.deepEqual(await read(client, "MINE", 3), ["down.x", "down.x"]);
});
