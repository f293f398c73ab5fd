// Mirrors and sources that read by a consumer of their origin (`consumer`): what a work queue or a stream by interest has is removed
// there when it is durable here, so that nothing is lost or comes twice over a link that is cut, and when the reader is killed.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { startServer } from "../src/index.js";
import { cuttingProxy } from "../src/testing/index.js";
import { freePort } from "./support/free-port.js";
import { connectionTo, linkedPrograms } from "./support/leaf-link.js";
import { lookAgain } from "./support/look-again.js";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./support/server-process.js";
import { infoUntil, request } from "./support/stream-api.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const ALL = 300;
/** After so many messages of the origin the link is cut, then the hub is killed. */
const [FIRST, CUT, KILL] = [40, 120, 200];
const RETENTIONS = ["workqueue", "interest"] as const;
const READER = { durable_name: "C", ack_policy: "flow_control", deliver_subject: "to.hub", max_ack_pending: 50 };
const external = { api: "$JS.leaf.API" };
const origin = (name: string): object => ({ name, external, consumer: { name: "C", deliver_subject: `to.${name}` } });

async function publish(client: NatsConnection, from: number, to: number): Promise<void> {
  for (let at = from; at <= to; at++) for (const name of RETENTIONS) await client.request(`${name}.a`, `${at}`);
}

async function payloads(client: NatsConnection, stream: string): Promise<string[]> {
  const found: string[] = [];
  for (let seq = 1; seq <= ALL; seq++) {
    const { message } = await request<{ message: { data: string } }>(client, `STREAM.MSG.GET.${stream}`, { seq });
    found.push(Buffer.from(message.data, "base64").toString());
  }
  return found;
}

/** Starts servers whose JetStream, in a folder of its own, is found again when they are started again. */
function starter(t: TestContext, program: ServerProgram, name: string, rest: string): () => Promise<ServerProcess> {
  const storeDir = temporaryFolder(t);
  const config = `server_name: ${name}\njetstream { store_dir: "${storeDir}", domain: ${name} }\n${rest}`;
  return () => startServerProcess(t, { program, config });
}

async function clientOf(t: TestContext, { port }: ServerProcess): Promise<NatsConnection> {
  const client = await connect({ port, reconnect: false });
  t.after(() => client.close());
  return client;
}

for (const { hub: hubProgram, leaf: leafProgram, skip } of linkedPrograms()) {
  test(`all that a ${leafProgram} keeps until it is acknowledged comes to a ${hubProgram} once, in order`, {
    skip,
    timeout: 120_000,
  }, async (t) => {
    const hubPort = await freePort();
    const link = await cuttingProxy(hubPort, t);
    const startHub = starter(t, hubProgram, "hub", `leafnodes { listen: "127.0.0.1:${hubPort}" }`);
    const remotes = `leafnodes { reconnect: 1, remotes: [{ url: "nats-leaf://127.0.0.1:${link.port}" }] }`;
    const leaf = await clientOf(t, await starter(t, leafProgram, "leaf", remotes)());
    for (const name of RETENTIONS) {
      await request(leaf, `STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], retention: name });
      const config = { ...READER, deliver_subject: `to.${name}` };
      await request(leaf, `CONSUMER.CREATE.${name}.C`, { stream_name: name, config });
    }
    await publish(leaf, 1, FIRST);
    let server = await startHub();
    let hub = await clientOf(t, server);
    await connectionTo(hub, leaf);
    await request(hub, "STREAM.CREATE.M", { name: "M", mirror: origin("workqueue") });
    await request(hub, "STREAM.CREATE.S", { name: "S", sources: [origin("interest")] });
    for (const name of ["M", "S"]) await infoUntil(hub, name, ({ state }) => state.messages > 0);
    await publish(leaf, FIRST + 1, CUT);
    link.cut();
    await publish(leaf, CUT + 1, KILL - 1);
    link.heal();
    await infoUntil(hub, "M", ({ state }) => state.messages > CUT, 60_000);
    if (hubProgram === "natsnode") {
      server.kill();
      await publish(leaf, KILL, KILL + 1);
      server = await startHub();
      hub = await clientOf(t, server);
    } else await publish(leaf, KILL, KILL + 1);
    await publish(leaf, KILL + 2, ALL);
    const expected = Array.from({ length: ALL }, (_, at) => `${at + 1}`);
    for (const name of ["M", "S"]) {
      await infoUntil(hub, name, ({ state }) => state.messages >= ALL, 60_000);
      assert.deepEqual(await payloads(hub, name), expected);
    }
    for (const name of RETENTIONS) await infoUntil(leaf, name, ({ state }) => state.messages === 0, 60_000);
    for (const name of ["M", "S"]) await infoUntil(hub, name, ({ state }) => state.messages === ALL);
  });
}

test("the origin's consumer is looked at: what cannot be read by is told", { timeout: 60_000 }, async (t) => {
  const server = await startServer({
    host: "127.0.0.1",
    port: -1,
    jetstream: { storeDir: join(temporaryFolder(t), "s") },
  });
  t.after(() => server.close());
  const client = await server.connect();
  await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o"] });
  const config = { durable_name: "C", ack_policy: "explicit", deliver_subject: "to.hub" };
  await request(client, "CONSUMER.CREATE.O.C", { stream_name: "O", config });
  const source = { name: "O", consumer: { name: "C", deliver_subject: "to.hub" } };
  await request(client, "STREAM.CREATE.S", { name: "S", sources: [source] });
  const fault = (text: RegExp) =>
    infoUntil(client, "S", ({ sources }) => text.test(sources?.[0].error?.description ?? ""));
  await fault(/consumer C has another ack policy than flow_control/);
  await request(client, "CONSUMER.DELETE.O.C");
  await request(client, "CONSUMER.CREATE.O.C", {
    stream_name: "O",
    config: { ...READER, deliver_subject: "elsewhere" },
  });
  await fault(/consumer C delivers to another subject/);
  await client.request("o", "1");
  // Another one is the way out; what comes is acknowledged by it.
  await request(client, "CONSUMER.CREATE.O.D", { stream_name: "O", config: { ...READER, durable_name: "D" } });
  const other = { ...source, consumer: { name: "D", deliver_subject: "to.hub" } };
  await request(client, "STREAM.UPDATE.S", { name: "S", sources: [other] });
  const { sources } = await infoUntil(client, "S", ({ state }) => state.messages === 1);
  assert.equal(sources?.[0].error, undefined);
  for (;;) {
    const { ack_floor: floor } = await request<{ ack_floor: { stream_seq: number } }>(client, "CONSUMER.INFO.O.D");
    if (floor.stream_seq === 1) break;
    await lookAgain();
  }
});

test("a source that changes to another consumer takes all that this one sends", { timeout: 60_000 }, async (t) => {
  const storeDir = temporaryFolder(t);
  const server = await startServer({ host: "127.0.0.1", port: -1, jetstream: { storeDir } });
  t.after(() => server.close());
  const client = await server.connect();
  await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o.*"], retention: "workqueue" });
  for (const name of ["a", "b"]) {
    const config = { ...READER, durable_name: name, deliver_subject: `to.${name}`, filter_subject: `o.${name}` };
    await request(client, `CONSUMER.CREATE.O.${name}`, { stream_name: "O", config });
  }
  for (const name of ["a", "b", "a", "b", "a"]) await client.request(`o.${name}`, name);
  const by = (name: string) => ({ name: "O", consumer: { name, deliver_subject: `to.${name}` } });
  await request(client, "STREAM.CREATE.S", { name: "S", sources: [by("a")] });
  await infoUntil(client, "S", ({ state }) => state.messages === 3);
  await infoUntil(client, "O", ({ state }) => state.messages === 2);
  await request(client, "STREAM.UPDATE.S", { name: "S", sources: [by("b")] });
  const { sources } = await infoUntil(client, "S", ({ state }) => state.messages === 5);
  assert.deepEqual([sources?.length, sources?.[0].seq], [1, 4]);
  await infoUntil(client, "O", ({ state }) => state.messages === 0);
});
