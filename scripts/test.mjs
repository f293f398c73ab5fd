// npm test: installs and compiles what is missing, then gives every compiled *.test.js to Node's own test runner.
// usage: npm test [-- TEXT ...] runs only the files whose path contains one of the texts.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { compiledFiles, fail, projectRoot } from "./lib/project.mjs";

// Node counts it for a whole file too.
const LIMIT_MS = 180_000;

await ensureBuilt().catch((error) => fail(error.message));
const wanted = process.argv.slice(2);
const files = compiledFiles(".", ".test.js").filter(
  (file) => wanted.length === 0 || wanted.some((text) => file.includes(text)),
);
if (files.length === 0) fail(`no test file matches ${wanted.join(" ") || "dist/**/*.test.js"}`);

const cache = join(projectRoot, ".cache");
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, "test-"));
const skipsFile = join(folder, "skips");
const startedMs = Date.now();
const runner = spawn(
  process.execPath,
  [
    "--enable-source-maps",
    "--test",
    // One more than there are cores: many files wait for what takes its time.
    `--test-concurrency=${availableParallelism() + 1}`,
    `--test-timeout=${LIMIT_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=./scripts/lib/skips-reporter.mjs",
    `--test-reporter-destination=${skipsFile}`,
    ...files,
  ],
  { cwd: projectRoot, stdio: ["ignore", "inherit", "inherit"] },
);
runner.once("exit", (code, signal) => {
  const reasons = readFileSync(skipsFile, "utf8").split("\n").filter(Boolean);
  rmSync(folder, { recursive: true, force: true });
  const withoutNeighbour = reasons.filter((line) => line.startsWith("needs the neighbour")).length;
  console.log(`${files.length} files in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  console.log(
    withoutNeighbour > 0
      ? `neighbour tests: ${withoutNeighbour} SKIPPED (no nats-server 2.15.1; node scripts/fetch-neighbour.mjs brings it, or set NATS_SERVER)`
      : "neighbour tests: none skipped",
  );
  process.exitCode = signal ? 1 : code;
});
