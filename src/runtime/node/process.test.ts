import assert from "node:assert/strict";
import { totalmem } from "node:os";
import { test } from "node:test";
import { nodeRuntime } from "./index.js";
import { NodeProcess } from "./process.js";

test("the process tells its pid, engine, environment and memory", () => {
  const info = new NodeProcess();
  assert.equal(info.pid, process.pid);
  assert.match(info.engine, /^(node|bun)\d+\./);
  assert.ok(info.cores >= 1);
  process.env.NATSNODE_PROCESS_TEST = "yes";
  assert.equal(info.env("NATSNODE_PROCESS_TEST"), "yes");
  delete process.env.NATSNODE_PROCESS_TEST;
  assert.equal(info.env("NATSNODE_PROCESS_TEST"), undefined);
  assert.ok(info.memoryBytes() > 5_000_000);
});

test("the limit of memory is the machine's, or its container's where that is lower", (t) => {
  const info = new NodeProcess();
  const cases: [number, number][] = [
    [0, totalmem()],
    [64 * 1024 * 1024, 64 * 1024 * 1024],
    [2 ** 64, totalmem()],
  ];
  for (const [constrained, limit] of cases) {
    t.mock.method(process, "constrainedMemory", () => constrained);
    assert.equal(info.memoryLimitBytes(), limit);
  }
});

test("memory that is no longer used is given back", () => {
  const info = new NodeProcess();
  const size = 64 * 1024 * 1024;
  const before = info.memoryBytes();
  let unused: Buffer | undefined = Buffer.alloc(size, 1);
  assert.ok(info.memoryBytes() > before + size / 2);
  unused = undefined;
  info.trimMemory();
  assert.ok(info.memoryBytes() < before + size / 2, String(unused));
  assert.equal(globalThis.gc, undefined);
});

test("cpuPercent counts since the last call", async () => {
  const info = new NodeProcess();
  assert.ok(info.cpuPercent() > 0);
  const until = performance.now() + 100;
  while (performance.now() < until);
  const busy = info.cpuPercent();
  await new Promise((done) => setTimeout(done, 200));
  const idle = info.cpuPercent();
  assert.ok(busy > 0);
  assert.ok(idle < busy, `${idle} < ${busy}`);
});

test("the runtime is one for the process", () => {
  assert.equal(nodeRuntime(), nodeRuntime());
  assert.equal(typeof nodeRuntime().network.hostname(), "string");
});

test("addresses of this machine are without loopback, unless asked for", () => {
  const { network } = nodeRuntime();
  for (const address of network.interfaceAddresses()) assert.doesNotMatch(address, /^(127\.|::1$)/);
  assert.ok(network.interfaceAddresses({ loopback: true }).includes("127.0.0.1"));
});
