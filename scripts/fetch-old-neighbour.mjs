// Brings Debian's nats-server 2.9, from before routes had pools, into .cache/neighbour for tests of mixed clusters. Where apt
// does not have it, nothing happens: those tests are skipped then.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { neighbourFile } from "./lib/project.mjs";

const folder = dirname(neighbourFile);
const target = join(folder, "nats-server-2.9");
if (existsSync(target)) {
  console.log(`${target} is there already`);
  process.exit(0);
}
mkdirSync(folder, { recursive: true });
const download = mkdtempSync(join(folder, "download-"));
const run = (program, ...args) => spawnSync(program, args, { cwd: download, stdio: "inherit" }).status === 0;
if (run("apt-get", "download", "nats-server")) {
  const archive = readdirSync(download).find((name) => name.startsWith("nats-server_2.9"));
  if (archive !== undefined && run("dpkg", "-x", archive, "unpacked")) {
    copyFileSync(join(download, "unpacked", "usr", "sbin", "nats-server"), join(download, "nats-server"));
    renameSync(join(download, "nats-server"), target);
  }
}
rmSync(download, { recursive: true, force: true });
console.log(existsSync(target) ? `${target} is there` : "there is no nats-server 2.9 here; its tests are skipped");
