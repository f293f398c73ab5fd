// Leaf nodes whose version is too old from a reload on.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { connectRaw } from "./support/raw-client.js";

const listening = { host: "127.0.0.1", port: -1 };
const leafs = ({ server }: LocalServer) => server.reports.leafs();
const leafPort = ({ server }: LocalServer): number => server.addresses["leafnode"].port;

test("a reload with a higher min_version ends the links of older leaf nodes", async (t) => {
  const options = (minVersion?: string): ServerOptions => ({
    serverName: "HUB",
    leafnodes: { ...listening, minVersion },
  });
  const hub = await startLocalServer(t, options());
  const old = await connectRaw(t, leafPort(hub));
  old.send('CONNECT {"server_id":"OLD","name":"old","version":"2.8.4","headers":true,"protocol":1}\r\n');
  const remote = { urls: [`nats-leaf://127.0.0.1:${leafPort(hub)}`] };
  await startLocalServer(t, { serverName: "NEW", leafnodes: { reconnectMs: 50, remotes: [remote] } });
  await until("both are there", () => leafs(hub).length === 2);
  let heard = "";
  old.socket.on("data", (chunk) => {
    heard += chunk.toString("latin1");
  });
  await hub.reload(options("2.9.0"));
  await old.closed();
  assert.match(heard, /-ERR 'connection rejected since minimum version required is "2\.9\.0"'/);
  await until("the new one is left", () => leafs(hub).length === 1);
  assert.equal(leafs(hub)[0].name, "NEW");
});
