// npm run check: types (tsc), format and lint (Biome), and the rules of the house (test/house-rules.test.ts).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, projectRoot } from "./lib/project.mjs";

await ensureBuilt().catch((error) => fail(error.message));
const bin = (path) => join(projectRoot, "node_modules", path);
const steps = [
  ["types", [bin("typescript/bin/tsc"), "-p", "tsconfig.json", "--noEmit", "--incremental", "false"]],
  ["format and lint", [bin("@biomejs/biome/bin/biome"), "ci", "--error-on-warnings", "."]],
  ["house rules", ["--enable-source-maps", "--test", "--test-reporter=spec", "dist/test/house-rules.test.js"]],
];
const failed = steps.filter(([name, args]) => {
  console.log(`check: ${name}`);
  return spawnSync(process.execPath, args, { cwd: projectRoot, stdio: "inherit" }).status !== 0;
});
if (failed.length > 0) fail(`check: FAILED: ${failed.map(([name]) => name).join(", ")}`);
console.log("check: all passed");
