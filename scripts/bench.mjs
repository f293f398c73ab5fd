// npm run bench: the same load on this server and on the neighbour, rounds alternating; medians and ratios as Markdown.
// usage: npm run bench -- [--set core,connections,auth,cluster,gateway,leaf,websocket,jetstream] [--case TEXT] [--rounds 3] [--quick] [--check] [--cpu-prof]
//          [--server "CMD"] [--neighbour "CMD"]
// What counts is server CPU per message, from /proc (Linux): on a busy machine it holds far better than wall time. A ratio
// above 1 says that the neighbour needs more. --check compares with bench/budget.json and makes the exit code 1 when a case
// stays below its least ratio (less the margin for noise) three times in a row, or costs too much of another case that is measured with it. --cpu-prof leaves profiles of the server in .cache/profiles.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchSets } from "./lib/bench-sets.mjs";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, findNeighbour, projectRoot, serverCommand } from "./lib/project.mjs";

const { values: flags } = parseArgs({
  options: {
    set: { type: "string", default: "core,connections,cluster,leaf" },
    case: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    quick: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    "cpu-prof": { type: "boolean", default: false },
    server: { type: "string" },
    neighbour: { type: "string", default: findNeighbour() },
  },
});
// Linux counts CPU in ticks of 10 ms: half of the load still makes enough of them.
const sets = benchSets(flags.quick ? 0.5 : 1);
// What a machine does besides can spoil several rounds in a row.
const ATTEMPTS = 3;
const LOAD_LIMIT_MS = 120_000;
const START_LIMIT_MS = 15_000;

if (process.platform !== "linux") fail("the benchmarks read /proc: Linux only");
const wrongSets = flags.set.split(",").filter((name) => !sets[name]);
if (wrongSets.length > 0) fail(`no set named ${wrongSets.join(", ")}; there are ${Object.keys(sets).join(", ")}`, 2);
if (flags.check && !flags.neighbour)
  fail("--check compares with the neighbour: node scripts/fetch-neighbour.mjs brings it");
if (!flags.server) await ensureBuilt().catch((error) => fail(error.message));

const work = mkdtempSync(join(tmpdir(), "natsnode-bench-"));
mkdirSync(join(projectRoot, ".cache"), { recursive: true });
const stores = mkdtempSync(join(projectRoot, ".cache/bench-"));
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of [work, stores]) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const profiles = join(projectRoot, ".cache/profiles");
const profiling = flags["cpu-prof"] ? ["--cpu-prof", `--cpu-prof-dir=${profiles}`] : [];
const commands = [
  flags.server ? flags.server.split(" ") : [serverCommand[0], ...profiling, ...serverCommand.slice(1)],
  ...(flags.neighbour ? [flags.neighbour.split(" ")] : []),
];
const budget = JSON.parse(readFileSync(join(projectRoot, "bench/budget.json"), "utf8"));
const missed = [];
const costs = new Map();
const chosen = flags.set.split(",").flatMap((set) => sets[set].filter(([name]) => name.includes(flags.case)));
for (const tool of new Set(chosen.map(([, tool]) => tool))) compile(tool);

console.log("| case | natsnode | rate/s | p99 us | nats-server | rate/s | p99 us | nats-server / natsnode |");
console.log("| --- | --: | --: | --: | --: | --: | --: | --: |");
for (const one of chosen) {
  let measured = await compare(one);
  for (let again = 1; again < ATTEMPTS && tooSlow(one[0], measured.ratio); again++) {
    console.error(`${one[0]}: ratio ${measured.ratio.toFixed(2)} is below the budget; once more`);
    measured = await compare(one);
  }
  if (tooSlow(one[0], measured.ratio)) missed.push(`${one[0]}: ${measured.ratio.toFixed(2)} < ${leastRatio(one[0])}`);
  costs.set(one[0], measured.cost);
  console.log(measured.row);
}
for (const [name, { of, most }] of Object.entries(budget.mostOf)) {
  if (!costs.has(name) || !costs.has(of)) continue;
  let share = costs.get(name) / costs.get(of);
  if (flags.check && share > most) {
    console.error(`${name}: ${share.toFixed(2)} of "${of}" is above the budget; both once more`);
    const cost = async (which) => (await compare(chosen.find(([one]) => one === which))).cost;
    share = (1 / (await cost(of))) * (await cost(name));
    if (share > most) missed.push(`${name}: ${share.toFixed(2)} of "${of}" > ${most}`);
  }
  console.log(`\n${name}: ${share.toFixed(2)} of "${of}"`);
}
if (flags["cpu-prof"]) console.log(`\nprofiles: ${profiles}`);
if (missed.length > 0)
  fail(`bench: not within the budget (margin ${budget.margin} taken off ratios):\n  ${missed.join("\n  ")}`);
if (flags.check) console.log("\nbench: within the budget");

function leastRatio(name) {
  const least = budget.leastRatio[name];
  if (least === undefined) fail(`bench/budget.json has no ratio for "${name}"`);
  return least;
}

function tooSlow(name, ratio) {
  return flags.check && !(ratio >= leastRatio(name) * (1 - budget.margin));
}

/** Measures one case on fresh servers, in alternating rounds. */
async function compare(one) {
  const servers = [];
  for (const command of commands) servers.push(await startServers(command, one[8]));
  // Opened connections stay in the memory of the process that is measured: one round only.
  const rounds = one[1].endsWith("idle") ? 1 : Number(flags.rounds);
  const seen = servers.map(() => []);
  // Loads of a second: what is compiled at first would be half of them.
  if (one[1] === "jetstream-publish") for (const server of servers) await measure(server, one);
  for (let round = 0; round < rounds; round++) {
    const order = [...servers.keys()];
    for (const i of round % 2 ? order.reverse() : order) seen[i].push(await measure(servers[i], one));
  }
  for (const server of servers) await server.stop();
  const cells = seen.map(summarise);
  for (const [i, cell] of cells.entries()) {
    if (!(cell.cost > 0)) fail(`${one[0]}: nothing to measure: is ${servers[i].command} a wrapper around the server?`);
  }
  const ratio = cells.length > 1 ? cells[1].cost / cells[0].cost : Number.NaN;
  const columns = [...cells.flatMap((cell) => cell.columns), ...(cells.length > 1 ? [] : ["-", "-", "-"])];
  return {
    ratio,
    cost: cells[0].cost,
    row: `| ${one[0]} | ${columns.join(" | ")} | ${Number.isNaN(ratio) ? "-" : ratio.toFixed(2)} |`,
  };
}

function summarise(runs) {
  const of = (key) => median(runs.map((run) => run[key]).filter((value) => value !== undefined));
  const kb = of("kbPerConnection");
  const cost = kb ?? of("cpuNs");
  const shown =
    kb === undefined
      ? `${cost.toFixed(0)} ns`
      : `${kb.toFixed(1)} KB (${(of("beforeKb") / 1024).toFixed(0)} MB before)`;
  return { cost, columns: [shown, String(of("perSecond")), String(of("p99Us") ?? "-")] };
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

function compile(tool) {
  // For compression: Debian has it in zlib1g-dev.
  const libraries = tool.startsWith("websocket") ? ["-lz"] : [];
  const made = spawnSync(
    "gcc",
    ["-O2", "-Wall", "-o", join(work, tool), join(projectRoot, `bench/${tool}.c`), "-lpthread", ...libraries],
    {
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  if (made.status !== 0)
    fail(`gcc could not compile bench/${tool}.c: ${made.error?.message ?? `exit code ${made.status}`}`);
}

async function measure(server, [name, tool, ...args]) {
  const words = [server.port, server.pid, ...args.slice(0, 6).filter((word) => word !== "")];
  const child = spawn(join(work, tool), words.map(String), {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LOAD_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (errors += text));
  const code = await new Promise((done) => child.once("close", (exitCode, signal) => done(exitCode ?? signal)));
  if (code !== 0) fail(`${name}: the load on ${server.command} ended with ${code}: ${errors}`);
  return JSON.parse(output);
}

/** One server, or several that know each other's ports, as one thing to measure. */
async function startServers(command, configs = "") {
  if (!Array.isArray(configs)) return startServer(command, configs);
  const ports = [];
  for (const _ of configs) ports.push(await freePort());
  const fill = (config) => config.replace(/\{\{(\d+)\}\}/g, (_, at) => String(ports[Number(at)]));
  const servers = await Promise.all(configs.map((config) => startServer(command, fill(config))));
  return {
    command: servers[0].command,
    port: `${servers[0].port},${servers[1].port}`,
    pid: servers.map(({ pid }) => pid).join(","),
    stop: () => Promise.all(servers.map((server) => server.stop())),
  };
}

async function startServer(command, config = "") {
  const port = await freePort();
  const webSocketPort = config.includes("{{ws}}") ? await freePort() : undefined;
  const file = join(mkdtempSync(join(work, "server-")), "server.conf");
  const store = mkdtempSync(join(stores, "store-"));
  const filled = config.replace("{{ws}}", String(webSocketPort)).replace("{{store}}", store);
  writeFileSync(file, `listen: 127.0.0.1:${port}\n${filled}`);
  mkdirSync(profiles, { recursive: true });
  const [program, ...args] = command;
  const child = spawn(program, [...args, "-c", file], { stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  const ended = new Promise((done) => child.once("exit", done)).then(() => running.delete(child));
  let log = "";
  await new Promise((ready) => {
    const late = setTimeout(
      () => fail(`${command.join(" ")} was not ready in ${START_LIMIT_MS} ms:\n${log}`),
      START_LIMIT_MS,
    );
    child.once("error", (error) => fail(`${command.join(" ")}: ${error.message}`));
    child.once(
      "exit",
      (code) => log.includes("Server is ready") || fail(`${command.join(" ")} ended with ${code}:\n${log}`),
    );
    child.stderr.on("data", (text) => {
      if (log.length < 65536) log += text;
      if (!log.includes("Server is ready")) return;
      clearTimeout(late);
      ready();
    });
  });
  const stop = async () => {
    // A profile is only written at an orderly end.
    child.kill(profiling.length > 0 ? "SIGINT" : "SIGKILL");
    await ended;
    rmSync(store, { recursive: true, force: true });
  };
  return { command: command.join(" "), port: webSocketPort ?? port, pid: child.pid, stop };
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
