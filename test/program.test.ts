// The program as a process: signals from its first moment on, exit codes, reloads, and what it leaves behind.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, symlinkSync, watch, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "./support/free-port.js";
import { lookAgain } from "./support/look-again.js";
import { projectRoot } from "./support/project.js";
import { startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const program = join(projectRoot, "bin", "natsnode.js");
const linuxOnly = { skip: process.platform === "linux" ? false : "reads /proc" };
const run = (...args: string[]) =>
  spawnSync(process.execPath, [program, ...args], { encoding: "utf8", timeout: 15_000 });

test("SIGUSR1 as soon as the pid file appears opens no inspector and ends nothing", async (t) => {
  const folder = temporaryFolder(t);
  const child = spawn(process.execPath, [program, "-a", "127.0.0.1", "-p", "-1", "-P", join(folder, "s.pid")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const watcher = watch(folder);
  await once(watcher, "change");
  watcher.close();
  for (let i = 0; i < 5; i += 1) child.kill("SIGUSR1");
  while (!/re-open ignored/.test(log) || !/Server is ready/.test(log)) await once(child.stderr, "data");
  child.kill("SIGINT");
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  assert.doesNotMatch(log, /Debugger|inspector/i);
});

test("SIGUSR1 before the program's first statement leaves no inspector open either", linuxOnly, async (t) => {
  const child = spawn(process.execPath, [program, "-a", "127.0.0.1", "-p", "-1"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  await once(child, "spawn");
  // Earlier than its second thread, Node has no handler of its own, and the signal ends every program.
  while (readdirSync(`/proc/${child.pid}/task`).length < 2) await lookAgain();
  child.kill("SIGUSR1");
  while (!/re-open ignored/.test(log) || !/Server is ready/.test(log)) await once(child.stderr, "data");
  const opened = /ws:\/\/([^/]+)\/(\S+)/.exec(log);
  const sessions =
    opened &&
    (await fetch(`http://${opened[1]}/json/list`)
      .then((answer) => answer.text())
      .catch(() => ""));
  assert.ok(!opened || !sessions?.includes(opened[2]), log);
});

test("SIGINT and SIGTERM end the server with exit code 0, everything logged", async (t) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const server = await startServerProcess(t);
    server.signal(signal);
    assert.deepEqual(await server.exited(), { code: 0, signal: null });
    assert.match(server.log, /Initiating Shutdown\.\.\.\n.*Server Exiting\.\.\n$/);
  }
});

test("SIGUSR2 without clients ends at once", async (t) => {
  const server = await startServerProcess(t);
  server.signal("SIGUSR2");
  assert.deepEqual(await server.exited(), { code: 0, signal: null });
  assert.match(server.log, /Entering lame duck mode/);
});

test("SIGHUP takes what changed in the file, or nothing of it", async (t) => {
  const server = await startServerProcess(t, { config: "max_payload: 1000\n" });
  const file = join(server.folder, "server.conf");
  const before = readFileSync(file, "utf8");
  writeFileSync(file, before.replace("1000", "2000"));
  server.signal("SIGHUP");
  await server.logged(/Reloaded: max_payload = 2000\n.*Reloaded server configuration/s);
  writeFileSync(file, `${before}surprise: 1\n`);
  server.signal("SIGHUP");
  const [line] = await server.logged(/\[ERR\] Failed to reload server configuration: .*/);
  assert.match(line, /server\.conf:\d+:\d+: unknown field "surprise"/);
});

test("--signal reaches a server by its pid file", async (t) => {
  const server = await startServerProcess(t, { args: ["-P", "{{DIR}}/s.pid"] });
  assert.equal(run("--signal", `quit=${join(server.folder, "s.pid")}`).status, 0);
  assert.deepEqual(await server.exited(), { code: 0, signal: null });
});

test("the ports file bears the name under which the program was called", async (t) => {
  const folder = temporaryFolder(t);
  const link = join(folder, "nats-server");
  symlinkSync(program, link);
  const child = spawn(process.execPath, [link, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  const ports = join(folder, `nats-server_${child.pid}.ports`);
  const watcher = watch(folder);
  while (!existsSync(ports) || readFileSync(ports, "utf8") === "") await once(watcher, "change");
  watcher.close();
  assert.match(readFileSync(ports, "utf8"), /^\{"nats":\["nats:\/\/127\.0\.0\.1:\d+"\]\}$/);
  child.kill("SIGINT");
  await once(child, "close");
  assert.deepEqual(readdirSync(folder), ["nats-server"]);
});

test("a client port in use is told in the log, with exit code 1", async (t) => {
  const port = await freePort();
  const other = createServer().listen(port, "127.0.0.1");
  t.after(() => void other.close());
  await once(other, "listening");
  const { status, stderr } = run("-a", "127.0.0.1", "-p", String(port));
  assert.equal(status, 1);
  assert.match(
    stderr,
    new RegExp(`\\[FTL\\] Error listening on port: 127\\.0\\.0\\.1:${port}, .*address already in use`),
  );
});

test("wrong flags, wrong words and missing files have nats-server's exit codes", () => {
  assert.deepEqual(
    [run("-z").status, run("a").status, run("-c", "/nowhere/s.conf").status, run("-v").status],
    [0, 1, 1, 0],
  );
});

test("passwords on the command line do not show in the process list", {
  skip: process.platform !== "linux",
}, async (t) => {
  const server = await startServerProcess(t, { args: ["--user", "u", "--pass", "sesame"] });
  assert.doesNotMatch(readFileSync(`/proc/${server.pid}/cmdline`, "utf8"), /sesame/);
});
