// `natsnode lab`: topologies in one process, their links cut and healed by commands, as people use it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { projectRoot } from "./support/project.js";

async function lab(args: readonly string[], input = ""): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [join(projectRoot, "bin/natsnode.js"), "lab", ...args]);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.end(input);
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, out, err };
}

const commands = (...lines: string[]): string[] => lines.flatMap((line) => ["--do", line]);

test("a cluster: requests are served by all, links are cut and healed, servers end and come back", async () => {
  const { code, out, err } = await lab([
    "cluster",
    ...commands(
      "ask n1 40",
      "cut n1 n2",
      "wait 300",
      "status",
      "heal",
      "formed",
      "status",
      "stop n3",
      "wait 300",
      "status",
      "start n3",
      "formed",
    ),
  ]);
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.match(out, /asked at n1, served by: n1 \d+, n2 \d+, n3 \d+ \(/);
  const routes = [...out.matchAll(/^(n\d) {2}nats:\S+ {2}clients 0 {2}routes to (.*?)(?: {2}links: (.*))?$/gm)];
  assert.deepEqual(
    routes.map(([, name, to, links]) => `${name}: ${to}${links === undefined ? "" : ` (${links})`}`),
    [
      ...["n1: n3 (n2 cut)", "n2: n3 (n1 cut)", "n3: n1 n2"],
      ...["n1: n2 n3", "n2: n1 n3", "n3: n1 n2"],
      ...["n1: n2", "n2: n1"],
    ],
  );
  assert.match(out, /^n3 {2}stopped$/m);
});

test("a latency between two servers is felt by requests that cross it", async () => {
  const { out } = await lab(["cluster", "--servers", "2", ...commands("slow n1 n2 60ms", "ask n1 12")]);
  const [, here, there, meanMs] = /served by: n1 (\d+), n2 (\d+) \(([\d.]+) ms each\)/.exec(out) ?? [];
  assert.ok(Number(meanMs) > (60 * 2 * Number(there)) / (Number(here) + Number(there)) - 1, out);
});

test("the prompt tells what it does not know, and goes on", async () => {
  const { code, out } = await lab(["cluster", "--servers", "1"], "stats\ncut n1\ncut n1 n9\nask n1 2\nquit\nstatus\n");
  assert.equal(code, 0);
  assert.match(out, /no command "stats", did you mean "status"\?/);
  assert.match(out, /usage: cut A B/);
  assert.match(out, /no server or group "n9"; there are n1/);
  assert.match(out, /served by: n1 2 /);
  assert.doesNotMatch(out, /clients/);
});

test("a wrong command of --do, or a wrong option, ends with an error", async () => {
  assert.deepEqual(
    [await lab(["cluster", "--servers", "0"]), await lab(["cluster", "--servers", "1", ...commands("stop n7")])].map(
      ({ code, err }) => [code, err.split("\n")[0]],
    ),
    [
      [2, "natsnode lab cluster: --servers is a number from 1 to 30"],
      [1, 'natsnode lab cluster: no server "n7"; there are n1'],
    ],
  );
});

test("a super-cluster: requests that nobody in the cluster answers go to the nearest other one", async () => {
  const { out } = await lab([
    "super-cluster",
    "--servers",
    "1",
    ...commands("wait 2000", "ask east1 3", "mute east1", "wait 500", "ask east1 5", "status"),
  ]);
  assert.match(out, /asked at east1, served by: east1 3 /);
  assert.match(out, /asked at east1, served by: west1 5 /);
  assert.match(out, /^east1 .* gateways to asia \(\d+ sent\) west \(\d+ sent\)/m);
});

test("leaf nodes: served at the leaf while it is cut off, and by the hub when it does not answer", async () => {
  const { out } = await lab([
    "leaf-nodes",
    ...["--hubs", "1", "--leafs", "1"],
    ...commands(
      "wait 1500",
      "cut leaf1 hub1",
      "ask leaf1 2",
      "heal",
      "wait 2500",
      "mute leaf1",
      "wait 300",
      "ask leaf1 4",
    ),
  ]);
  assert.match(out, /asked at leaf1, served by: leaf1 2 /);
  assert.match(out, /asked at leaf1, served by: hub1 4 /);
});
