// Clusters of natsnode and nats-server: of the version that is stood in for, and of Debian's 2.9, whose routes have no pools.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { freePort } from "./support/free-port.js";
import { until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { withoutNeighbour, withoutOldNeighbour } from "./support/neighbour.js";
import { connectClient, type RawClient } from "./support/raw-client.js";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./support/server-process.js";

const MESSAGES = 600;

interface Mixed {
  readonly own: LocalServer;
  readonly other: ServerProcess;
  /** Starts the other one anew. */
  restart(): Promise<ServerProcess>;
}

/** One server of each kind; `dials` says which of them has the route. */
async function mixed(t: TestContext, program: ServerProgram, dials: "own" | "other"): Promise<Mixed> {
  const [ownPort, otherPort] = [await freePort(), await freePort()];
  const route = (port: number): string => `nats-route://127.0.0.1:${port}`;
  const accounts = {
    A: { users: [{ user: "a", password: "a" }] },
    B: { users: [{ user: "b", password: "b" }] },
  };
  const routes = dials === "own" ? [route(otherPort)] : [];
  const cluster = { name: "C", host: "127.0.0.1", port: ownPort, routes };
  const config = `
      server_name: OTHER
      accounts {
        A { users: [{ user: a, password: a }] }
        B { users: [{ user: b, password: b }] }
      }
      cluster {
        name: C
        listen: "127.0.0.1:${otherPort}"
        ${dials === "other" ? `routes: ["${route(ownPort)}"]` : ""}
      }`;
  const start = (): Promise<ServerProcess> => startServerProcess(t, { program, config });
  const other = await start();
  const own = await startLocalServer(t, { serverName: "OWN", accounts, cluster });
  await until("they are connected", () => own.server.reports.remoteServers() === 1);
  return { own, other, restart: start };
}

const login = (account: string) => ({ user: account.toLowerCase(), pass: account.toLowerCase() });

async function hears(t: TestContext, port: number, lines: string, account = "A"): Promise<RawClient> {
  const client = await connectClient(t, port, login(account));
  client.send(lines);
  await client.sync();
  return client;
}

/** Publishes again and again until somebody hears it: only the receiving side shows when interest has crossed. */
async function crossed(t: TestContext, from: number, to: number): Promise<void> {
  const hearing = await hears(t, to, "SUB crossed 1\r\n");
  const publisher = await connectClient(t, from, login("A"));
  await until("interest has crossed", async () => {
    publisher.send("PUB crossed 0\r\n\r\n");
    await publisher.sync();
    return (await hearing.sync()).length > 0;
  });
  hearing.close();
}

/** Counts what the members of a group get. */
async function member(t: TestContext, port: number, counts: Map<string, number>, name: string): Promise<void> {
  const client = await connectClient(t, port, login("A"));
  client.handle = ({ line }) => {
    if (line.startsWith("MSG ")) counts.set(name, (counts.get(name) ?? 0) + 1);
    return line.startsWith("MSG ");
  };
  client.send("SUB work group 1\r\n");
  await client.sync();
}

for (const [program, skip] of [
  ["neighbour", withoutNeighbour()],
  ["old neighbour", withoutOldNeighbour()],
] as const) {
  const kind = program === "neighbour" ? "nats-server" : "nats-server 2.9";
  for (const dials of ["own", "other"] as const) {
    const title = dials === "own" ? `natsnode dials ${kind}` : `${kind} dials natsnode`;

    test(`${title}: messages, headers and accounts cross`, { skip }, async (t) => {
      const { own, other } = await mixed(t, program, dials);
      for (const [from, to] of [
        [own.port, other.port],
        [other.port, own.port],
      ]) {
        await crossed(t, from, to);
        const hearing = await hears(t, to, `SUB a.* 1\r\nSUB a.b group${to} 2\r\n`);
        const foreign = await hears(t, to, "SUB a.* 1\r\n", "B");
        await crossed(t, from, to);
        const publisher = await connectClient(t, from, login("A"));
        publisher.send("HPUB a.b back 22 24\r\nNATS/1.0\r\nKey: one\r\n\r\nhi\r\n");
        const got = [await hearing.next(), await hearing.next()];
        hearing.close();
        assert.deepEqual(got.map(({ line }) => line).sort(), ["HMSG a.b 1 back 22 24", "HMSG a.b 2 back 22 24"]);
        assert.ok(got.every(({ headers, payload }) => headers === "NATS/1.0\r\nKey: one\r\n\r\n" && payload === "hi"));
        assert.deepEqual(await foreign.sync(), []);
      }
    });

    test(`${title}: one member of a group gets each message, and all get some`, { skip }, async (t) => {
      const { own, other } = await mixed(t, program, dials);
      const counts = new Map<string, number>();
      for (const name of ["own 1", "own 2"]) await member(t, own.port, counts, name);
      for (const name of ["other 1", "other 2"]) await member(t, other.port, counts, name);
      for (const port of [own.port, other.port]) {
        await crossed(t, own.port, other.port);
        await crossed(t, other.port, own.port);
        counts.clear();
        const publisher = await connectClient(t, port, login("A"));
        publisher.send("PUB work 0\r\n\r\n".repeat(MESSAGES));
        await publisher.sync();
        const sum = (): number => [...counts.values()].reduce((all, count) => all + count, 0);
        await until("all have come", () => sum() >= MESSAGES);
        assert.equal(sum(), MESSAGES);
        for (const [name, count] of counts) assert.ok(count > 40, `${name} got ${count}`);
        assert.equal(counts.size, 4);
      }
    });

    test(`${title}: requests on fresh inboxes are answered, and nobody's absence is told`, { skip }, async (t) => {
      const { own, other } = await mixed(t, program, dials);
      for (const [from, to] of [
        [own.port, other.port],
        [other.port, own.port],
      ]) {
        const responder = await hears(t, to, "SUB echo 1\r\n");
        responder.handle = ({ line }) => {
          const reply = line.startsWith("MSG echo ") ? line.split(" ")[3] : undefined;
          if (reply !== undefined) responder.send(`PUB ${reply} 2\r\nhi\r\n`);
          return reply !== undefined;
        };
        await crossed(t, from, to);
        for (let i = 0; i < 50; i++) {
          const asker = await connectClient(t, from, login("A"));
          asker.send(`SUB _INBOX.${i} 1\r\nPUB echo _INBOX.${i} 0\r\n\r\n`);
          await asker.expect(`MSG _INBOX.${i} 1 2`);
          asker.close();
        }
        const asker = await hears(t, from, "SUB inbox 1\r\n");
        asker.send("PUB nobody inbox 0\r\n\r\n");
        assert.match((await asker.next()).headers, /^NATS\/1\.0 503/);
        responder.close();
      }
    });

    test(`${title}: a server that is killed and comes back is connected again`, { skip }, async (t) => {
      const { own, other, restart } = await mixed(t, program, dials);
      await other.kill();
      await until("it is missed", () => own.server.reports.remoteServers() === 0);
      const again = await restart();
      await until("it is back", () => own.server.reports.remoteServers() === 1);
      await crossed(t, own.port, again.port);
      await crossed(t, again.port, own.port);
      assert.deepEqual(own.log.matching(/internal error/), []);
    });
  }
}
