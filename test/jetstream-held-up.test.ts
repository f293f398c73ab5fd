// A server of one JetStream is held up (its machine sleeps, its process is stopped) until the others have given it up. When it
// goes on, what it believes is old: it must not give away a name that others have used meanwhile.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import type { Answer } from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";
import { startServerProcess } from "./support/server-process.js";

const NAMES = ["N0", "N1", "N2", "N3", "N4"];

async function poll(client: NatsConnection, subject: string, body: object | "" = ""): Promise<Answer> {
  const payload = body === "" ? "" : JSON.stringify(body);
  const answer = await client.request(`$JS.API.${subject}`, payload, { timeout: 1000 }).catch(() => undefined);
  return answer?.json<Answer>() ?? {};
}

test("a coordinator that was held up makes no stream of a name that is taken", { timeout: 120_000 }, async (t) => {
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`);
  const servers = await Promise.all(
    ports.map((port, at) =>
      startServerProcess(t, {
        config: `server_name: S${at}
          jetstream { store_dir: "{{DIR}}" }
          cluster { name: C, listen: "127.0.0.1:${port}", routes: ${JSON.stringify(routes)} }`,
      }),
    ),
  );
  const clients = await Promise.all(
    servers.map(({ port }) => connect({ port, reconnectTimeWait: 50, maxReconnectAttempts: -1 })),
  );
  t.after(() => Promise.all(clients.map((client) => client.close())));
  const [held, other, third] = clients;
  await until("they know each other", async () => {
    const { config } = await poll(other, "STREAM.CREATE.MET", { name: "MET", subjects: ["met"] });
    return config !== undefined && (await poll(held, "STREAM.INFO.MET")).cluster?.leader === "S1";
  });
  assert.equal((await poll(held, "STREAM.CREATE.HELD", { name: "HELD", subjects: ["held"] })).cluster?.leader, "S0");

  servers[0].signal("SIGSTOP");
  // On its way while the server is held up: the first that it reads.
  const asked = NAMES.map(async (name) => {
    const body = JSON.stringify({ name, subjects: [`of0.${name}`], description: "of S0" });
    return (await held.request(`$JS.API.STREAM.CREATE.${name}`, body, { timeout: 40_000 })).json<Answer>();
  });
  for (const one of servers.slice(1)) await one.logged(/JetStream of server S0 is offline/, 30_000);
  for (const [at, name] of NAMES.entries()) {
    const made = await poll(at === 0 ? other : third, `STREAM.CREATE.${name}`, { name, subjects: [`other.${name}`] });
    assert.equal(made.cluster?.leader, at === 0 ? "S1" : "S2");
  }
  servers[0].signal("SIGCONT");
  const answers = await Promise.all(asked);
  assert.deepEqual(
    answers.map(({ error }) => error?.err_code),
    NAMES.map(() => 10058),
  );
  for (const { log } of servers) assert.ok(!log.includes("is on another server too"));
});
