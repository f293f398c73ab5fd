// Installs and compiles what is missing or out of date, so that every script works on a fresh clone.
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, lstatSync, openSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./project.mjs";

const SOURCE_FOLDERS = ["src", "test", "bench"];
// Written after a build without errors only: the compiler updates its own .tsbuildinfo even when it reports some.
const BUILD_STAMP = "dist/.built";
const INSTALL_STAMP = "node_modules/.package-lock.json";

/**
 * Runs `npm ci` when node_modules is missing or older than package-lock.json; never in a linked one, which belongs to
 * another checkout. Throws an Error when it fails.
 */
export async function ensureInstalled() {
  if (lstatSync(join(projectRoot, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink()) return;
  const lock = join(projectRoot, "package-lock.json");
  if (modifiedMs(join(projectRoot, INSTALL_STAMP)) >= modifiedMs(lock)) return;
  run("installing dependencies", process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund"]);
}

/**
 * Installs what is missing, then runs the TypeScript compiler when a source file is newer than the last build without
 * errors. Throws an Error naming the step that failed.
 */
export async function ensureBuilt() {
  await ensureInstalled();
  const built = modifiedMs(join(projectRoot, BUILD_STAMP));
  const newest = Math.max(
    modifiedMs(join(projectRoot, "tsconfig.json")),
    ...SOURCE_FOLDERS.map((folder) => newestSourceMs(join(projectRoot, folder))),
  );
  if (built >= newest) return;
  run("compiling", process.execPath, [join(projectRoot, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"]);
  closeSync(openSync(join(projectRoot, BUILD_STAMP), "w"));
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestSourceMs(folder) {
  if (!existsSync(folder)) return 0;
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    // A folder's own time changes when a file is removed from it.
    if (entry.isDirectory() || entry.name.endsWith(".ts")) {
      newest = Math.max(newest, modifiedMs(join(entry.parentPath ?? entry.path, entry.name)));
    }
  }
  return newest;
}

function run(what, command, args) {
  // What it prints goes to stderr: a caller's stdout may be read by a program.
  const { status, error } = spawnSync(command, args, { cwd: projectRoot, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`${what} failed: ${error?.message ?? `exit code ${status}`}`);
}
