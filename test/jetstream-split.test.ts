// A network is split: both sides of one JetStream make a stream of one name. Nothing is lost when it heals, the log and
// /healthz name the two, and an operator makes one of them.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { cuttingProxy } from "../src/testing/index.js";
import { freePort } from "./support/free-port.js";
import { type Answer, ask, make } from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";
import { startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

interface Health {
  readonly status: string;
  readonly problems?: readonly { readonly account: string; readonly stream: string; readonly error: string }[];
}

const later = { reconnectTimeWait: 50, maxReconnectAttempts: -1 };

/** An answer, or nothing where a request was lost with a link: who polls asks again. */
async function poll(client: NatsConnection, subject: string, body: object | "" = ""): Promise<Answer> {
  const payload = body === "" ? "" : JSON.stringify(body);
  const answer = await client.request(`$JS.API.${subject}`, payload, { timeout: 1000 }).catch(() => undefined);
  return answer?.json<Answer>() ?? {};
}

/** Texts of the messages of a stream, in order, of the server that answers for it. */
async function textsOf(client: NatsConnection, name: string): Promise<string[]> {
  const texts: string[] = [];
  const { state } = await ask(client, `STREAM.INFO.${name}`);
  for (let seq = 1; seq <= (state?.messages ?? 0); seq++) {
    const { message } = (await ask(client, `STREAM.MSG.GET.${name}`, { seq })) as { message?: { data: string } };
    texts.push(Buffer.from(message?.data ?? "", "base64").toString());
  }
  return texts;
}

test("a name that both sides of a split network have used", { timeout: 90_000 }, async (t) => {
  const folder = temporaryFolder(t);
  const [clusterPort, ...pages] = [await freePort(), await freePort(), await freePort()];
  const proxy = await cuttingProxy(clusterPort, t);
  const start = (at: number): ReturnType<typeof startServerProcess> =>
    startServerProcess(t, {
      config: `server_name: S${at}
        http: "127.0.0.1:${pages[at]}"
        jetstream { store_dir: "${join(folder, `${at}`)}" }
        cluster {
          name: C
          no_advertise: true
          listen: "127.0.0.1:${at === 0 ? clusterPort : -1}"
          routes: ${at === 0 ? "[]" : `["nats-route://127.0.0.1:${proxy.port}"]`}
        }`,
    });
  const healthOf = async (at: number): Promise<Health> =>
    (await (await fetch(`http://127.0.0.1:${pages[at]}/healthz`)).json()) as Health;
  const errorsOf = async (at: number): Promise<string[] | undefined> =>
    (await healthOf(at)).problems?.map(({ stream, error }) => `${stream}: ${error}`);
  const clientOf = async ({ port }: { port: number }): Promise<NatsConnection> => {
    const client = await connect({ port, ...later });
    t.after(() => client.close());
    return client;
  };

  const servers = await Promise.all([start(0), start(1)]);
  const clients = await Promise.all(servers.map(clientOf));
  const met = { name: "MET", subjects: ["met"] };
  await until("they decide", async () => (await poll(clients[1], "STREAM.CREATE.MET", met)).config !== undefined);
  const knows = async (): Promise<boolean> => (await poll(clients[0], "STREAM.INFO.MET")).cluster?.leader === "S1";
  await until("they know each other", knows);

  proxy.cut();
  const isCut = async (): Promise<boolean> => (await poll(clients[0], "STREAM.INFO.MET")).error?.err_code === 10118;
  await until("the network is split", isCut);
  for (const at of [1, 0]) {
    const made = await make(clients[at], "TWICE", { description: `of S${at}` });
    assert.equal(made.cluster?.leader, `S${at}`, "each side goes on");
    await jetstream(clients[at]).publish("twice.x", `at S${at}`);
  }
  proxy.heal();
  const answer = "S1";
  await until("both know of both", async () => (await errorsOf(0)) !== undefined && (await errorsOf(1)) !== undefined);

  // The older one answers, and both are named.
  for (const client of clients) {
    const isReached = async (): Promise<boolean> => (await poll(client, "STREAM.INFO.TWICE")).config !== undefined;
    await until("it is reached over the new links", isReached);
    const { cluster, config } = await ask(client, "STREAM.INFO.TWICE");
    assert.deepEqual([cluster?.leader, config?.description], [answer, "of S1"]);
    assert.deepEqual(await textsOf(client, "TWICE"), ["at S1"]);
  }
  const hidden = 'stream "TWICE" is on another server too, which answers for it: S1';
  const older = 'stream "TWICE" is on another server too: S0; this one is older and answers';
  assert.deepEqual(await errorsOf(0), [`TWICE: ${hidden}`]);
  assert.deepEqual(await errorsOf(1), [`TWICE: ${older}`]);
  assert.equal((await healthOf(0)).status, "ok", "the server serves");
  assert.ok(servers[0].log.includes(`[ERR] JetStream: ${hidden} (account "$G")`));
  assert.ok(servers[1].log.includes(`[ERR] JetStream: ${older} (account "$G")`));

  // While the server of the older one is down the other one answers, with what it has, and can be saved or deleted.
  servers[1].signal("SIGTERM");
  await servers[1].exited();
  const names = async (): Promise<string | undefined> => {
    const { cluster } = await poll(clients[0], "STREAM.INFO.TWICE");
    return cluster?.leader;
  };
  await until("the other one answers", async () => (await names()) === "S0");
  assert.deepEqual(await textsOf(clients[0], "TWICE"), ["at S0"]);
  assert.equal((await ask(clients[0], "STREAM.DELETE.TWICE")).error, undefined);
  servers[1] = await start(1);
  await until("the older one is the only one", async () => (await names()) === "S1");
  assert.deepEqual(await textsOf(clients[0], "TWICE"), ["at S1"]);
  for (const at of [0, 1]) assert.deepEqual(await healthOf(at), { status: "ok" });
});
