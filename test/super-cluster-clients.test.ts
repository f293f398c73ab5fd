// An official client of a super-cluster: it takes the URLs in the order of their distance, stays in its cluster while that
// lives, and its requests are answered from wherever somebody serves them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@nats-io/transport-node";
import { closestServers, type NatsServer, type StartOptions, startServer } from "../src/index.js";
import { until } from "./support/local-cluster.js";

interface Ends {
  after(run: () => Promise<void>): void;
}

async function started(t: Ends, name: string, cluster: string, known: StartOptions): Promise<NatsServer> {
  const server = await startServer({
    serverName: name,
    host: "127.0.0.1",
    port: -1,
    cluster: { name: cluster, host: "127.0.0.1", port: -1, ...known.cluster },
    gateway: { name: cluster, host: "127.0.0.1", port: -1, ...known.gateway },
  });
  t.after(() => server.close());
  return server;
}

const address = ({ addresses }: NatsServer, kind: string): string => `127.0.0.1:${addresses[kind].port}`;

test("a client goes through its own cluster first, then to the next one", async (t) => {
  const a1 = await started(t, "A1", "A", {});
  const a2 = await started(t, "A2", "A", { cluster: { routes: [`nats-route://${address(a1, "cluster")}`] } });
  const toA = { gateways: [{ name: "A", url: `nats://${address(a1, "gateway")}` }] };
  const b1 = await started(t, "B1", "B", { gateway: toA });

  const measured = await closestServers([a1, a2, b1].map(({ clientUrl }) => clientUrl));
  assert.deepEqual(new Set(measured.map(({ cluster }) => cluster)), new Set(["A", "B"]));
  // On one machine all are near: the order that distances would give is told.
  const servers = [a1, a2, b1].map(({ clientUrl }) => clientUrl);

  const service = await connect({ servers: b1.clientUrl });
  t.after(() => service.close());
  service.subscribe("where", { queue: "q", callback: (_, message) => void message.respond("B") });
  const nc = await connect({ servers, noRandomize: true, reconnectTimeWait: 10, maxReconnectAttempts: -1 });
  t.after(() => nc.close());
  const at = (): string | undefined => nc.info?.server_name;
  const asked = async (): Promise<string> => (await nc.request("where", "", { timeout: 2_000 })).string();
  assert.equal(at(), "A1");
  await until("the other cluster's interest is there", () =>
    asked().then(
      (text) => text === "B",
      () => false,
    ),
  );

  await a1.close();
  await until("the client is at the other server of its cluster", () => at() === "A2");
  await until("requests are answered", () =>
    asked().then(
      (text) => text === "B",
      () => false,
    ),
  );
  await a2.close();
  await until("the client is in the other cluster", () => at() === "B1");
  assert.equal(await asked(), "B");
});
