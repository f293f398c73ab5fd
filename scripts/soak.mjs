// npm run soak: compiles what is out of date, then runs the drills of bench/soak.
// usage: npm run soak -- [DRILL ...] [--short] [--neighbour]
import { spawnSync } from "node:child_process";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, projectRoot } from "./lib/project.mjs";

await ensureBuilt().catch((error) => fail(error.message));
const args = ["--enable-source-maps", "dist/bench/soak/main.js", ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { cwd: projectRoot, stdio: "inherit" });
process.exit(status ?? 1);
