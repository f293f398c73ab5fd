// What clients of JetStream are told when the server ends: at once, before their connections are closed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectClient } from "./support/raw-client.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";
import { requestRaw } from "./support/stream-api.js";
import type { Scope } from "./support/temporary-folder.js";

const CONFIG = `
  jetstream { store_dir: "{{DIR}}/js" }
  lame_duck_duration: 30s
  lame_duck_grace_period: 100ms`;

/** What clients with waiting pulls and with a push consumer get between the signal and the end of their connections. */
async function told(t: Scope, program: ServerProgram, signal: NodeJS.Signals): Promise<Record<string, string[]>> {
  const server = await startServerProcess(t, { program, config: CONFIG });
  const pulling = await connectClient(t, server.port);
  const pushed = await connectClient(t, server.port);
  await requestRaw(pulling, "$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "memory" });
  const create = (name: string, config: object): Promise<object> =>
    requestRaw(pulling, `$JS.API.CONSUMER.CREATE.S.${name}`, { stream_name: "S", config: { name, ...config } });
  await create("C", { durable_name: "C", ack_policy: "explicit" });
  await create("O", { ack_policy: "none", mem_storage: true, inactive_threshold: 60e9 });
  pushed.send("SUB deliver 1\r\n");
  await pushed.sync();
  await create("P", { durable_name: "P", ack_policy: "explicit", deliver_subject: "deliver" });
  pulling.send("SUB r.* 1\r\n");
  const pull = (name: string, reply: string, request: object): void => {
    const payload = JSON.stringify(request);
    pulling.send(`PUB $JS.API.CONSUMER.MSG.NEXT.S.${name} ${reply} ${payload.length}\r\n${payload}\r\n`);
  };
  pull("C", "r.1", { batch: 10, expires: 60e9 });
  pull("C", "r.2", { batch: 5, max_bytes: 1000, expires: 60e9, idle_heartbeat: 20e9 });
  pull("C", "r.3", { batch: 7 });
  pull("O", "r.4", { batch: 100, expires: 60e9 });
  assert.deepEqual(await pulling.sync(), []);
  server.signal(signal);
  const all = await Promise.all([pulling, pushed].map((client) => client.closed(20_000)));
  await server.exited();
  const [toPulling, toPushed] = all.map((items) => items.map(({ line, headers }) => `${line} ${headers}`).sort());
  return { toPulling, toPushed };
}

test("who waits for messages is told that the server ends", { timeout: 30_000 }, async (t) => {
  const { toPulling, toPushed } = await told(t, "natsnode", "SIGTERM");
  assert.deepEqual(toPushed, []);
  assert.equal(toPulling.length, 4);
  assert.equal(
    toPulling[1],
    "HMSG r.2 1 84 84 NATS/1.0 409 Server Shutdown\r\nNats-Pending-Messages: 5\r\nNats-Pending-Bytes: 1000\r\n\r\n",
  );
});

for (const signal of ["SIGTERM", "SIGUSR2"] as const) {
  test(`clients of JetStream are told what nats-server tells them, at ${signal}`, {
    timeout: 60_000,
    skip: withoutNeighbour(),
  }, async (t) => {
    const [own, theirs] = await Promise.all([told(t, "natsnode", signal), told(t, "neighbour", signal)]);
    assert.deepEqual(own, theirs);
  });
}
