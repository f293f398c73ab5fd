// JetStream's limits where the options give none: shares of the machine's memory and disk.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { startSimulatedServer } from "./support/simulated-server.js";

const MIB = 1024 * 1024;

interface Page {
  readonly bytes: number;
  readonly config: { readonly max_memory: number; readonly max_storage: number };
}

function smallMachine() {
  const world = simulatedRuntime({ seed: 3 });
  world.process.machineBytes = 64 * MIB;
  world.disk.capacityBytes = 32 * MIB;
  return world;
}

async function start(options: ServerOptions["jetstream"], world = smallMachine()) {
  const started = await startSimulatedServer({ jetstream: { storeDir: "/data", ...options } }, world);
  const page = () => started.server.jetStream?.jsz({}) as Page;
  const limits = (): [number, number] => [page().config.max_memory, page().config.max_storage];
  return { ...started, page, limits };
}

test("limits without a value are three quarters of the memory and of the free disk", async () => {
  const { log, limits } = await start({});
  const [memory, file] = limits();
  assert.equal(memory, 48 * MIB);
  // The server itself has written a little.
  assert.ok(file > 23.9 * MIB && file <= 24 * MIB, String(file));
  assert.ok(log.lines.some((line) => line.endsWith("  Max Memory:      0.05 GB")));
});

test("limits with a value are that, also 0", async () => {
  const { limits } = await start({ maxMemoryStoreBytes: 0, maxFileStoreBytes: MIB });
  assert.deepEqual(limits(), [0, MIB]);
});

test("what streams have stored does not lower the limit of the next start", async () => {
  const world = smallMachine();
  const first = await start({}, world);
  const client = await first.login();
  const stream = JSON.stringify({ name: "S", subjects: ["s"], storage: "file" });
  client.send(`PUB $JS.API.STREAM.CREATE.S r ${stream.length}\r\n${stream}\r\n`);
  const payload = "#".repeat(MIB - 100);
  for (let i = 0; i < 8; i++) client.send(`PUB s r ${payload.length}\r\n${payload}\r\n`);
  await first.advance(1000);
  await world.clock.settle(first.server.close());
  const second = await start({}, world);
  assert.ok(second.page().bytes > 7 * MIB);
  // The journal has some of it a second time.
  assert.ok(second.limits()[1] >= 17.9 * MIB, String(second.limits()[1]));
  assert.ok(second.limits()[1] > 0.75 * (await world.clock.settle(world.disk.freeBytes("/data"))) + 5 * MIB);
});
