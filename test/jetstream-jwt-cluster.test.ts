// JetStream of several servers, of accounts of JWTs that not all of them have been asked for yet.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, createInbox, headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { type Answer, ask, make } from "./support/jetstream-cluster.js";
import { accountJwt, authenticatorOf, JwtWorld, operatorJwt, type Pair, pairOf } from "./support/jwt-world.js";
import { until } from "./support/local-cluster.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const jwts = new JwtWorld();
/** Accounts, each for a first request. */
const fresh = Array.from({ length: 7 }, () => pairOf("account"));
const LIMITS = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

interface JwtServers {
  /** Of two clusters servers with even numbers are one. */
  readonly start: (at: number, hasJetStream?: boolean) => Promise<ServerProcess>;
  readonly logIn: (server: ServerProcess, account?: Pair) => Promise<NatsConnection>;
}

/** Servers S0, S1, ... of one cluster; nobody uses the account until somebody logs in. */
async function jwtServers(t: TestContext, size: number, clusters: 1 | 2 = 1): Promise<JwtServers> {
  const folder = temporaryFolder(t);
  const ports: number[] = [];
  for (let at = 0; at < size; at++) ports.push(await freePort());
  const gatewayPorts = [await freePort(), await freePort()];
  const gateways = gatewayPorts.map((port, of) => `{ name: C${of}, url: "nats://127.0.0.1:${port}" }`);
  const gateway = (at: number): string => `gateway {
  name: C${at % 2}, listen: "127.0.0.1:${at < 2 ? gatewayPorts[at] : -1}", gateways: [${gateways.join(", ")}]
}`;
  const routes = (at: number): string[] =>
    ports.filter((_, of) => of % clusters === at % clusters).map((port) => `nats-route://127.0.0.1:${port}`);
  const { operator, system } = jwts;
  const preload = [jwts.account, ...fresh].map(
    (account) => `${account.nkey}: ${accountJwt(operator, account, { limits: LIMITS })}`,
  );
  const start = (at: number, hasJetStream = true): Promise<ServerProcess> =>
    startServerProcess(t, {
      config: `server_name: S${at}
operator: ${operatorJwt(operator, { system_account: system.nkey })}
system_account: ${system.nkey}
resolver: MEMORY
resolver_preload {
  ${system.nkey}: ${accountJwt(operator, system)}
  ${preload.join("\n  ")}
}
server_tags: ["at${at}"]
${hasJetStream ? `jetstream { store_dir: '${join(folder, `${at}`)}' }` : ""}
cluster { name: C${clusters === 2 ? at % 2 : ""}, listen: "127.0.0.1:${ports[at]}", routes: ${JSON.stringify(routes(at))} }
${clusters === 2 ? gateway(at) : ""}
`,
    });
  const logIn = async (server: ServerProcess, account = jwts.account): Promise<NatsConnection> => {
    const client = await connect({ port: server.port, authenticator: authenticatorOf(account, jwts.user) });
    t.after(() => client.close());
    return client;
  };
  return { start, logIn };
}

/** Asks for a server that knows more. */
function newerLevel(): MsgHdrs {
  const newer = headers();
  newer.set("Nats-Required-Api-Level", "99");
  return newer;
}

const code = ({ error }: Answer): number | undefined => error?.err_code;

test("servers that nobody of an account is connected to answer, and make streams of it", {
  timeout: 60_000,
}, async (t) => {
  const { start, logIn } = await jwtServers(t, 3);
  const [, , third] = await Promise.all([start(0), start(1), start(2)]);
  // S0 decides; nobody has logged in there.
  const client = await logIn(third);
  const first = await client.request("$JS.API.STREAM.INFO.NONE", "", { timeout: 15_000 });
  assert.equal(code(first.json<Answer>()), 10059);
  const placed = await make(client, "FAR", { placement: { tags: ["at1"] } });
  assert.deepEqual(placed.cluster, { name: "C", leader: "S1" });
  const nearby = await make(client, "NEAR");
  assert.deepEqual(nearby.cluster, { name: "C", leader: "S2" });
  assert.deepEqual((await ask(client, "STREAM.NAMES")).streams, ["FAR", "NEAR"]);
  const [second, another, newer] = await Promise.all(fresh.map((account) => logIn(third, account)));
  assert.equal(code(await ask(second, "STREAM.INFO.NONE")), 10059);
  const refused = await newer.request("$JS.API.STREAM.INFO.NONE", "", { timeout: 5000, headers: newerLevel() });
  assert.equal(code(refused.json<Answer>()), 10185, "its headers are sent on");
  await assert.rejects(another.request("$JS.API.DIRECT.GET.NONE", '{"seq":1}', { timeout: 5000 }), /no responders/);
});

test("streams of an account are there when their server is started again, before anybody logs in", {
  timeout: 60_000,
}, async (t) => {
  const { start, logIn } = await jwtServers(t, 2);
  const [first, second] = await Promise.all([start(0), start(1)]);
  const client = await logIn(first);
  const made = client.request(
    "$JS.API.STREAM.CREATE.KEPT",
    JSON.stringify({ name: "KEPT", subjects: ["kept.>"], placement: { tags: ["at1"] } }),
    { timeout: 15_000 },
  );
  assert.equal((await made).json<Answer>().cluster?.leader, "S1");
  await client.request("kept.a", "one");
  second.signal("SIGTERM");
  await second.exited();
  await start(1);
  await until("it is there again", () =>
    ask(client, "STREAM.INFO.KEPT").then(
      ({ state }) => state?.messages === 1,
      () => false,
    ),
  );
  assert.equal((await client.request("kept.a", "two")).json<{ seq: number }>().seq, 2);
});

/** Everything that answers one request, until a later one was answered. */
async function answersTo(
  client: NatsConnection,
  subject: string,
  payload = "",
  of: MsgHdrs = headers(),
): Promise<Answer[]> {
  const inbox = createInbox();
  const answers: Answer[] = [];
  const wait = client.subscribe(inbox, {
    callback: (_, message) => void answers.push(message.data.length === 0 ? {} : message.json<Answer>()),
  });
  client.publish(subject, payload, { reply: inbox, headers: of });
  await until("it is answered", () => answers.length > 0);
  // What would come a second time has come by then: it goes the same ways.
  for (let round = 0; round < 3; round++) await client.request("$JS.API.STREAM.INFO.NONE", "", { timeout: 5000 });
  wait.unsubscribe();
  return answers;
}

for (const clusters of [1, 2] as const) {
  const where = clusters === 1 ? "the cluster" : "the super-cluster";
  test(`each request of an account that is only used at a server without JetStream is answered once in ${where}`, {
    timeout: 60_000,
  }, async (t) => {
    const { start, logIn } = await jwtServers(t, 4, clusters);
    const [, , , without] = await Promise.all([start(0), start(1), start(2), start(3, false)]);
    // Until one of the servers decides.
    const first = await logIn(without, fresh[5]);
    await until("they answer", () =>
      first.request("$JS.API.INFO", "", { timeout: 1000 }).then(
        () => true,
        () => false,
      ),
    );
    const infos = await answersTo(await logIn(without, fresh[2]), "$JS.API.INFO");
    assert.deepEqual(
      infos.map(({ error, streams }) => [error, streams]),
      [[undefined, 0]],
    );
    const client = await logIn(without, fresh[3]);
    const made = await answersTo(client, "$JS.API.STREAM.CREATE.A", '{"name":"A","subjects":["a.>"]}');
    assert.deepEqual(
      made.map(({ config }) => config?.name),
      ["A"],
    );
    assert.equal((await answersTo(client, "$JS.API.STREAM.INFO.A")).length, 1);
    // The first one is forwarded, the second one heard.
    const newer = await logIn(without, fresh[6]);
    for (const name of ["B", "C"]) {
      const refused = await answersTo(newer, `$JS.API.STREAM.CREATE.${name}`, `{"name":"${name}"}`, newerLevel());
      assert.deepEqual(refused.map(code), [10185]);
    }
    const fast = await logIn(without, fresh[4]);
    const burst = await Promise.all(Array.from({ length: 40 }, () => answersTo(fast, "$JS.API.STREAM.INFO.NONE")));
    assert.deepEqual(new Set(burst.map((answers) => answers.map(code).join())), new Set(["10059"]));
  });
}

test("an account of one server of a cluster is reached from the other cluster", { timeout: 60_000 }, async (t) => {
  const { start, logIn } = await jwtServers(t, 4, 2);
  const [near, , , far] = await Promise.all([start(0), start(1), start(2), start(3)]);
  // At one of them nobody logs in at the server that the gateway leads to.
  for (const [asking, serving] of [
    [near, far],
    [far, near],
  ]) {
    const [client, service] = [await logIn(asking), await logIn(serving)];
    service.subscribe("a.>", { callback: (_, message) => void message.respond(`${serving.port}`) });
    await until("it is answered", () =>
      client.request("a.b", "", { timeout: 500 }).then(
        () => true,
        () => false,
      ),
    );
    assert.equal((await client.request("a.b")).string(), `${serving.port}`);
    await service.close();
  }
});

test("first requests of an account at servers that do not decide are answered once", { timeout: 60_000 }, async (t) => {
  const { start, logIn } = await jwtServers(t, 4, 2);
  const servers = await Promise.all([start(0), start(1), start(2), start(3)]);
  const first = await logIn(servers[1], fresh[5]);
  await first.request("$JS.API.INFO", "", { timeout: 15_000 });
  for (const [at, server] of servers.slice(1).entries()) {
    const client = await logIn(server, fresh[2 + at]);
    const burst = await Promise.all(Array.from({ length: 40 }, () => answersTo(client, "$JS.API.STREAM.INFO.NONE")));
    assert.deepEqual(new Set(burst.map((answers) => answers.map(code).join())), new Set(["10059"]));
  }
});
