// JetStream of several servers, of accounts of JWTs that not all of them have been asked for yet.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { type Answer, ask, make } from "./support/jetstream-cluster.js";
import { accountJwt, authenticatorOf, JwtWorld, operatorJwt, type Pair, pairOf } from "./support/jwt-world.js";
import { until } from "./support/local-cluster.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const jwts = new JwtWorld();
/** Accounts, each for a first request. */
const fresh = [pairOf("account"), pairOf("account")];
const LIMITS = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

interface JwtServers {
  readonly start: (at: number) => Promise<ServerProcess>;
  readonly logIn: (server: ServerProcess, account?: Pair) => Promise<NatsConnection>;
}

/** Servers S0, S1, ... of one cluster; nobody uses the account until somebody logs in. */
async function jwtServers(t: TestContext, size: number): Promise<JwtServers> {
  const folder = temporaryFolder(t);
  const ports: number[] = [];
  for (let at = 0; at < size; at++) ports.push(await freePort());
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`);
  const { operator, system } = jwts;
  const preload = [jwts.account, ...fresh].map(
    (account) => `${account.nkey}: ${accountJwt(operator, account, { limits: LIMITS })}`,
  );
  const start = (at: number): Promise<ServerProcess> =>
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
jetstream { store_dir: '${join(folder, `${at}`)}' }
cluster { name: C, listen: "127.0.0.1:${ports[at]}", routes: ${JSON.stringify(routes)} }
`,
    });
  const logIn = async (server: ServerProcess, account = jwts.account): Promise<NatsConnection> => {
    const client = await connect({ port: server.port, authenticator: authenticatorOf(account, jwts.user) });
    t.after(() => client.close());
    return client;
  };
  return { start, logIn };
}

const code = ({ error }: Answer): number | undefined => error?.err_code;

test("servers that nobody of an account is connected to answer, and make streams of it", {
  timeout: 60_000,
}, async (t) => {
  const { start, logIn } = await jwtServers(t, 3);
  const [, , third] = await Promise.all([0, 1, 2].map(start));
  // S0 decides; nobody has logged in there.
  const client = await logIn(third);
  const first = await client.request("$JS.API.STREAM.INFO.NONE", "", { timeout: 15_000 });
  assert.equal(code(first.json<Answer>()), 10059);
  const placed = await make(client, "FAR", { placement: { tags: ["at1"] } });
  assert.deepEqual(placed.cluster, { name: "C", leader: "S1" });
  const nearby = await make(client, "NEAR");
  assert.deepEqual(nearby.cluster, { name: "C", leader: "S2" });
  assert.deepEqual((await ask(client, "STREAM.NAMES")).streams, ["FAR", "NEAR"]);
  const [second, another] = await Promise.all(fresh.map((account) => logIn(third, account)));
  assert.equal(code(await ask(second, "STREAM.INFO.NONE")), 10059);
  await assert.rejects(another.request("$JS.API.DIRECT.GET.NONE", '{"seq":1}', { timeout: 5000 }), /no responders/);
});

test("streams of an account are there when their server is started again, before anybody logs in", {
  timeout: 60_000,
}, async (t) => {
  const { start, logIn } = await jwtServers(t, 2);
  const [first, second] = await Promise.all([0, 1].map(start));
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
