// A cluster of three nats-servers becomes one of natsnode, one server at a time by lame duck mode, under traffic of official
// clients that never notice more than a retry (docs/guides/migrating.md).
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { until } from "./support/local-cluster.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";

const REQUEST_MS = 2000;

test("three nats-servers are replaced one by one, and every request is answered", {
  skip: withoutNeighbour(),
  timeout: 120_000,
}, async (t) => {
  const routePorts = [await freePort(), await freePort(), await freePort()];
  const monitorPorts = [await freePort(), await freePort(), await freePort()];
  const clientPorts = [await freePort(), await freePort(), await freePort()];
  const config = (i: number): string => `
    listen: 127.0.0.1:${clientPorts[i]} # {{PORT}} is not used
    server_name: M${i}
    http: 127.0.0.1:${monitorPorts[i]}
    lame_duck_duration: 30s
    lame_duck_grace_period: 1s
    cluster {
      name: migrating
      listen: 127.0.0.1:${routePorts[i]}
      routes: [${routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(", ")}]
    }`;
  const start = (program: "natsnode" | "neighbour", i: number): Promise<ServerProcess> =>
    startServerProcess(t, { program, config: config(i) });
  const clustered = async (): Promise<void> =>
    until("all servers know each other", async () => {
      const seen = await Promise.all(
        monitorPorts.map(async (port) => {
          const page = await fetch(`http://127.0.0.1:${port}/routez`);
          const { routes } = (await page.json()) as { routes: { remote_id: string }[] };
          return new Set(routes.map(({ remote_id }) => remote_id)).size;
        }),
      );
      return seen.every((count) => count === 2);
    });

  const servers = await Promise.all([0, 1, 2].map((i) => start("neighbour", i)));
  await clustered();
  const open = async (name: string): Promise<NatsConnection> => {
    const client = await connect({
      servers: clientPorts.map((port) => `127.0.0.1:${port}`),
      name,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    t.after(() => client.close());
    return client;
  };
  for (let i = 0; i < 3; i++) {
    const service = await open(`service ${i}`);
    service.subscribe("square", {
      queue: "workers",
      callback: (_error, message) => void message.respond(String(Number(message.string()) ** 2)),
    });
    await service.flush();
  }
  const requesters = await Promise.all([0, 1, 2].map((i) => open(`requester ${i}`)));
  let asked = 0;
  let retried = 0;
  let done = false;
  const ask = async (client: NatsConnection): Promise<void> => {
    const number = ++asked;
    const request = (): Promise<{ string(): string }> =>
      client.request("square", String(number), { timeout: REQUEST_MS });
    const answer = await request().catch(() => {
      retried++;
      return request();
    });
    assert.equal(answer.string(), String(number ** 2));
  };
  const traffic = requesters.map(async (client) => {
    while (!done) await ask(client);
  });
  for (let i = 0; i < 3; i++) {
    servers[i].signal("SIGUSR2");
    await servers[i].exited(60_000);
    servers[i] = await start("natsnode", i);
    await clustered();
  }
  const before = asked;
  await until("traffic goes on", () => asked > before + 100);
  done = true;
  await Promise.all(traffic);
  t.diagnostic(`${asked} requests, ${retried} of them answered at the second attempt`);
  assert.ok(retried < asked / 100);
});
