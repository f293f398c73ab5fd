// Runs the recorded conformance corpora against the project's server.
// usage: node scripts/conformance.mjs [wire config cli ...] [--filter TEXT] [--waiting] [--server "CMD"] [--jobs N] [--list] [--mixed]
// Corpora are looked for in $NATSNODE_CONFORMANCE, else in ../shared/conformance. Left out are the cases named in
// test/conformance-exceptions.json (never to pass, with the reason) and test/conformance-waiting.json (with the topic they
// wait for; "mixed: ..." only in mixed runs). --mixed runs topology with the neighbour as every second server, and then the other way round. Any other case that fails makes the exit code 1. --waiting runs only what is left out and warns of what passes.
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, findNeighbour, projectRoot, serverCommand } from "./lib/project.mjs";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: "string", default: "" },
    waiting: { type: "boolean", default: false },
    server: { type: "string" },
    jobs: { type: "string", default: "2" },
    list: { type: "boolean", default: false },
    mixed: { type: "boolean", default: false },
  },
});

const home = resolve(projectRoot, process.env.NATSNODE_CONFORMANCE || "../shared/conformance");
if (!existsSync(home)) fail(`no conformance corpora in ${home}: set NATSNODE_CONFORMANCE to their folder`);
const waiting = readList("test/conformance-waiting.json");
const exceptions = readList("test/conformance-exceptions.json");
const present = readdirSync(home).filter((name) => existsSync(join(home, name, "run.mjs")));
const corpora = positionals.length > 0 ? positionals : present.filter((name) => waiting.corpora[name] === undefined);
const unknown = corpora.filter((name) => !present.includes(name));
if (unknown.length > 0) fail(`no corpus named ${unknown.join(", ")} in ${home}; there are ${present.join(", ")}`, 2);

const server = flags.server ?? serverCommand.join(" ");
if (!flags.list && !flags.server) await ensureBuilt().catch((error) => fail(error.message));
let wrong = 0;
for (const corpus of corpora) wrong += await runCorpus(corpus);
if (flags.mixed) {
  const neighbour = findNeighbour();
  if (neighbour === undefined) fail("--mixed needs the neighbour: node scripts/fetch-neighbour.mjs brings it");
  wrong += await runCorpus("topology", ["--peer", neighbour]);
  wrong += await runCorpus("topology", ["--peer", neighbour, "--swap"]);
}
// Not at once: what is still to be written to a pipe would be lost.
process.exitCode = wrong > 0 ? 1 : 0;

function readList(path) {
  return { corpora: {}, ...JSON.parse(readFileSync(join(projectRoot, path), "utf8")) };
}

/** Runs the chosen cases of one corpus; returns how many failed that should pass. */
async function runCorpus(corpus, more = []) {
  const all = (await capture(corpus, ["--list"])).split("\n").filter(Boolean);
  // Some pass among natsnode servers, but not with the neighbour's between them.
  const isLeftOut = ([, topic]) => more.length > 0 || !topic.startsWith("mixed: ");
  const listed = [...Object.entries(waiting[corpus] ?? {}), ...Object.entries(exceptions[corpus] ?? {})];
  const leftOut = new Map(listed.filter(isLeftOut));
  for (const name of leftOut.keys()) {
    if (!all.includes(name))
      console.log(`warning: ${corpus}: "${name}" is listed as left out, but there is no such case`);
  }
  const chosen = all.filter((name) => name.includes(flags.filter) && leftOut.has(name) === flags.waiting);
  const what = flags.waiting ? "left-out cases" : `cases (${leftOut.size} left out)`;
  console.log(`conformance: ${[corpus, ...more].join(" ")}: ${chosen.length} ${what}`);
  if (flags.list) {
    for (const name of chosen) console.log(flags.waiting ? `${name}  <- ${leftOut.get(name)}` : name);
    return 0;
  }
  if (chosen.length === 0) return 0;

  const { status, failed, summary } = await play(corpus, new Set(chosen), more);
  if (!flags.waiting) {
    if (!/^\d+ passed, \d+ failed$/.test(summary)) fail(`${corpus}: the runner ended with ${status} and no summary`);
    const counted = summary.match(/\d+/g).reduce((sum, count) => sum + Number(count), 0);
    if (counted !== chosen.length) fail(`${corpus}: ${counted} cases ran, ${chosen.length} were chosen`);
    console.log(`conformance: ${corpus}: ${failed.length === 0 ? "passed" : `FAILED: ${failed.length} cases`}`);
    return failed.length;
  }
  for (const name of chosen.filter((one) => !failed.includes(one))) {
    console.log(`warning: ${corpus}: "${name}" passes; take it out of the list (${leftOut.get(name)})`);
  }
  return 0;
}

/** Runs a corpus on a copy of its cases that holds only `names`. */
async function play(corpus, names, more) {
  const folder = newFolder();
  try {
    const cases = selectCases(corpus, names, folder);
    const { status, output } = await run(corpus, ["--server", server, "--jobs", flags.jobs, ...more, ...cases], folder);
    if (!flags.waiting) console.log(output.trimEnd());
    const failures = output.matchAll(/^FAIL(?:ED)? (.+?)(?: [([][\d.]+ ?m?s[)\]])?$/gm);
    return { status, failed: Array.from(failures, ([, name]) => name), summary: output.trimEnd().split("\n").at(-1) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes the selected cases into `folder`; returns the runner's arguments that choose them. */
function selectCases(corpus, names, folder) {
  const from = join(home, corpus, "cases");
  const to = join(folder, "cases");
  mkdirSync(to);
  // What cases refer to lies beside their folder.
  for (const name of readdirSync(join(home, corpus))) {
    if (name !== "cases") symlinkSync(join(home, corpus, name), join(folder, name));
  }
  for (const file of readdirSync(from)) {
    const text = readFileSync(join(from, file), "utf8");
    if (file.endsWith(".json")) {
      const content = JSON.parse(text);
      const topic = content.topic ?? file.replace(/\.json$/, "");
      content.cases = content.cases.filter((one) => names.has(`${topic}/${one.name}`));
      if (content.cases.length > 0) writeFileSync(join(to, file), JSON.stringify(content));
    } else if (file.endsWith(".txt")) {
      const topic = file.replace(/\.txt$/, "");
      const [shared, ...blocks] = text.split(/^(?==== )/m);
      // A file may begin with a case at once: then nothing is shared.
      const preamble = shared.startsWith("=== ") ? "" : shared;
      const all = preamble === "" ? [shared, ...blocks] : blocks;
      const kept = all.filter((block) => names.has(`${topic}: ${block.slice(4, block.indexOf("\n")).trim()}`));
      if (kept.length > 0) writeFileSync(join(to, file), preamble + kept.join(""));
    } else if (/\.m?js$/.test(file)) {
      // The runner splits its filter at commas; what stands before the first one is enough.
      return ["--filter", [...names].map((name) => name.split(",")[0]).join(",")];
    }
  }
  return ["--cases", to];
}

async function capture(corpus, args) {
  const folder = newFolder();
  try {
    const { status, output } = await run(corpus, args, folder);
    if (status !== 0) fail(`${corpus}: the runner's ${args.join(" ")} ended with ${status}`);
    return output;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function newFolder() {
  mkdirSync(join(projectRoot, ".cache"), { recursive: true });
  return mkdtempSync(join(projectRoot, ".cache", "conformance-"));
}

/** Runs a corpus's runner; resolves with its exit code and its output, which passes through a file: a runner that exits at once may lose the end of a pipe. */
async function run(corpus, args, folder) {
  const file = join(folder, "output");
  const output = openSync(file, "w");
  const child = spawn(process.execPath, [join(home, corpus, "run.mjs"), ...args], {
    cwd: projectRoot,
    stdio: ["ignore", output, "inherit"],
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => child.kill(signal));
  const status = await new Promise((done) => child.once("close", (code, signal) => done(code ?? signal)));
  closeSync(output);
  return { status, output: readFileSync(file, "utf8") };
}
