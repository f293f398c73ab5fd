// What npm start gives the server: monitoring and JetStream, unless flags are given; the program alone starts without them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { projectRoot } from "./support/project.js";
import { startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

function startFlags(...given: string[]): string[] {
  const url = pathToFileURL(join(projectRoot, "scripts/lib/start-flags.mjs")).href;
  const program = `import { startFlags } from ${JSON.stringify(url)}; console.log(JSON.stringify(startFlags(process.argv.slice(1))));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program, "--", ...given]);
  return JSON.parse(output.toString()) as string[];
}

test("npm start turns monitoring and JetStream on, in a folder of the project that git ignores", async (t) => {
  const flags = startFlags();
  assert.deepEqual(flags, ["-m", "8222", "-js", "-sd", join(projectRoot, "data")]);
  const folder = temporaryFolder(t);
  const server = await startServerProcess(t, { args: [...flags, "-m", "-1", "-sd", folder] });
  const client = await connect({ port: server.port });
  t.after(() => client.close());
  await (await jetstreamManager(client)).streams.add({ name: "ORDERS", subjects: ["orders.*"] });
  assert.equal((await jetstream(client).publish("orders.new", "1")).seq, 1);
  assert.ok(existsSync(join(folder, "jetstream")));
});

test("flags of one's own replace those of npm start", () => {
  assert.deepEqual(startFlags("-c", "my.conf"), ["-c", "my.conf"]);
});

test("the program without flags has no JetStream, as nats-server", async (t) => {
  const server = await startServerProcess(t);
  const client = await connect({ port: server.port });
  t.after(() => client.close());
  await assert.rejects(jetstreamManager(client), /jetstream/i);
});
