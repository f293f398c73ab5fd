// A cluster of natsnode with JetStream of several servers, and nats-servers with their own: reached by domains through leaf links.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { StartOptions } from "../src/index.js";
import { freePort } from "./support/free-port.js";
import { type Answer, newWorld, startMember, together } from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";

const LOCAL = { host: "127.0.0.1", port: -1 };

/** Asks the API of a domain; nothing where a request was lost. */
async function ask(client: NatsConnection, domain: string, subject: string, body: object | "" = ""): Promise<Answer> {
  const payload = body === "" ? "" : JSON.stringify(body);
  const answer = await client
    .request(`$JS.${domain}.API.${subject}`, payload, { timeout: 5000 })
    .catch(() => undefined);
  return answer?.json<Answer>() ?? {};
}

const programs: readonly [ServerProgram, string | false][] = [
  ["natsnode", false],
  ["neighbour", withoutNeighbour()],
];
for (const [program, skip] of programs) {
  test(`a leaf node (${program}) reaches the streams of all servers of its hub, and they reach its`, {
    timeout: 60_000,
    skip,
  }, async (t) => {
    const world = newWorld(t);
    const options = (name: string): StartOptions => ({
      jetstream: { storeDir: `${world.folder}/${name}`, domain: "hub" },
      leafnodes: { ...LOCAL, noAdvertise: true },
    });
    const one = await startMember(world, "S1", [], options("S1"));
    const two = await startMember(world, "S2", [one], options("S2"));
    await together([one, two]);
    const leaf = await startServerProcess(t, {
      program,
      config: `server_name: leaf
        jetstream { store_dir: "{{DIR}}", domain: leaf }
        leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${one.server.addresses["leafnode"].port}" }] }`,
    });
    const below = await connect({ port: leaf.port });
    t.after(() => below.close());
    // At the server that the leaf node is not connected to.
    await ask(two.client, "hub", "STREAM.CREATE.FAR", { name: "FAR", subjects: ["far.>"] });
    const clients = [below, one.client, two.client];
    for (const client of clients) {
      const isReached = async (): Promise<boolean> =>
        (await ask(client, "hub", "STREAM.INFO.FAR")).config !== undefined &&
        (await ask(client, "leaf", "STREAM.NAMES")).total !== undefined;
      await until("both domains are reached", isReached);
    }
    await ask(below, "leaf", "STREAM.CREATE.DEEP", { name: "DEEP", subjects: ["deep.>"] });
    for (const client of clients) {
      assert.equal((await ask(client, "hub", "STREAM.INFO.FAR")).cluster?.leader, "S2");
      assert.equal((await ask(client, "leaf", "STREAM.INFO.DEEP")).config?.name, "DEEP");
      for (const domain of ["hub", "leaf"]) {
        assert.equal((await ask(client, domain, "STREAM.INFO.NONE")).error?.err_code, 10059);
      }
      assert.deepEqual((await ask(client, "hub", "STREAM.NAMES")).streams, ["FAR"]);
      assert.deepEqual((await ask(client, "leaf", "STREAM.NAMES")).streams, ["DEEP"]);
      await client.request("far.x", "one", { timeout: 5000 });
      await client.request("deep.x", "one", { timeout: 5000 });
    }
    // Each way, from and to the server that the link does not end at.
    const external = (domain: string): object => ({ external: { api: `$JS.${domain}.API`, deliver: "" } });
    await ask(two.client, "hub", "STREAM.CREATE.UP", { name: "UP", mirror: { name: "DEEP", ...external("leaf") } });
    await ask(below, "leaf", "STREAM.CREATE.DOWN", { name: "DOWN", mirror: { name: "FAR", ...external("hub") } });
    for (const [client, domain, name] of [
      [one.client, "hub", "UP"],
      [below, "leaf", "DOWN"],
    ] as const) {
      const isWhole = async (): Promise<boolean> =>
        (await ask(client, domain, `STREAM.INFO.${name}`)).state?.messages === clients.length;
      await until(`${name} has all messages`, isWhole);
    }
    // Made over the link, on one of the hub's servers.
    const made = await ask(below, "hub", "STREAM.CREATE.ABOVE", { name: "ABOVE", subjects: ["above.>"] });
    assert.equal(made.config?.name, "ABOVE");
    assert.equal((await ask(two.client, "hub", "STREAM.INFO.ABOVE")).cluster?.leader, made.cluster?.leader);
  });
}

test("nats-servers that start their JetStream in a super-cluster with natsnode's: each reaches the other's", {
  timeout: 120_000,
  skip: withoutNeighbour(),
}, async (t) => {
  const world = newWorld(t);
  const theirPorts = [await freePort(), await freePort(), await freePort()];
  const [ourGateway, theirGateway] = [await freePort(), await freePort()];
  const routes = theirPorts.map((port) => `nats-route://127.0.0.1:${port}`);
  const own = await startMember(world, "OWN", [], {
    jetstream: { storeDir: `${world.folder}/OWN`, domain: "own" },
    cluster: { name: "A" },
    gateway: {
      ...{ name: "A", host: "127.0.0.1", port: ourGateway },
      gateways: [{ name: "B", url: `nats://127.0.0.1:${theirGateway}` }],
    },
  });
  const [first] = await Promise.all(
    theirPorts.map((port, at) =>
      startServerProcess(t, {
        program: "neighbour",
        config: `server_name: N${at}
          jetstream { store_dir: "{{DIR}}" }
          cluster { name: B, listen: "127.0.0.1:${port}", routes: ${JSON.stringify(routes)} }
          gateway {
            name: B
            listen: "127.0.0.1:${at === 0 ? theirGateway : -1}"
            gateways: [{ name: A, url: "nats://127.0.0.1:${ourGateway}" }]
          }`,
      }),
    ),
  );
  await first.logged(/(JetStream cluster new|Self is new JetStream cluster) metadata leader/, 60_000);
  const without = await startMember(world, "WITHOUT", [own], {
    jetstream: { enabled: false },
    cluster: { name: "A" },
    gateway: {
      ...{ name: "A", host: "127.0.0.1", port: -1 },
      gateways: [{ name: "B", url: `nats://127.0.0.1:${theirGateway}` }],
    },
  });
  const theirs = await connect({ port: first.port });
  t.after(() => theirs.close());
  const made = (client: NatsConnection, prefix: string, name: string) => async (): Promise<boolean> => {
    const body = JSON.stringify({ name, subjects: [`${name.toLowerCase()}.>`] });
    const answer = await client
      .request(`${prefix}.STREAM.CREATE.${name}`, body, { timeout: 5000 })
      .catch(() => undefined);
    return answer?.json<Answer>().config !== undefined;
  };
  await until("theirs is made", made(theirs, "$JS.API", "THEIRS"));
  await until("natsnode's is made by a client of theirs", made(theirs, "$JS.own.API", "OURS"));
  for (const client of [own.client, theirs]) {
    assert.equal((await ask(client, "own", "STREAM.INFO.OURS")).cluster?.leader, "OWN");
    const info = await client.request("$JS.API.STREAM.INFO.THEIRS", "", { timeout: 5000 });
    assert.equal(info.json<Answer>().config?.name, "THEIRS");
    for (const [subject, stream] of [
      ["ours.x", "OURS"],
      ["theirs.x", "THEIRS"],
    ]) {
      const stored = await client.request(subject, "one", { timeout: 5000 });
      assert.equal(stored.json<{ stream: string }>().stream, stream);
    }
  }
  // Made there for clients of natsnode, as for those of a nats-server of a cluster without JetStream.
  for (const { client, server } of [own, without]) {
    const name = `FROM_${server.name}`;
    await until("it is made", made(client, "$JS.API", name));
    const info = await theirs.request(`$JS.API.STREAM.INFO.${name}`, "", { timeout: 5000 });
    assert.equal(info.json<Answer>().cluster?.name, "B");
    const pull = client.request(`$JS.API.CONSUMER.MSG.NEXT.${name}.none`, "", { timeout: 5000 });
    await assert.rejects(pull, /no responders/);
  }
});
