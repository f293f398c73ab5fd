// Servers of one JetStream are restarted while their clients make streams: every stream that was confirmed is there once.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";
import { freePort } from "./support/free-port.js";
import { ask, make, newWorld, together } from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";

const SIZE = 3;
const STREAMS_BETWEEN = 20;

test("streams are made once while servers are restarted", { timeout: 120_000 }, async (t) => {
  const { folder, servers } = newWorld(t);
  const ports: number[] = [];
  for (let at = 0; at < 2 * SIZE; at++) ports.push(await freePort());
  const clusterPorts = ports.slice(SIZE);
  const errors: string[] = [];
  const start = async (at: number): Promise<NatsServer> => {
    const routes = clusterPorts.filter((_, other) => other !== at).map((port) => `nats-route://127.0.0.1:${port}`);
    const ignore = (): void => {};
    const log = { notice: ignore, info: ignore, warn: ignore, debug: ignore, trace: ignore };
    const server = await startServer({
      host: "127.0.0.1",
      port: ports[at],
      serverName: `S${at}`,
      jetstream: { storeDir: join(folder, `${at}`) },
      cluster: { name: "C", host: "127.0.0.1", port: clusterPorts[at], routes },
      logger: { ...log, error: (text: string) => void errors.push(text) },
    });
    servers.push(server);
    return server;
  };
  const running = await Promise.all(Array.from({ length: SIZE }, (_, at) => start(at)));
  const patient = { reconnectTimeWait: 50, maxReconnectAttempts: -1, waitOnFirstConnect: true };
  const clients = await Promise.all(
    ports.slice(0, SIZE).map((port) => connect({ servers: `127.0.0.1:${port}`, ...patient })),
  );
  t.after(() => Promise.all(clients.map((client) => client.close())));

  await together(running.map((server, at) => ({ server, client: clients[at] })));
  const confirmed = new Set<string>();
  let asked = 0;
  let ended = false;
  // Two clients ask for each name.
  const makeStreams = async (client: NatsConnection): Promise<void> => {
    while (!ended) {
      const name = `N${asked++ >> 1}`;
      const answer = await make(client, name).catch(() => undefined);
      if (answer?.config !== undefined) confirmed.add(name);
      await pause(5);
    }
  };
  const made = async (): Promise<void> => {
    const enough = confirmed.size + STREAMS_BETWEEN;
    await until("more streams are made", () => confirmed.size >= enough);
  };
  const work = clients.map(makeStreams);
  for (let at = 0; at < SIZE; at++) {
    await made();
    await running[at].close();
    await made();
    running[at] = await start(at);
  }
  await made();
  ended = true;
  await Promise.all(work);
  // Names come in pages.
  const namesThere = async (): Promise<Set<unknown>> => {
    const names = new Set<unknown>();
    for (let total = 1; names.size < total; ) {
      const page = await ask(clients[0], "STREAM.NAMES", { offset: names.size }).catch(() => undefined);
      if (!page?.streams?.length) break;
      for (const name of page.streams) names.add(name);
      total = page.total ?? 0;
    }
    return names;
  };
  const isThere = async (): Promise<boolean> => {
    const names = await namesThere();
    return [...confirmed].every((name) => names.has(name));
  };
  await until("every stream that was confirmed is there", isThere);
  const missing = (await ask(clients[1], "STREAM.LIST")).missing;
  assert.equal(missing, undefined, "all servers answer");
  const twice = errors.filter((text) => text.includes("is on another server too"));
  assert.deepEqual(twice, [], "no name is on two servers");
});
