// npm run fuzz: long runs of the exported fuzz functions (src/**/*.fuzz.ts: every export `fuzz...(runs, seed)`), then mutated
// bytes against a live server. A failure prints the seed that repeats it; findings on the wire are kept in test/fuzz-corpus.
// usage: npm run fuzz -- [--runs 100000] [--seed N] [--seconds 60] [--filter TEXT] [--neighbour]
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { compiledFiles, fail, projectRoot } from "./lib/project.mjs";

const { values: flags } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    seconds: { type: "string", default: "60" },
    filter: { type: "string", default: "" },
    neighbour: { type: "boolean", default: false },
  },
});
await ensureBuilt().catch((error) => fail(error.message));
let failed = 0;
for (const file of compiledFiles("src", ".fuzz.js")) {
  const module = await import(pathToFileURL(join(projectRoot, file)).href);
  const names = Object.keys(module).filter((name) => name.startsWith("fuzz") && typeof module[name] === "function");
  if (names.length === 0) fail(`${file} exports no fuzz function`);
  for (const name of names.filter((one) => `${file} ${one}`.includes(flags.filter))) {
    const startedMs = Date.now();
    try {
      await module[name](Number(flags.runs), Number(flags.seed));
      console.log(
        `fuzz: ${name}: ${flags.runs} runs with seed ${flags.seed} in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`,
      );
    } catch (error) {
      failed++;
      console.error(`fuzz: ${name} (${file}): FAILED with --runs ${flags.runs} --seed ${flags.seed}\n${error.stack}`);
    }
  }
}
if ("wire".includes(flags.filter)) {
  const args = [
    "--enable-source-maps",
    "dist/test/support/wire-fuzz-main.js",
    "--seed",
    flags.seed,
    "--seconds",
    flags.seconds,
  ];
  if (flags.neighbour) args.push("--neighbour");
  failed += spawnSync(process.execPath, args, { cwd: projectRoot, stdio: "inherit" }).status === 0 ? 0 : 1;
}
if (failed > 0) fail(`fuzz: ${failed} FAILED`);
console.log("fuzz: nothing found");
