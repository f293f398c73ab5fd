// Where the project lies, and the few things that every script asks of it.
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder, absolute. */
export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Command line of the project's server, as words. */
export const serverCommand = [process.execPath, join(projectRoot, "bin/natsnode.js")];

/** Where the neighbour (the real nats-server) is kept once fetched. */
export const neighbourFile = join(projectRoot, ".cache/neighbour/nats-server");

/** The neighbour to measure and compare with: $NATS_SERVER, else the fetched one, else undefined. */
export function findNeighbour() {
  const named = process.env.NATS_SERVER;
  if (named) return named;
  return existsSync(neighbourFile) ? neighbourFile : undefined;
}

/** Paths (relative to the project, with slashes) of the compiled files under dist/`folder` that still have their source. */
export function compiledFiles(folder, suffix) {
  const dist = join(projectRoot, "dist");
  const start = join(dist, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(dist, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((path) => existsSync(join(projectRoot, path.replace(/\.js$/, ".ts"))))
    .map((path) => join("dist", path).split(sep).join("/"))
    .sort();
}

/** Ends a script with a message on standard error and exit code 2 (wrong use) or 1. */
export function fail(message, exitCode = 1) {
  console.error(message);
  process.exit(exitCode);
}
