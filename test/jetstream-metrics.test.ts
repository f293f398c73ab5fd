// natsnode's own metrics of JetStream at /metrics: mirrors, sources, the budget of memory.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startServer } from "../src/index.js";
import { lookAgain } from "./support/look-again.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const storeDir = temporaryFolder({ after });

test("/metrics tells how far behind mirrors and sources are, and what the budget of memory is", async (t) => {
  const server = await startServer({
    ...{ host: "127.0.0.1", port: -1, httpPort: -1 },
    jetstream: { storeDir, maxMemoryProcessBytes: 1024 ** 4 },
  });
  const client = await connect({ servers: server.clientUrl });
  t.after(async () => {
    await client.close();
    await server.close();
  });
  const manager = await jetstreamManager(client);
  await manager.streams.add({ name: "ORIGIN", subjects: ["o.*"] });
  await manager.streams.add({ name: "MIRROR", mirror: { name: "ORIGIN" } });
  await manager.streams.add({
    name: "SOURCED",
    sources: [{ name: "ORIGIN", filter_subject: "o.a" }, { name: "NOBODY" }],
  });
  await jetstream(client).publish("o.a", "one");
  while ((await manager.streams.info("SOURCED")).state.messages === 0) await lookAgain();
  const { host, port } = server.addresses["monitoring"];
  const text = await (await fetch(`http://${host}:${port}/metrics`)).text();
  const samples = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^natsnode_jetstream_(\w+\{.*\}) (\S+)$/gm))
    samples.set(name, Number(value));
  const of = (name: string, stream: string, kind: string, origin: string, filter = ""): number | undefined => {
    const labels = `account="$G",stream="${stream}",kind="${kind}",origin="${origin}",api="",filter="${filter}"`;
    return samples.get(`inflow_${name}{${labels},server_id="${server.id}"}`);
  };
  assert.equal(of("lag_messages", "MIRROR", "mirror", "ORIGIN"), 0);
  const active = of("active_seconds", "MIRROR", "mirror", "ORIGIN") ?? Number.NaN;
  assert.ok(active >= 0 && active < 60, String(active));
  assert.equal(of("lag_messages", "SOURCED", "source", "ORIGIN", "o.a"), 0);
  assert.equal(of("stalled", "SOURCED", "source", "ORIGIN", "o.a"), 0);
  assert.equal(of("active_seconds", "SOURCED", "source", "NOBODY"), -1);
  const budget = (name: string) => samples.get(`memory_process_${name}{server_id="${server.id}"}`);
  assert.ok((budget("bytes") ?? 0) > 10_000_000);
  assert.deepEqual([budget("limit_bytes"), budget("refusing"), budget("refused_messages")], [1024 ** 4, 0, 0]);
});
