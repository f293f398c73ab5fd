// How a link between servers is compressed follows its round trip, in virtual time: a single longer one is a burst.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LeafConnection } from "../src/leafnodes/leaf.js";
import { createServer } from "../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../src/options/options.js";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { LinesLogger } from "./support/local-server.js";

const PING_MS = 10_000;
/** One way; s2_auto takes the best from 100 ms of round trip on. */
const FAR_MS = 75;
const NEAR_MS = 1;

test("a link is compressed when two round trips in a row were long, and no longer when one was short", async () => {
  const world = simulatedRuntime({ seed: 1 });
  const { clock } = world;
  const start = async (name: string, options: ServerOptions): Promise<ReturnType<typeof createServer>> => {
    const resolved = resolveOptions({ ...options, host: "0.0.0.0", port: 4222, pingIntervalMs: PING_MS });
    const server = createServer(resolved, { runtime: world.host(name), logger: new LinesLogger() });
    await clock.settle(server.start());
    return server;
  };
  world.host("leaf");
  const hub = await start("hub", { leafnodes: { host: "0.0.0.0", port: 7422 } });
  world.wires.link("hub", "leaf", { latencyMs: NEAR_MS, jitterMs: 0 });
  const leaf = await start("leaf", { leafnodes: { remotes: [{ urls: ["nats-leaf://hub:7422"] }] } });
  const links = (): LeafConnection[] =>
    [hub, leaf].flatMap(({ accounts }) => {
      const targets = [...(accounts.get("$G")?.sublist.all() ?? [])].map(({ target }) => target);
      return targets.filter((target) => target instanceof LeafConnection).slice(0, 1);
    });
  await clock.runUntil(() => links().length === 2, 5000);
  const modesAfter = async (latencyMs: number): Promise<string[]> => {
    world.wires.link("hub", "leaf", { latencyMs });
    await clock.advance(PING_MS);
    return links().map(({ compression }) => compression);
  };
  assert.deepEqual(await modesAfter(FAR_MS), ["s2_uncompressed", "s2_uncompressed"]);
  assert.deepEqual(await modesAfter(FAR_MS), ["s2_best", "s2_best"]);
  assert.deepEqual(await modesAfter(NEAR_MS), ["s2_uncompressed", "s2_uncompressed"]);
});
