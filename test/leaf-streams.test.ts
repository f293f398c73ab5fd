// Streams that flow over leaf links: several leaf nodes into one stream of the hub, filters, and origins that are made anew.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };

interface Flow {
  readonly lag: number;
  readonly error?: { readonly description: string };
}

interface Info {
  readonly state: { readonly messages: number };
  readonly mirror?: Flow;
  readonly sources?: readonly Flow[];
}

async function start(t: Scope, domain: string, hub?: NatsServer): Promise<NatsServer> {
  const remotes = hub && [{ urls: [`nats-leaf://127.0.0.1:${hub.addresses["leafnode"].port}`] }];
  const server = await startServer({
    ...here,
    serverName: domain,
    jetstream: { storeDir: join(temporaryFolder(t), domain), domain },
    leafnodes: remotes === undefined ? here : { remotes },
  });
  t.after(() => server.close());
  return server;
}

async function ask<T>(client: NatsConnection, subject: string, body: object | string = ""): Promise<T> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return (await client.request(`$JS.API.${subject}`, text, { timeout: 5000 })).json<T>();
}

/** Looks at a stream until it is as wanted. */
async function infoUntil(client: NatsConnection, name: string, fits: (info: Info) => boolean): Promise<Info> {
  for (;;) {
    const info = await ask<Info>(client, `STREAM.INFO.${name}`);
    if (fits(info)) return info;
    await new Promise(setImmediate);
  }
}

test("two leaf nodes flow into one stream, each by its filter", { timeout: 20_000 }, async (t) => {
  const hub = await start(t, "hub");
  const desk = await hub.connect();
  const sources: object[] = [];
  for (const name of ["north", "south"]) {
    const client = await (await start(t, name, hub)).connect();
    await ask(client, "STREAM.CREATE.S", { name: "S", subjects: [`${name}.>`] });
    for (let at = 0; at < 5; at++) await client.request(`${name}.kept`, `${at}`);
    await client.request(`${name}.left`, "no");
    sources.push({ name: "S", external: { api: `$JS.${name}.API` }, filter_subject: `${name}.kept` });
  }
  await ask(desk, "STREAM.CREATE.ALL", { name: "ALL", sources });
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
  await ask(client, "STREAM.CREATE.S", origin);
  for (let at = 0; at < 3; at++) await client.request("s.old", `${at}`);
  await ask(desk, "STREAM.CREATE.M", { name: "M", mirror: { name: "S", external: { api: "$JS.leaf.API" } } });
  await infoUntil(desk, "M", ({ state }) => state.messages === 3);
  await ask(client, "STREAM.DELETE.S");
  await ask(client, "STREAM.CREATE.S", origin);
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
  await ask(client, "STREAM.CREATE.S", { name: "S", subjects: ["s"] });
  await ask(client, "STREAM.CREATE.ALL", { name: "ALL", sources: [{ name: "S", external: { api: "$JS.there.API" } }] });
  await infoUntil(client, "ALL", ({ sources }) => sources?.[0].error?.description === "not now");
  const before = asked;
  for (let at = 0; at < 50; at++) await client.request("s", `${at}`);
  assert.ok(asked - before < 10, `asked ${asked - before} times`);
});
