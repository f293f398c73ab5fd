// JetStream of servers that are not in one cluster of equals: over gateways, after a partition, and beside nats-servers.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { ask, type Member, make, newWorld, startMember, startMembers, together } from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { startServerProcess } from "./support/server-process.js";

const LOCAL = { host: "127.0.0.1", port: -1 };

test("clusters that are joined by gateways have one JetStream", { timeout: 60_000 }, async (t) => {
  const world = newWorld(t);
  const start = (name: string, routes: Member[], toA?: Member): Promise<Member> => {
    const [cluster] = name;
    const url = `nats://127.0.0.1:${toA?.server.addresses["gateway"].port}`;
    const gateways = toA === undefined ? [] : [{ name: "A", url }];
    return startMember(world, name, routes, {
      cluster: { name: cluster },
      gateway: { name: cluster, ...LOCAL, gateways },
    });
  };
  const a1 = await start("A1", []);
  const a2 = await start("A2", [a1]);
  const b1 = await start("B1", [], a1);
  const b2 = await start("B2", [b1], a1);
  const members = [a1, a2, b1, b2];
  await together(members);

  const far = await make(a1.client, "FAR", { placement: { cluster: "B" } });
  assert.equal(far.cluster?.name, "B");
  assert.deepEqual((await make(b2.client, "HOME")).cluster, { name: "B", leader: "B2" });
  assert.deepEqual((await make(a2.client, "NEAR")).cluster, { name: "A", leader: "A2" });
  const same = await Promise.all(members.map(({ client }) => make(client, "SAME")));
  assert.equal(new Set(same.map(({ cluster }) => cluster?.leader)).size, 1);

  const manager = await jetstreamManager(a1.client);
  await manager.consumers.add("HOME", { durable_name: "d", ack_policy: AckPolicy.Explicit });
  for (const { client } of members) {
    assert.deepEqual((await ask(client, "STREAM.NAMES")).streams, ["FAR", "HOME", "NEAR", "SAME"]);
    assert.equal((await ask(client, "STREAM.INFO.NONE")).error?.err_code, 10059);
    const js = jetstream(client);
    assert.equal((await js.publish("home.x", "one")).stream, "HOME");
    const consumer = await js.consumers.get("HOME", "d");
    const message = await consumer.next({ expires: 5000 });
    assert.equal(message?.string(), "one");
    assert.equal(await message?.ackAck(), true);
  }
});

test("of two streams of one name the older one answers, until it is deleted", { timeout: 60_000 }, async (t) => {
  const world = newWorld(t);
  const one = await startMember(world, "S1", []);
  const other = await startMember(world, "S2", []);
  await make(other.client, "TWICE", { description: "older" });
  await make(one.client, "TWICE", { description: "newer" });
  await other.server.close();
  const two = await startMember(world, "S2", [one]);
  await together([one, two]);
  for (const { client } of [one, two]) {
    const { config, cluster } = await ask(client, "STREAM.INFO.TWICE");
    assert.deepEqual([config?.description, cluster?.leader], ["older", "S2"]);
    assert.deepEqual((await ask(client, "STREAM.NAMES")).streams, ["TWICE"]);
  }
  await ask(one.client, "STREAM.DELETE.TWICE");
  for (const { client } of [one, two]) {
    const { config, cluster } = await ask(client, "STREAM.INFO.TWICE");
    assert.deepEqual([config?.description, cluster?.leader], ["newer", "S1"]);
  }
});

test("a client of a server without JetStream makes and reads streams of the cluster", {
  timeout: 60_000,
}, async (t) => {
  const [world, one, two] = await startMembers(t, 2);
  const without = await startMember(world, "S3", [one, two], { jetstream: { enabled: false } });
  await until("a stream is made", () =>
    make(without.client, "WORK").then(
      ({ config }) => config !== undefined,
      () => false,
    ),
  );
  assert.equal((await jetstream(without.client).publish("work.x", "one")).seq, 1);
  const message = await (await jetstream(without.client).consumers.get("WORK")).next({ expires: 5000 });
  assert.equal(message?.string(), "one");
  assert.deepEqual((await ask(two.client, "STREAM.NAMES")).streams, ["WORK"]);
});

test("beside nats-servers with JetStream", { timeout: 90_000, skip: withoutNeighbour() }, async (t) => {
  const world = newWorld(t);
  const ports = [await freePort(), await freePort(), await freePort()];
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`);
  const [other] = await Promise.all(
    ports.map((port, at) =>
      startServerProcess(t, {
        program: "neighbour",
        config: `
          server_name: N${at}
          jetstream { store_dir: "{{DIR}}" }
          cluster { name: C, listen: "127.0.0.1:${port}", routes: ${JSON.stringify(routes)} }`,
      }),
    ),
  );
  await other.logged(/JetStream cluster.* metadata leader/, 40_000);
  const theirs = await connect({ servers: `127.0.0.1:${other.port}` });
  t.after(() => theirs.close());
  await until("they have a leader", () =>
    make(theirs, "THEIRS").then(
      ({ config }) => config !== undefined,
      () => false,
    ),
  );
  const jetstreamOptions = { storeDir: join(world.folder, "OWN"), domain: "own" };
  const own = await startMember(world, "OWN", [], { jetstream: jetstreamOptions, cluster: { routes } });
  const without = await startMember(world, "WITHOUT", [], { jetstream: { enabled: false }, cluster: { routes } });

  for (const { client } of [own, without]) {
    await until("their streams are reached", () =>
      ask(client, "STREAM.NAMES").then(
        ({ streams }) => streams?.includes("THEIRS") === true,
        () => false,
      ),
    );
    const before = (await ask(client, "STREAM.INFO.THEIRS")).state?.messages ?? 0;
    await jetstream(client).publish("theirs.x", "one");
    assert.equal((await ask(client, "STREAM.INFO.THEIRS")).state?.messages, before + 1);
    const message = await (await jetstream(client).consumers.get("THEIRS")).next({ expires: 5000 });
    assert.equal(message?.string(), "one");
  }
  for (const client of [own.client, without.client, theirs]) {
    const pull = client.request("$JS.API.CONSUMER.MSG.NEXT.THEIRS.none", "", { timeout: 5000 });
    await assert.rejects(pull, /no responders/);
  }
  // By its domain every client reaches natsnode's own.
  const manager = await jetstreamManager(own.client, { domain: "own" });
  await manager.streams.add({ name: "MINE", subjects: ["mine.>"] });
  for (const client of [own.client, without.client, theirs]) {
    const same = await jetstreamManager(client, { domain: "own" });
    assert.equal((await same.streams.info("MINE")).config.name, "MINE");
    assert.equal((await jetstream(client, { domain: "own" }).publish("mine.x", "one")).stream, "MINE");
  }
  assert.deepEqual((await ask(theirs, "STREAM.NAMES")).streams, ["THEIRS"]);
});
