// JetStream domains over a leaf link: what stays on its own side, and where requests without a domain go.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { connectClient } from "./support/raw-client.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

/** A hub of the domain "hub", and a leaf. */
async function linked(t: Scope, leafOptions: ServerOptions): Promise<{ hub: LocalServer; leaf: LocalServer }> {
  const folder = temporaryFolder(t);
  const hub = await startLocalServer(t, {
    serverName: "HUB",
    jetstream: { storeDir: join(folder, "hub"), domain: "hub" },
    leafnodes: { host: "127.0.0.1", port: -1 },
  });
  const { port } = hub.server.addresses["leafnode"];
  const leaf = await startLocalServer(t, {
    serverName: "LEAF",
    leafnodes: { remotes: [{ urls: [`nats-leaf://127.0.0.1:${port}`] }] },
    ...leafOptions,
  });
  await until("the hub's API is known", () => leaf.server.accounts.global.sublist.hasInterest("$JS.hub.API.INFO"));
  return { hub, leaf };
}

async function domainOf(t: Scope, server: LocalServer, subject: string): Promise<string | undefined> {
  const client = await connectClient(t, server.port);
  client.send(`SUB answer 1\r\nPUB ${subject} answer 0\r\n\r\n`);
  const { payload } = await client.expect(/^MSG answer 1 /);
  return (JSON.parse(payload as string) as { domain?: string }).domain;
}

test("a leaf without JetStream uses its default domain", async (t) => {
  const { leaf } = await linked(t, { defaultJsDomain: { $G: "hub" } });
  assert.equal(await domainOf(t, leaf, "$JS.API.INFO"), "hub");
});

test("of two domains each answers for itself, and buckets stay on their side", async (t) => {
  const storeDir = join(temporaryFolder(t), "leaf");
  const { hub, leaf } = await linked(t, { jetstream: { storeDir, domain: "leaf" } });
  const known = () => hub.server.accounts.global.sublist.hasInterest("$JS.leaf.API.INFO");
  await until("the leaf's API is known", known);
  assert.equal(await domainOf(t, leaf, "$JS.API.INFO"), "leaf");
  assert.equal(await domainOf(t, leaf, "$JS.hub.API.INFO"), "hub");
  assert.equal(await domainOf(t, hub, "$JS.leaf.API.INFO"), "leaf");
  const client = await connectClient(t, hub.port);
  client.send("SUB $KV.x 1\r\nSUB later 2\r\nPING\r\n");
  await client.pong();
  await until("the leaf knows", () => leaf.server.accounts.global.sublist.hasInterest("later"));
  assert.equal(leaf.server.accounts.global.sublist.hasInterest("$KV.x"), false);
});
