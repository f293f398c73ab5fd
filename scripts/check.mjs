// npm run check: types (tsc), format and lint (Biome), and the rules of the house (test/house-rules.test.ts).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureBuilt, ensureInstalled } from "./lib/ensure-built.mjs";
import { fail, projectRoot } from "./lib/project.mjs";

await ensureInstalled().catch((error) => fail(error.message));
const bin = (path) => join(projectRoot, "node_modules", path);
const node = (...args) => spawnSync(process.execPath, args, { cwd: projectRoot, stdio: "inherit" }).status === 0;

const steps = {
  types: () => node(bin("typescript/bin/tsc"), "-p", "tsconfig.json", "--noEmit", "--incremental", "false"),
  "format and lint": () => node(bin("@biomejs/biome/bin/biome"), "ci", "--error-on-warnings", "."),
  "house rules": async () => {
    const built = await ensureBuilt().then(
      () => true,
      (error) => console.error(error.message),
    );
    return built && node("--enable-source-maps", "--test", "--test-reporter=spec", "dist/test/house-rules.test.js");
  },
};
const failed = [];
for (const [name, passes] of Object.entries(steps)) {
  console.log(`check: ${name}`);
  if (!(await passes())) failed.push(name);
}
if (failed.length > 0) fail(`check: FAILED: ${failed.join(", ")}`);
console.log("check: all passed");
