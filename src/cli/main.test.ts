// The whole program in this process, with a server that listens nowhere.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ResolvedOptions } from "../options/options.js";
import type { Logger } from "../runtime/logger.js";
import { nodeRuntime } from "../runtime/node/index.js";
import type { ControlSignal, Host } from "./host.js";
import { main } from "./main.js";
import type { ProgramServer } from "./program.js";

/** A server that listens nowhere. */
class StubServer implements ProgramServer {
  readonly id = "NSTUB";
  readonly events = new EventEmitter();
  readonly addresses = { client: { host: "127.0.0.1", port: 4321 } };
  readonly reloads: ResolvedOptions[] = [];
  readonly logger: Logger;
  options: ResolvedOptions;
  lameDucks = 0;
  startError: Error | undefined;
  reloadError: Error | undefined;

  constructor(options: ResolvedOptions, logger: Logger) {
    this.options = options;
    this.logger = logger;
  }
  get name(): string {
    return this.options.serverName ?? this.id;
  }
  async start(): Promise<void> {
    if (this.startError) throw this.startError;
    this.logger.info("Server is ready");
  }
  async close(): Promise<void> {
    this.events.emit("closed");
  }
  async lameDuck(): Promise<void> {
    this.lameDucks += 1;
  }
  async reload(next: ResolvedOptions): Promise<void> {
    if (this.reloadError) throw this.reloadError;
    this.options = next;
    this.reloads.push(next);
  }
}

/** A run of the program in this process. */
class Run extends EventEmitter {
  out = "";
  err = "";
  title = "";
  server: StubServer | undefined;
  readonly killed: [number, string][] = [];
  readonly exit: Promise<number>;
  readonly #handlers = new Map<ControlSignal, () => void>();

  constructor(argv: readonly string[], prepare: (server: StubServer) => void = () => {}) {
    super();
    const host: Host = {
      programName: "natsnode",
      stderrIsTerminal: false,
      stdout: (text) => {
        this.out += text;
      },
      stderr: (text) => {
        this.err += text;
        this.emit("log");
      },
      setTitle: (title) => {
        this.title = title;
      },
      onSignal: (signal, handle) => void this.#handlers.set(signal, handle),
      onCrash: () => {},
      exit: () => {},
      kill: (pid, signal) => void this.killed.push([pid, signal]),
      processesNamed: () => [77],
      openSyslog: async () => {
        throw new Error("no syslog here");
      },
      readSecret: async () => "",
      lines: async function* () {},
      writeSecret: () => {},
    };
    const createServer = (options: ResolvedOptions, { logger }: { logger: Logger }): StubServer => {
      this.server = new StubServer(options, logger);
      prepare(this.server);
      return this.server;
    };
    this.exit = main(argv, host, { runtime: nodeRuntime(), loadServer: async () => createServer });
  }

  raise(signal: ControlSignal): void {
    this.#handlers.get(signal)!();
  }

  async logged(text: string): Promise<void> {
    while (!this.err.includes(text)) await once(this, "log", { signal: AbortSignal.timeout(5000) });
  }
}

async function ended(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const run = new Run(argv);
  return { code: await run.exit, out: run.out, err: run.err };
}

function folderOf(t: TestContext, files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "natsnode-main-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test("a wrong flag is told on standard error, with the usage on standard output and exit code 0", async () => {
  const { code, out, err } = await ended("-z");
  assert.deepEqual([code, err], [0, "flag provided but not defined: -z\n"]);
  assert.match(out, /^Usage: /);
});

test("version and help come before everything else, as flags and as words", async () => {
  for (const argv of [["-v", "-c", "none"], ["--version"], ["version"], ["VERSION", "x"]]) {
    assert.deepEqual(await ended(...argv), { code: 0, out: "nats-server: v2.15.1\n", err: "" });
  }
  for (const argv of [["-p", "1", "-h"], ["help"]]) assert.match((await ended(...argv)).out, /^Usage: /);
  assert.match((await ended("--help_tls")).out, /CurveP256/);
});

test("other words are refused", async () => {
  assert.deepEqual(await ended("-D", "true"), { code: 1, out: "", err: 'nats-server: unrecognized command: "true"\n' });
  assert.equal((await ended("--", "-p", "1")).err, 'nats-server: unrecognized command: "-p"\n');
});

test("--signal sends and starts nothing", async () => {
  const run = new Run(["--signal", "reload"]);
  assert.equal(await run.exit, 0);
  assert.deepEqual([run.killed, run.server, run.err], [[[77, "SIGHUP"]], undefined, ""]);
  const wrong = await ended("--signal", "stop=1=2");
  assert.deepEqual([wrong.code, wrong.err], [1, "nats-server: invalid signal parameters: [2]\n"]);
});

test("-t checks the file, warnings included, and starts nothing", async (t) => {
  const folder = folderOf(t, {
    "good.conf": "port: 4222\n",
    "warned.conf": "write_deadline: 3\n",
    "bad.conf": "x: 1\n",
  });
  const check = (name: string) => ended("-t", "-c", join(folder, name));
  const good = await check("good.conf");
  assert.equal(good.code, 0);
  assert.match(
    good.err,
    /^nats-server: configuration file .*good\.conf is valid \(sha256:797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e\)\n$/,
  );
  for (const [name, mention] of [
    ["warned.conf", /write_deadline/],
    ["bad.conf", /"x"/],
    ["none.conf", /no such file/],
  ] as const) {
    const { code, err } = await check(name);
    assert.equal(code, 1, name);
    assert.match(err, /^nats-server: /);
    assert.match(err, mention);
  }
  assert.match((await ended("-t")).err, /must specify \[-c, --config\]/);
});

test("a start is logged from the banner to the end", async () => {
  const run = new Run(["-n", "north", "-p", "-1", "--pass", "sesame"]);
  await run.logged("Server is ready");
  assert.equal(run.title, "natsnode -n north -p -1 --pass [REDACTED]");
  run.raise("SIGINT");
  assert.equal(await run.exit, 0);
  const texts = run.err.split("\n").map((line) => line.replace(/^\[\d+\] \S+ \S+ /, ""));
  assert.deepEqual(
    texts.filter((line) => !line.includes("Git:")),
    [
      "[INF] Starting nats-server",
      "[INF]   Version:  2.15.1",
      "[INF]   Name:     north",
      "[INF]   ID:       NSTUB",
      "[WRN] Plaintext passwords detected, use nkeys or bcrypt",
      "[INF] Server is ready",
      '[INF] Trapped "interrupt" signal',
      "[INF] Initiating Shutdown...",
      "[INF] Server Exiting..",
      "",
    ],
  );
});

test("a server that cannot start is a last line and exit code 1", async () => {
  const inUse = Object.assign(new Error(""), { code: "EADDRINUSE", syscall: "listen", port: 4222 });
  const run = new Run(["-a", "127.0.0.1"], (server) => {
    server.startError = inUse;
  });
  assert.equal(await run.exit, 1);
  assert.match(
    run.err,
    /\[FTL\] Error listening on port: 127\.0\.0\.1:4222, "listen tcp .* address already in use"\n$/,
  );
});

test("a pid file that cannot be written is a last line too", async () => {
  const { code, err } = await ended("-P", "/nowhere/s.pid");
  assert.equal(code, 1);
  assert.match(err, /\[FTL\] Could not write pidfile: open \/nowhere\/s\.pid: no such file or directory\n$/);
});

test("monitoring over both HTTP and HTTPS is a last line", async () => {
  const { code, err } = await ended("-m", "1", "-ms", "2");
  assert.equal(code, 1);
  assert.match(err, /\[FTL\] Can't start monitoring: can't specify both HTTP \(1\) and HTTPs \(2\) ports.*\n$/);
});

test("options that do not go together are refused without a log", async () => {
  assert.deepEqual(await ended("-n", "a b"), {
    code: 1,
    out: "",
    err: "nats-server: server name cannot contain spaces\n",
  });
  assert.match(
    (await ended("-l", "/nowhere/s.log")).err,
    /^nats-server: error opening file: open \/nowhere\/s\.log: no such/,
  );
  assert.match((await ended("-s")).err, /^nats-server: error connecting to syslog: "no syslog here"\n$/);
  assert.match((await ended("-r", "foo://x")).err, /^nats-server: error invalid network type: "foo"\n$/);
});

test("pid file and ports file are written, and the ports file is removed at the end", async (t) => {
  const folder = folderOf(t);
  const run = new Run(["-P", join(folder, "s.pid"), "--ports_file_dir", folder]);
  await run.logged("Server is ready");
  const ports = join(folder, `natsnode_${process.pid}.ports`);
  assert.equal(readFileSync(join(folder, "s.pid"), "utf8"), String(process.pid));
  assert.equal(readFileSync(ports, "utf8"), '{"nats":["nats://127.0.0.1:4321"]}');
  run.raise("SIGTERM");
  assert.equal(await run.exit, 0);
  assert.deepEqual([existsSync(ports), existsSync(join(folder, "s.pid"))], [false, true]);
});

test("a lame duck ends when the server has closed", async () => {
  const run = new Run([]);
  await run.logged("Server is ready");
  run.raise("SIGUSR2");
  run.raise("SIGUSR2");
  run.raise("SIGTERM");
  assert.equal(run.server!.lameDucks, 1);
  await run.server!.close();
  assert.equal(await run.exit, 0);
});

test("a reload takes the file's changes and reports them", async (t) => {
  const folder = folderOf(t, { "s.conf": "max_payload: 1000\n" });
  const run = new Run(["-c", join(folder, "s.conf"), "-p", "-1"]);
  await run.logged("Server is ready");
  writeFileSync(join(folder, "s.conf"), "max_payload: 2000\ndebug: true\n");
  run.raise("SIGHUP");
  await run.logged("Reloaded server configuration (sha256:");
  assert.match(run.err, /\[INF\] Reloaded: max_payload = 2000\n/);
  assert.match(run.err, /\[INF\] Reloaded: debug = true\n/);
  assert.equal(run.server!.options.maxPayloadBytes, 2000);
  assert.equal(run.server!.logger.debugOn, true);
  run.raise("SIGINT");
  assert.equal(await run.exit, 0);
});

test("a reload that fails keeps everything as it was", async (t) => {
  const folder = folderOf(t, { "s.conf": "max_payload: 1000\n" });
  const run = new Run(["-c", join(folder, "s.conf")]);
  await run.logged("Server is ready");
  const failing = async (text: string, message: RegExp): Promise<void> => {
    writeFileSync(join(folder, "s.conf"), text);
    run.err = "";
    run.raise("SIGHUP");
    await run.logged("Failed to reload");
    assert.match(run.err, message);
  };
  await failing("max_payload: 2000\nsurprise: 1\n", /\[ERR\] Failed to reload server configuration: .*surprise/);
  await failing("max_payload: 2000\ninclude none.conf\n", /none\.conf/);
  await failing("max_payload: 2000\nserver_name: other\n", /config reload not supported for/);
  run.server!.reloadError = new Error("no room agrees");
  await failing(`max_payload: 2000\nlog_file: "${folder}/new.log"\n`, /no room agrees/);
  assert.deepEqual(run.server!.reloads, []);
  run.raise("SIGINT");
  assert.equal(await run.exit, 0);
});

test("without a file there is nothing to reload", async () => {
  const run = new Run([]);
  await run.logged("Server is ready");
  run.raise("SIGHUP");
  await run.logged("[ERR] Failed to reload server configuration: can only reload config when a file is provided");
  run.raise("SIGINT");
  assert.equal(await run.exit, 0);
});

test("the log moves with a reload, and is started anew by SIGUSR1", async (t) => {
  const folder = folderOf(t, { "s.conf": `log_file: "FOLDER/one.log"\n` });
  const configure = (name: string): void =>
    writeFileSync(join(folder, "s.conf"), `log_file: "${join(folder, name)}"\n`);
  configure("one.log");
  const run = new Run(["-c", join(folder, "s.conf")]);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  while (!existsSync(join(folder, "one.log")) || !read("one.log").includes("ready")) await new Promise(setImmediate);
  renameSync(join(folder, "one.log"), join(folder, "old.log"));
  run.raise("SIGUSR1");
  assert.match(read("one.log"), /File log re-opened\n$/);
  configure("two.log");
  run.raise("SIGHUP");
  while (!existsSync(join(folder, "two.log")) || !read("two.log").includes("configuration"))
    await new Promise(setImmediate);
  assert.match(read("two.log"), /Reloaded: logfile = ".*two\.log"\n/);
  run.raise("SIGINT");
  assert.equal(await run.exit, 0);
  assert.match(read("two.log"), /Server Exiting\.\.\n$/);
  assert.equal(run.err, "");
});

test("SIGUSR1 without a log file is noted", async () => {
  const run = new Run([]);
  await run.logged("Server is ready");
  run.raise("SIGUSR1");
  assert.match(run.err, /File log re-open ignored, not a file logger\n$/);
  run.raise("SIGINT");
  assert.equal(await run.exit, 0);
});

test("a storage folder in both file and flag is a duplicate", async (t) => {
  const folder = folderOf(t, { "s.conf": "jetstream { store_dir: a }\n" });
  const { code, err } = await ended("-c", join(folder, "s.conf"), "-sd", "b");
  assert.equal(code, 1);
  assert.match(err, /^nats-server: .*s\.conf:1:\d+: Duplicate 'store_dir' configuration\n$/);
});
