// What the ports file says, and that it comes and goes.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../runtime/logger.js";
import { NodeDisk } from "../runtime/node/disk.js";
import { PortsFile, portsFilePath, portsFileText } from "./ports-file.js";

const plain = { client: false, monitoring: false, cluster: false, websocket: false };

test("every listener has its list of URLs, and what does not listen is absent", () => {
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const all = { client: at(1), monitoring: at(2), cluster: at(3), profiling: at(4), websocket: at(5) };
  assert.deepEqual(JSON.parse(portsFileText(all, plain, [])), {
    nats: ["nats://127.0.0.1:1"],
    monitoring: ["http://127.0.0.1:2"],
    cluster: ["nats://127.0.0.1:3"],
    profile: ["http://127.0.0.1:4"],
    websocket: ["ws://127.0.0.1:5"],
  });
  assert.equal(portsFileText({ client: at(1) }, plain, []), '{"nats":["nats://127.0.0.1:1"]}');
});

test("TLS shows in the scheme", () => {
  const at = { host: "127.0.0.1", port: 1 };
  const tls = { client: true, monitoring: true, cluster: true, websocket: true };
  const text = portsFileText({ client: at, monitoring: at, cluster: at, websocket: at }, tls, []);
  const schemes = Object.values(JSON.parse(text) as Record<string, string[]>).map(([url]) => url.split(":")[0]);
  assert.deepEqual(schemes, ["tls", "https", "tls", "wss"]);
});

test("a wildcard address stands for all of the machine's", () => {
  const text = portsFileText({ client: { host: "0.0.0.0", port: 1 } }, plain, ["10.0.0.1", "fe80::1"]);
  assert.equal(text, '{"nats":["nats://10.0.0.1:1","nats://[fe80::1]:1"]}');
  assert.equal(portsFileText({ client: { host: "::", port: 1 } }, plain, []), '{"nats":["nats://[::]:1"]}');
});

test("the file is named after the program and the process", () => {
  assert.equal(portsFilePath("/run/", "natsnode", 7), "/run/natsnode_7.ports");
  assert.equal(portsFilePath("/", "natsnode", 7), "/natsnode_7.ports");
});

test("the file moves with its path and goes away at the end", () => {
  const folder = mkdtempSync(join(tmpdir(), "natsnode-ports-"));
  try {
    const file = new PortsFile(new NodeDisk(), silentLogger);
    file.put(join(folder, "a"), "1");
    assert.equal(readFileSync(join(folder, "a"), "utf8"), "1");
    file.put(join(folder, "b"), "2");
    assert.deepEqual([existsSync(join(folder, "a")), readFileSync(join(folder, "b"), "utf8")], [false, "2"]);
    file.remove();
    file.remove();
    assert.equal(existsSync(join(folder, "b")), false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a folder that is missing is reported, and so is a file that has gone", () => {
  const folder = mkdtempSync(join(tmpdir(), "natsnode-ports-"));
  try {
    const errors: string[] = [];
    const file = new PortsFile(new NodeDisk(), { ...silentLogger, error: (text) => void errors.push(text) });
    const path = join(folder, "none", "a");
    file.put(path, "1");
    file.remove();
    assert.deepEqual(errors, [`Error writing ports file (${path}): open ${path}: no such file or directory`]);
    file.put(join(folder, "a"), "1");
    rmSync(join(folder, "a"));
    file.remove();
    assert.match(errors[1], /^Error cleaning up ports file .*no such file or directory$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
