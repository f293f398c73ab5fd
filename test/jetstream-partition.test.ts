// Servers of one JetStream whose links are slow, or cut for a while.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { cuttingProxy } from "../src/testing/index.js";
import { freePort } from "./support/free-port.js";
import { type Answer, ask, make, newWorld, startMember, together } from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";

/** Asks for a stream without end; every answer is kept. */
function watch(client: NatsConnection, stream: string): { readonly codes: number[]; end(): void } {
  const codes: number[] = [];
  const inbox = `_INBOX.watch.${client.info?.server_name}`;
  client.subscribe(inbox, {
    callback: (_, message) => void codes.push(message.json<Answer>().error?.err_code ?? 0),
  });
  const timer = setInterval(() => client.publish(`$JS.API.STREAM.INFO.${stream}`, "", { reply: inbox }), 5);
  return { codes, end: () => clearInterval(timer) };
}

test("a stream stays known while its server tells all that it has again", { timeout: 60_000 }, async (t) => {
  const world = newWorld(t);
  const one = await startMember(world, "S1", [], { cluster: { noAdvertise: true } });
  const proxy = await cuttingProxy(one.server.addresses["cluster"].port, t);
  const routes = [`nats-route://127.0.0.1:${proxy.port}`];
  const two = await startMember(world, "S2", [], { cluster: { routes, noAdvertise: true } });
  await together([one, two]);
  const metadata = { text: "x".repeat(100_000) };
  for (let at = 0; at < 20; at++) await make(two.client, `N${at}`, { metadata });
  proxy.cut();
  const watched = watch(one.client, "N19");
  t.after(() => watched.end());
  await until("it is offline", () => watched.codes.at(-1) === 10118);
  proxy.heal();
  proxy.slow({ bytesPerSecond: 1_000_000 });
  await until("it answers again", () => watched.codes.at(-1) === 0);
  // Told after all the others.
  await make(two.client, "LAST");
  await until("all is told", async () => (await ask(one.client, "STREAM.NAMES")).streams?.includes("LAST") === true);
  watched.end();
  assert.deepEqual([...new Set(watched.codes)].sort(), [0, 10118], "and nobody says that it is not there");
  assert.equal((await ask(one.client, "STREAM.NAMES")).total, 21);
});

test("a server that has not met the others yet answers direct gets of its streams, and the rest when it decides", {
  timeout: 60_000,
}, async (t) => {
  const world = newWorld(t);
  const first = await startMember(world, "S1", []);
  await make(first.client, "KEPT", { allow_direct: true });
  await first.client.request("kept.a", "one");
  await first.server.close();
  // It waits for a server that does not come.
  const routes = [`nats-route://127.0.0.1:${await freePort()}`];
  const { client } = await startMember(world, "S1", [], { cluster: { routes } });
  const nobody = assert.rejects(
    client.request("$JS.API.DIRECT.GET.NONE", '{"seq":1}', { timeout: 15_000 }),
    /no responders/,
  );
  const names = ask(client, "STREAM.NAMES").then(() => "names");
  const kept = client.request("$JS.API.DIRECT.GET.KEPT", '{"seq":1}', { timeout: 15_000 });
  assert.equal(await Promise.race([names, kept.then((message) => message.string())]), "one");
  await nobody;
});
