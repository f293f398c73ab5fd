// /jsz and the system account's pages of JetStream, with the keys that nats-server has at the same place.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AckPolicy, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { startServer } from "../src/index.js";
import { temporaryFolder } from "./support/temporary-folder.js";

// biome-ignore lint/suspicious/noExplicitAny: pages as they come
type Json = any;
const NO_LIMIT = '"reserved_memory": 18446744073709551615';
const MIB = 1024 * 1024;
const root = temporaryFolder({ after });

test("JetStream's pages have what nats-server's have", async (t) => {
  const server = await startServer({
    ...{ host: "127.0.0.1", port: -1, httpPort: -1, noAuthUser: "a", systemAccount: "SYS" },
    jetstream: { storeDir: root },
    accounts: {
      SYS: { users: [{ user: "sys", password: "s" }] },
      A: { users: [{ user: "a", password: "a" }], jetstream: { maxMemoryBytes: 10 * MIB, maxStoreBytes: 20 * MIB } },
      B: { users: [{ user: "b", password: "b" }], jetstream: {} },
      N: { users: [{ user: "n", password: "n" }] },
    },
  });
  const open: NatsConnection[] = [];
  const login = async (user: string, pass: string): Promise<NatsConnection> => {
    const client = await connect({ servers: server.clientUrl, user, pass });
    open.push(client);
    return client;
  };
  t.after(async () => {
    for (const client of open) await client.close();
    await server.close();
  });
  const manager = await jetstreamManager(await login("a", "a"));
  await manager.streams.add({ name: "S", subjects: ["s"] });
  await manager.streams.add({ name: "M", mirror: { name: "NOBODY" } });
  await manager.consumers.add("S", { durable_name: "c", ack_policy: AckPolicy.Explicit });
  const { host, port } = server.addresses["monitoring"];
  const text = async (query: string): Promise<string> => (await fetch(`http://${host}:${port}/jsz?${query}`)).text();
  const json = async (query: string): Promise<Json> => JSON.parse(await text(query));

  const [a] = (await json("accounts=1")).account_details;
  assert.deepEqual([a.reserved_memory, a.reserved_storage, a.accounts, a.api.level], [10 * MIB, 20 * MIB, 0, 0]);
  assert.ok((await text("acc=B")).includes(NO_LIMIT), "an account without limits");
  assert.equal((await json("config=1")).account_details, undefined);
  assert.equal((await json("accounts=1&offset=-2")).account_details.length, 2);
  assert.equal((await json("acc=B&offset=1")).account_details.length, 1);
  const led = await json("raft=1");
  assert.deepEqual([led.streams_leader, led.consumers_leader], [2, 1]);
  const [mirror, stream] = (await json("acc=A&consumers=1&config=1")).account_details[0].stream_detail;
  const missing = { code: 404, err_code: 10059, description: "stream not found" };
  assert.deepEqual(mirror.mirror.error, missing);
  assert.deepEqual((await manager.streams.info("M")).mirror?.error, missing);
  assert.deepEqual(Object.keys(stream.consumer_detail[0]).slice(0, 4), ["stream_name", "name", "created", "config"]);

  const system = await login("sys", "s");
  const ask = async (subject: string, body = ""): Promise<Json> => (await system.request(subject, body)).json();
  const id = server.id;
  const { jetstream } = (await ask(`$SYS.REQ.SERVER.${id}.STATSZ`)).statsz;
  assert.deepEqual(Object.keys(jetstream), ["config", "stats", "limits"]);
  assert.equal(jetstream.config.store_dir, undefined);
  assert.equal(jetstream.stats.accounts, 2);
  assert.equal((await ask(`$SYS.REQ.SERVER.${id}.JSZ`, '{"leader_only":true}')).data.streams, 2);
  const of = async (account: string): Promise<Json> => ask(`$SYS.REQ.ACCOUNT.${account}.JSZ`);
  assert.equal((await of("A")).data.name, "A");
  assert.equal((await of("N")).error.description, 'account "N" not jetstream enabled');
  assert.equal((await of("NOPE")).error.description, 'account "NOPE" not found');
});
