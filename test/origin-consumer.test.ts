// Mirrors and sources of streams that let go of their messages, by a consumer that the origin has (`consumer`) or by one that they make
// there: what a work queue or a stream by interest has is removed when it is durable here, so that nothing is lost or comes twice
// over a link that is cut, and when the reader is killed.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { cuttingProxy } from "../src/testing/index.js";
import { freePort } from "./support/free-port.js";
import { connectionTo, linkedPrograms } from "./support/leaf-link.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./support/server-process.js";
import { consumersOf, infoUntil, request, untilConsumers } from "./support/stream-api.js";
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

/** Takes `count` messages of a work queue and acknowledges them; gives how many came. */
async function work(client: NatsConnection, stream: string, count: number): Promise<number> {
  const inbox = client.subscribe("work", { max: count });
  client.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.W`, JSON.stringify({ batch: count, expires: 10e9 }), {
    reply: "work",
  });
  let got = 0;
  for await (const message of inbox) {
    if (message.reply === undefined) break;
    got++;
    await client.request(message.reply, "");
  }
  return got;
}

for (const program of ["natsnode", "neighbour"] as const) {
  test(`a work queue of a ${program} keeps a message until its worker, mirror and source are all done with it`, {
    skip: program === "neighbour" && withoutNeighbour(),
    timeout: 60_000,
  }, async (t) => {
    const client = await clientOf(t, await starter(t, program, "one", "")());
    await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o.*"], retention: "workqueue" });
    const worker = { durable_name: "W", ack_policy: "explicit" };
    await request(client, "CONSUMER.CREATE.O.W", { stream_name: "O", config: worker });
    await request(client, "STREAM.CREATE.M", { name: "M", mirror: { name: "O" } });
    const full = { name: "S", max_msgs: 2, discard: "new", sources: [{ name: "O", filter_subject: "o.1" }] };
    await request(client, "STREAM.CREATE.S", full);
    await untilConsumers(client, "O", 3);
    assert.match((await consumersOf(client, "O")).join(" "), /^JS_MIRROR_\w{8} JS_SRC_\w{8} W$/);
    for (let at = 1; at <= 10; at++) await client.request(`o.${at % 2}`, `${at}`);
    await infoUntil(client, "M", ({ state }) => state.messages === 10);
    await infoUntil(client, "S", ({ state }) => state.messages === 2);
    // The worker gets what the mirror is done with; then what the source has no room for is kept for that.
    assert.equal(await work(client, "O", 10), 10);
    const { state: left } = await infoUntil(client, "O", ({ state }) => state.messages <= 5);
    assert.ok(left.messages >= 3);
    // Its sources go on more than half a minute after there is room.
    if (program === "neighbour") return;
    await request(client, "STREAM.UPDATE.S", { ...full, max_msgs: 10 });
    await infoUntil(client, "S", ({ state }) => state.messages === 5, 30_000);
    await infoUntil(client, "O", ({ state }) => state.messages === 0, 30_000);
    await request(client, "STREAM.UPDATE.S", { ...full, max_msgs: 5 });
    for (let at = 1; at <= 10; at++) await client.request(`o.${at % 2}`, `${at}`);
    assert.equal(await work(client, "O", 10), 10);
    await infoUntil(client, "M", ({ state }) => state.messages === 20);
    await infoUntil(client, "O", ({ state }) => state.messages === 5);
    await request(client, "STREAM.DELETE.S");
    await request(client, "STREAM.DELETE.M");
    await untilConsumers(client, "O", 1);
    assert.deepEqual(await consumersOf(client, "O"), ["W"]);
    await infoUntil(client, "O", ({ state }) => state.messages === 0);
  });
}
