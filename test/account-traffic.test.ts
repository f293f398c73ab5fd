// How much of an account has crossed routes, gateways and leaf links, as /accstatz and the system account tell it, and what
// /subsz shows of other clusters' interest; natsnode and, with the same numbers, the neighbour.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { connectionTo } from "./support/leaf-link.js";
import { until } from "./support/local-cluster.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./support/server-process.js";

interface Count {
  readonly msgs: number;
  readonly bytes: number;
}
type Counts = Count & Readonly<Record<"gateways" | "routes" | "leafs", Count>>;
interface AccountStat {
  readonly acc: string;
  readonly sent: Counts;
  readonly received: Counts;
}

const ACCOUNTS = `accounts { A { users: [{ user: a, password: a }] }, SYS { users: [{ user: s, password: s }] } }
  system_account: SYS`;

/** A server of a super-cluster, or a leaf node, with a client in the account A. */
async function started(t: TestContext, program: ServerProgram, name: string, config: string) {
  const http = await freePort();
  const server: ServerProcess = await startServerProcess(t, {
    program,
    config: `server_name: ${name}\nhttp: 127.0.0.1:${http}\n${ACCOUNTS}\n${config}`,
  });
  const login = async (user: string): Promise<NatsConnection> => {
    const client = await connect({ servers: `127.0.0.1:${server.port}`, user, pass: user });
    t.after(() => client.close());
    return client;
  };
  const page = async <T>(path: string): Promise<T> =>
    (await (await fetch(`http://127.0.0.1:${http}${path}`)).json()) as T;
  const statOf = async (): Promise<AccountStat> => {
    const { account_statz } = await page<{ account_statz: AccountStat[] }>("/accstatz");
    const found = account_statz.find(({ acc }) => acc === "A");
    assert.ok(found);
    return found;
  };
  return { client: await login("a"), login, page, statOf };
}

type Started = Awaited<ReturnType<typeof started>>;

/** Publishes from each client so often to each subject, and waits until all have come. */
async function exchange(from: readonly (readonly [Started, string, string])[], takers: readonly [Started, string][]) {
  const TIMES = 5;
  const expected = takers.map(([, subject]) => from.filter(([, to]) => to === subject).length * TIMES);
  const subscriptions = takers.map(([{ client }, subject]) => client.subscribe(subject));
  for (const [i, { client }] of takers.map(([taker]) => taker).entries()) {
    await client.flush();
    for (const [other] of from) if (other !== takers[i][0]) await connectionTo(client, other.client);
  }
  return async () => {
    const come = subscriptions.map((subscription) => subscription.getReceived());
    for (const [{ client }, subject, payload] of from) {
      for (let i = 0; i < TIMES; i++) client.publish(subject, payload);
    }
    await until("all messages have come", () =>
      subscriptions.every((subscription, i) => subscription.getReceived() - come[i] >= expected[i]),
    );
  };
}

/** What `act` adds to the counts of the servers. */
async function added(servers: readonly Started[], act: () => Promise<void>) {
  const before = await Promise.all(servers.map(({ statOf }) => statOf()));
  await act();
  const after = await Promise.all(servers.map(({ statOf }) => statOf()));
  const less = (a: Counts, b: Counts): Record<string, readonly number[]> =>
    Object.fromEntries(
      [
        ["all", a, b] as const,
        ...(["gateways", "routes", "leafs"] as const).map((kind) => [kind, a[kind], b[kind]] as const),
      ]
        .map(([kind, x, y]) => [kind, [x.msgs - y.msgs, x.bytes - y.bytes]] as const)
        .filter(([, [msgs]]) => msgs > 0),
    );
  return after.map(({ sent, received }, i) => ({
    sent: less(sent, before[i].sent),
    received: less(received, before[i].received),
  }));
}

for (const [program, skip] of [
  ["natsnode", false],
  ["neighbour", withoutNeighbour()],
] as const) {
  test(`what has crossed gateways and leaf links counts apart: ${program}`, { skip, timeout: 60_000 }, async (t) => {
    const [one, two, leafs, clusterOne, clusterTwo] = await Promise.all(Array.from("12345", () => freePort()));
    const gateways = `gateways: [{ name: ONE, url: "nats://127.0.0.1:${one}" }, { name: TWO, url: "nats://127.0.0.1:${two}" }]`;
    const [hub, far, leaf] = await Promise.all([
      started(
        t,
        program,
        "hub",
        `cluster { name: ONE, listen: 127.0.0.1:${clusterOne} }
        gateway { name: ONE, listen: 127.0.0.1:${one}, ${gateways} }
        leafnodes { listen: 127.0.0.1:${leafs} }`,
      ),
      started(
        t,
        program,
        "far",
        `cluster { name: TWO, listen: 127.0.0.1:${clusterTwo} }
        gateway { name: TWO, listen: 127.0.0.1:${two}, ${gateways} }`,
      ),
      started(
        t,
        program,
        "leaf",
        `leafnodes { reconnect: "100ms", remotes [{ url: "nats://a:a@127.0.0.1:${leafs}", account: A }] }`,
      ),
    ]);
    await connectionTo(hub.client, far.client);
    await connectionTo(hub.client, leaf.client);
    const act = await exchange(
      [
        [hub, "to.far", "12345"],
        [hub, "to.leaf", "12345"],
        [far, "to.hub", "1234567"],
        [far, "to.leaf", "123"],
        [leaf, "to.hub", "1"],
        [leaf, "to.far", "12"],
      ],
      [
        [hub, "to.hub"],
        [far, "to.far"],
        [leaf, "to.leaf"],
      ],
    );
    assert.deepEqual(await added([hub, far, leaf], act), [
      {
        sent: { all: [30, 115], gateways: [10, 35], leafs: [10, 40] },
        received: { all: [30, 115], gateways: [10, 50], leafs: [10, 15] },
      },
      { sent: { all: [20, 85], gateways: [10, 50] }, received: { all: [20, 85], gateways: [10, 35] } },
      { sent: { all: [20, 55], leafs: [10, 15] }, received: { all: [20, 55], leafs: [10, 40] } },
    ]);

    // The server's own numbers count links, too.
    const { sent, received } = await leaf.statOf();
    const own = await leaf.page<Record<string, number>>("/varz");
    const ofLinks = (what: string): number => own[`${what}_msgs`] - own[`${what}_client_msgs`];
    assert.deepEqual([ofLinks("out"), ofLinks("in")], [sent.leafs.msgs, received.leafs.msgs]);

    const system = await hub.login("s");
    const asked = await system.requestMany("$SYS.REQ.ACCOUNT.PING.STATZ", '{"accounts":["A"]}', { maxMessages: 2 });
    const told = new Map<string, AccountStat>();
    for await (const message of asked) {
      const { server, data } = message.json<{ server: { name: string }; data: { account_statz: AccountStat[] } }>();
      told.set(server.name, data.account_statz[0]);
    }
    assert.deepEqual(told.get("hub"), await hub.statOf());
    assert.deepEqual(told.get("far"), await far.statOf());

    for (const [{ page }, subject] of [
      [hub, "to.hub"],
      [far, "to.far"],
      [leaf, "to.leaf"],
    ] as const) {
      const shown = await page<{ subscriptions_list: { account: string; subject: string }[]; total: number }>(
        "/subsz?subs=1&acc=A",
      );
      const subjects = shown.subscriptions_list.map((one) => one.subject).filter((one) => one.startsWith("to."));
      assert.deepEqual(subjects, [subject]);
    }
    // What another cluster wants is nobody's subscription here.
    const { num_subscriptions } = await far.page<{ num_subscriptions: number }>("/subsz?acc=A");
    for (let i = 0; i < 20; i++) hub.client.subscribe(`more.${i}`);
    await hub.client.flush();
    const last = hub.client.subscribe("more.last", { callback: (_, message) => void message.respond() });
    await hub.client.flush();
    await until("the last of them is known", () =>
      far.client.request("more.last").then(
        () => true,
        () => false,
      ),
    );
    assert.equal((await far.page<{ num_subscriptions: number }>("/subsz?acc=A")).num_subscriptions, num_subscriptions);
    last.unsubscribe();
  });

  test(`what has crossed routes counts apart: ${program}`, { skip, timeout: 60_000 }, async (t) => {
    const [one, two] = [await freePort(), await freePort()];
    const cluster = (port: number): string =>
      `cluster { name: C, listen: 127.0.0.1:${port}, routes: ["nats://127.0.0.1:${one}", "nats://127.0.0.1:${two}"] }`;
    const servers = await Promise.all([
      started(t, program, "one", cluster(one)),
      started(t, program, "two", cluster(two)),
    ]);
    const [a, b] = servers;
    await connectionTo(a.client, b.client);
    const act = await exchange(
      [
        [a, "to.b", "12345"],
        [b, "to.a", "123"],
      ],
      [
        [a, "to.a"],
        [b, "to.b"],
      ],
    );
    assert.deepEqual(await added(servers, act), [
      { sent: { all: [10, 40], routes: [5, 25] }, received: { all: [10, 40], routes: [5, 15] } },
      { sent: { all: [10, 40], routes: [5, 15] }, received: { all: [10, 40], routes: [5, 25] } },
    ]);
  });
}
