// Writes docs/compatibility.md: what the recorded conformance cases say of this server, per corpus and topic. Runs them
// through scripts/conformance.mjs; cases that wait or are excepted are counted, not run.
// usage: node scripts/compatibility.mjs [--server "CMD"] [--jobs N]
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, projectRoot, serverCommand } from "./lib/project.mjs";

const { values: flags } = parseArgs({
  options: { server: { type: "string" }, jobs: { type: "string", default: "2" } },
});
const server = flags.server ?? serverCommand.join(" ");
const RECORDED_FROM = "nats-server 2.15.1";
const CORPORA = {
  wire: "the client protocol, byte by byte",
  config: "what a configuration file is taken for",
  cli: "flags, signals, log, files, exit codes",
  monitor: "the monitoring endpoints",
  jetstream: "JetStream's API and its messages",
  topology: "clusters, gateways and leaf nodes",
};
const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;

if (!flags.server) await ensureBuilt().catch((error) => fail(error.message));
const waiting = readList("test/conformance-waiting.json");
const exceptions = readList("test/conformance-exceptions.json");
const results = Object.keys(CORPORA).map(resultOf);
writeFileSync(join(projectRoot, "docs/compatibility.md"), page());
const failed = results.flatMap(({ corpus, cases }) =>
  cases.filter(({ outcome }) => outcome === "failed").map(({ name }) => `${corpus}: ${name}`),
);
if (failed.length > 0) fail(`compatibility: FAILED:\n  ${failed.join("\n  ")}`);
console.log("compatibility: docs/compatibility.md is written");

function readList(path) {
  return { corpora: {}, ...JSON.parse(readFileSync(join(projectRoot, path), "utf8")) };
}

/** Every case of a corpus with its outcome: passed, failed, waiting or excepted. */
function resultOf(corpus) {
  const wholeWaits = waiting.corpora[corpus];
  const [active, left] = [[], ["--waiting"]].map((more) => linesOf(conformance(corpus, "--list", ...more)));
  const names = [...active, ...left.map((line) => line.split("  <- ")[0])];
  const failures = wholeWaits === undefined && active.length > 0 ? failuresOf(corpus, active.length) : new Set();
  const cases = names.map((name) => {
    const exception = exceptions[corpus]?.[name];
    if (exception !== undefined) return { name, outcome: "excepted", reason: exception };
    const topic = wholeWaits ?? waiting[corpus]?.[name];
    if (topic !== undefined && !topic.startsWith("mixed: ")) return { name, outcome: "waiting", reason: topic };
    return { name, outcome: failures.has(name) ? "failed" : "passed" };
  });
  return { corpus, cases };
}

function linesOf(output) {
  return output.split("\n").filter((line) => line !== "" && !/^(conformance|warning): /.test(line));
}

/** The names of the cases that fail. */
function failuresOf(corpus, count) {
  console.log(`compatibility: ${corpus}: ${count} cases`);
  const output = conformance(corpus, "--jobs", flags.jobs);
  if (!output.includes(`conformance: ${corpus}: passed`) && !output.includes(`conformance: ${corpus}: FAILED`)) {
    fail(`compatibility: ${corpus}: no result\n${output.slice(-2000)}`);
  }
  const lines = output.matchAll(/^FAIL(?:ED)? (.+?)(?: [([][\d.]+ ?m?s[)\]])?$/gm);
  return new Set(Array.from(lines, ([, name]) => name));
}

function conformance(corpus, ...args) {
  const script = join(projectRoot, "scripts/conformance.mjs");
  const { stdout, stderr, error } = spawnSync(process.execPath, [script, corpus, "--server", server, ...args], {
    encoding: "utf8",
    maxBuffer: OUTPUT_LIMIT_BYTES,
  });
  if (error || stdout === "") fail(`compatibility: ${corpus}: ${error?.message ?? stderr}`);
  return stdout;
}

function page() {
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  const day = new Date().toISOString().slice(0, 10);
  let text = `# Compatibility

What the conformance cases say. They were recorded from ${RECORDED_FROM}; natsnode ${version} was run against them on ${day}
with Node ${process.version}. \`node scripts/compatibility.mjs\` writes this page, nobody edits it.

- **Passed**: the server does what was recorded.
- **Failed**: it does something else.
- **Waiting**: the case needs a part of the server that is not finished; it was not run.
- **Excepted**: the case is not meant to pass; the reason is below.

${table("Corpus", results, ({ corpus, cases }) => [`[${corpus}](#${corpus}): ${CORPORA[corpus]}`, cases])}`;
  for (const { corpus, cases } of results) {
    const topics = grouped(cases, topicOf);
    text += `\n## ${corpus}\n\n${table("Topic", [...topics], ([topic, some]) => [topic, some])}`;
    const reasons = grouped(
      cases.filter(({ outcome }) => outcome === "waiting"),
      ({ reason }) => reason,
    );
    if (reasons.size > 0) {
      const counts = [...reasons].map(([reason, some]) => `${reason} (${some.length})`);
      text += `\nWaiting for: ${counts.join(", ")}.\n`;
    }
    for (const { name, reason } of cases.filter(({ outcome }) => outcome === "excepted")) {
      text += `\n- Excepted: \`${name}\`: ${reason}`;
    }
    for (const { name } of cases.filter(({ outcome }) => outcome === "failed")) text += `\n- Failed: \`${name}\``;
    if (!text.endsWith("\n")) text += "\n";
  }
  return text;
}

/** "topic: case" or "topic/case". */
function topicOf({ name }) {
  return name.split(/: |\//)[0];
}

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function table(title, rows, of) {
  const head = `| ${title} | Passed | Failed | Waiting | Excepted |\n| --- | --: | --: | --: | --: |\n`;
  const lines = rows.map((row) => {
    const [label, cases] = of(row);
    const counts = ["passed", "failed", "waiting", "excepted"].map(
      (outcome) => cases.filter((one) => one.outcome === outcome).length,
    );
    return `| ${label} | ${counts.join(" | ")} |\n`;
  });
  return head + lines.join("");
}
