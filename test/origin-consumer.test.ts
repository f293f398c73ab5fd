// Mirrors and sources of streams that let go of their messages, by a consumer that the origin has (`consumer`) or by one that they make
// there: what a work queue or a stream by interest has is removed when it is durable here, so that nothing is lost or comes twice
// over a link that is cut, and when the reader is killed.
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
const reader = (name: string): object => ({ name: "C", deliver_subject: `to.${name}` });

async function publish(client: NatsConnection, from: number, to: number): Promise<void> {
  for (let at = from; at <= to; at++) for (const name of RETENTIONS) await client.request(`${name}.a`, `${at}`);
}

async function consumersOf(client: NatsConnection, stream: string): Promise<string[]> {
  return (await request<{ consumers: string[] }>(client, `CONSUMER.NAMES.${stream}`)).consumers;
}

async function untilConsumers(client: NatsConnection, stream: string, count: number): Promise<void> {
  const deadline = AbortSignal.timeout(20_000);
  while ((await consumersOf(client, stream)).length !== count) {
    if (deadline.aborted) throw new Error(`${stream} has not ${count} consumers: ${await consumersOf(client, stream)}`);
    await new Promise(setImmediate);
  }
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

const CASES = linkedPrograms().flatMap((programs) => [true, false].map((isNamed) => ({ ...programs, isNamed })));
for (const { hub: hubProgram, leaf: leafProgram, skip, isNamed } of CASES) {
  const by = isNamed ? "a consumer that is named" : "its own consumer";
  test(`all that a ${leafProgram} keeps until it is acknowledged comes to a ${hubProgram} once, in order, by ${by}`, {
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
      if (isNamed) await request(leaf, `CONSUMER.CREATE.${name}.C`, { stream_name: name, config });
    }
    if (isNamed) await publish(leaf, 1, FIRST);
    let server = await startHub();
    let hub = await clientOf(t, server);
    await connectionTo(hub, leaf);
    const origin = (name: string): object => ({ name, external, consumer: isNamed ? reader(name) : undefined });
    await request(hub, "STREAM.CREATE.M", { name: "M", mirror: origin("workqueue") });
    await request(hub, "STREAM.CREATE.S", { name: "S", sources: [origin("interest")] });
    if (!isNamed) {
      // Nobody would have an interest in what came before.
      for (const name of RETENTIONS) await untilConsumers(leaf, name, 1);
      await publish(leaf, 1, FIRST);
    }
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
    for (const name of ["M", "S"]) await request(hub, `STREAM.DELETE.${name}`);
    for (const name of RETENTIONS) await untilConsumers(leaf, name, isNamed ? 1 : 0);
  });
}

test("a work queue of the same server lets go of what its mirror and source have, beside its workers", {
  timeout: 60_000,
}, async (t) => {
  const storeDir = temporaryFolder(t);
  const server = await startServer({ host: "127.0.0.1", port: -1, jetstream: { storeDir } });
  t.after(() => server.close());
  const client = await server.connect();
  await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o.*"], retention: "workqueue" });
  const worker = { durable_name: "W", ack_policy: "explicit" };
  await request(client, "CONSUMER.CREATE.O.W", { stream_name: "O", config: worker });
  await request(client, "STREAM.CREATE.M", { name: "M", mirror: { name: "O" } });
  await request(client, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O", filter_subject: "o.1" }] });
  await untilConsumers(client, "O", 3);
  const names = await consumersOf(client, "O");
  assert.match(names.join(" "), /^JS_MIRROR_\w{8} JS_SRC_\w{8} W$/);
  for (let at = 1; at <= 10; at++) await client.request(`o.${at % 2}`, `${at}`);
  await infoUntil(client, "M", ({ state }) => state.messages === 10);
  await infoUntil(client, "S", ({ state }) => state.messages === 5);
  await infoUntil(client, "O", ({ state }) => state.messages === 0);
  await request(client, "STREAM.UPDATE.S", { name: "S", subjects: ["s"] });
  await request(client, "STREAM.DELETE.M");
  await untilConsumers(client, "O", 1);
  assert.deepEqual(await consumersOf(client, "O"), ["W"]);
});

test("a mirror goes on with a stream that begins to keep messages by interest", { timeout: 60_000 }, async (t) => {
  const storeDir = temporaryFolder(t);
  const server = await startServer({ host: "127.0.0.1", port: -1, jetstream: { storeDir } });
  t.after(() => server.close());
  const client = await server.connect();
  await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o"] });
  await request(client, "STREAM.CREATE.M", { name: "M", mirror: { name: "O" } });
  await client.request("o", "1");
  await infoUntil(client, "M", ({ state }) => state.messages === 1);
  assert.deepEqual(await consumersOf(client, "O"), []);
  await request(client, "CONSUMER.CREATE.O.W", { stream_name: "O", config: { durable_name: "W", ack_policy: "none" } });
  await request(client, "STREAM.UPDATE.O", { name: "O", subjects: ["o"], retention: "interest" });
  await untilConsumers(client, "O", 2);
  await client.request("o", "2");
  await infoUntil(client, "M", ({ state }) => state.messages === 2);
});

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
