// A leaf node with two accounts at its hub, one of which imports from the other there: what comes over one link goes back over
// the other one.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { connectClient } from "./support/raw-client.js";
import type { Scope } from "./support/temporary-folder.js";

const users = (user: string) => [{ user, password: "secret" }];
const login = (user: string) => ({ user, pass: "secret" });

async function startLinked(t: Scope): Promise<LocalServer> {
  const accounts: ServerOptions["accounts"] = {
    A: { users: users("A"), exports: [{ service: "svc" }, { stream: "feed.>" }] },
    B: {
      users: users("B"),
      imports: [{ service: { account: "A", subject: "svc" } }, { stream: { account: "A", subject: "feed.>" } }],
    },
  };
  const hub = await startLocalServer(t, { leafnodes: { host: "127.0.0.1", port: -1 }, accounts });
  const { port } = hub.server.addresses["leafnode"];
  const remotes = ["A", "B"].map((account) => ({
    account,
    urls: [`nats-leaf://${account}:secret@127.0.0.1:${port}`],
  }));
  const leaf = await startLocalServer(t, {
    leafnodes: { remotes },
    accounts: { A: { users: users("A") }, B: { users: users("B") } },
  });
  await until("both links are made", () => leaf.server.reports.leafs().length === 2);
  return leaf;
}

const hears = ({ server }: LocalServer, account: string, subject: string): boolean =>
  server.accounts.get(account)?.sublist.hasInterest(subject) === true;

test("a service that the hub imports for one account is used and served at the same leaf node", async (t) => {
  const leaf = await startLinked(t);
  const service = await connectClient(t, leaf.port, login("A"));
  const client = await connectClient(t, leaf.port, login("B"));
  await until("the leaf node may ask", () => hears(leaf, "B", "svc"));
  service.send("SUB svc workers 1\r\nPING\r\n");
  await service.pong();
  client.send("SUB inbox 2\r\nPUB svc inbox 4\r\nhow?\r\n");
  const asked = await service.expect(/^MSG svc 1 (\S+) 4$/);
  assert.equal(asked.payload, "how?");
  const [, , , reply] = asked.line.split(" ");
  service.send(`PUB ${reply} 4\r\nso-o\r\n`);
  assert.equal((await client.expect("MSG inbox 2 4")).payload, "so-o");
});

test("a stream that the hub imports for one account goes back to the leaf node that it came from", async (t) => {
  const leaf = await startLinked(t);
  const from = await connectClient(t, leaf.port, login("A"));
  const to = await connectClient(t, leaf.port, login("B"));
  to.send("SUB feed.x 3\r\nSUB feed.x workers 4\r\nPING\r\n");
  await to.pong();
  await until("the hub tells of it", () => hears(leaf, "A", "feed.x"));
  from.send("PUB feed.x 3\r\none\r\n");
  const got = [await to.expect(/^MSG feed.x/), await to.expect(/^MSG feed.x/)];
  assert.deepEqual(got.map(({ line }) => line).sort(), ["MSG feed.x 3 3", "MSG feed.x 4 3"]);
});
