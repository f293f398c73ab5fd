// When leaf links end: a reload with a higher min_version, and in simulated time a hub that leaves and an end that says nothing
// any more. With its servers closed, nothing is left that would keep a process.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer } from "../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../src/options/options.js";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import type { Server } from "../src/server/server.js";
import { until } from "./support/local-cluster.js";
import { LinesLogger, type LocalServer, startLocalServer } from "./support/local-server.js";
import { connectRaw } from "./support/raw-client.js";
import { SimulatedClient } from "./support/simulated-server.js";

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

const LEAF_PORT = 7422;

interface Node {
  readonly server: Server;
  readonly log: LinesLogger;
}

async function startNode(world: SimulatedRuntime, serverName: string, options: ServerOptions): Promise<Node> {
  const log = new LinesLogger();
  const resolved = resolveOptions({ serverName, host: serverName, port: 4222, ...options });
  const server = createServer(resolved, { runtime: world.host(serverName), logger: log });
  await world.clock.settle(server.start());
  return { server, log };
}

const linksOf = ({ server }: Node) => server.reports.leafs();
const remoteTo = (hub: string) => ({ urls: [`nats-leaf://${hub}:${LEAF_PORT}`] });

/** Closes servers; what is left then would go on for ever. */
async function assertNothingLeft(world: SimulatedRuntime, nodes: readonly Node[]): Promise<void> {
  for (const { server } of nodes) await world.clock.settle(server.close());
  await world.clock.runUntilIdle(60_000);
  for (const node of nodes) assert.deepEqual(linksOf(node), []);
}

test("a hub in lame duck mode takes no new leaf nodes, and those that it had go to another server of its cluster", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const hub = (name: string, other: string): Promise<Node> =>
    startNode(world, name, {
      cluster: { name: "C", host: name, port: 6222, routes: [`nats-route://${other}:6222`] },
      leafnodes: { host: name, port: LEAF_PORT },
      lameDuckGracePeriodMs: 5000,
      lameDuckDurationMs: 30_000,
    });
  const [one, two] = [await hub("one", "two"), await hub("two", "one")];
  await world.clock.runUntil(() => one.server.reports.routes().length > 0 && two.server.reports.routes().length > 0);
  const leaf = await startNode(world, "leaf", { leafnodes: { reconnectMs: 50, remotes: [remoteTo("one")] } });
  await world.clock.runUntil(() => linksOf(leaf).length === 1);
  assert.equal(linksOf(leaf)[0].name, "one");
  const dial = async (from: string, port: number): Promise<SimulatedClient> =>
    new SimulatedClient(await world.clock.settle(world.host(from).network.dial({ host: "one", port, timeoutMs: 500 })));
  const client = await dial("client", 4222);
  client.send("CONNECT {}\r\nPING\r\n");
  await world.clock.runUntil(() => client.received.includes("PONG"));
  const leaving = one.server.lameDuck();
  await world.clock.advance(1000);
  assert.equal(client.closed || client.ended, false, "it still has its clients");
  const late = await dial("late", LEAF_PORT);
  await world.clock.runUntil(() => late.ended || late.closed);
  assert.equal(late.received, "");
  await world.clock.runUntil(() => linksOf(leaf)[0]?.name === "two" && linksOf(two).length === 1);
  assert.deepEqual(linksOf(one), []);
  await world.clock.settle(leaving);
  await assertNothingLeft(world, [leaf, two, one]);
});

test("an end that says nothing any more is found out by pings, at both ends, and dialled again", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const pings = { pingIntervalMs: 1000, pingMax: 2 };
  const hub = await startNode(world, "hub", { leafnodes: { host: "hub", port: LEAF_PORT }, ...pings });
  const remote = { ...remoteTo("hub"), ignoreDiscoveredServers: true };
  const leaf = await startNode(world, "leaf", { leafnodes: { reconnectMs: 50, remotes: [remote] }, ...pings });
  await world.clock.runUntil(() => linksOf(hub).length === 1 && linksOf(leaf).length === 1);
  const [first] = linksOf(hub);
  world.wires.cutSilently("hub", "leaf");
  const isGivenUp = ({ log }: Node): boolean => log.matching(/Stale Connection/).length > 0;
  await world.clock.runUntil(() => isGivenUp(hub) && isGivenUp(leaf));
  assert.deepEqual(linksOf(hub), []);
  world.wires.heal("hub", "leaf");
  await world.clock.runUntil(() => linksOf(hub).length === 1 && linksOf(leaf).length === 1);
  assert.notEqual(linksOf(hub)[0].id, first.id);
  await assertNothingLeft(world, [leaf, hub]);
});
