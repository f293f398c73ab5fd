// Runs what the documentation shows: every program in examples/ and every ```js and ```ts block of README.md and docs/ that
// imports from "natsnode". Each must compile and end by itself with exit code 0. `<!-- not run -->` before a block leaves it out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, projectRoot } from "./lib/project.mjs";

const LIMIT_MS = 20_000;

await ensureBuilt().catch((error) => fail(error.message));
mkdirSync(join(projectRoot, ".cache"), { recursive: true });
// Inside the project, so that "natsnode" means this package.
const folder = mkdtempSync(join(projectRoot, ".cache", "examples-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const programs = [];
for (const path of filesBelow("examples").filter((name) => /\.m?[jt]s$/.test(name))) {
  programs.push({ origin: path, text: readFileSync(join(projectRoot, path), "utf8") });
}
for (const path of ["README.md", ...filesBelow("docs")].filter((name) => name.endsWith(".md"))) {
  if (!existsSync(join(projectRoot, path))) continue;
  const text = readFileSync(join(projectRoot, path), "utf8");
  for (const block of text.matchAll(/(<!-- not run -->\s*)?^```(?:js|ts|javascript|typescript)\n(.*?)^```/gms)) {
    if (block[1] !== undefined || !/from "natsnode/.test(block[2])) continue;
    programs.push({ origin: `${path}:${text.slice(0, block.index).split("\n").length}`, text: block[2] });
  }
}
for (const [i, program] of programs.entries()) writeFileSync(join(folder, `program-${i}.ts`), program.text);
compile();
let failed = 0;
for (const [i, { origin }] of programs.entries()) {
  const { status, signal, error, stdout, stderr } = spawnSync(process.execPath, [join(folder, `out/program-${i}.js`)], {
    cwd: folder,
    encoding: "utf8",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  if (status === 0) {
    console.log(`examples: ${origin}: ok`);
    continue;
  }
  failed++;
  console.error(`examples: ${origin}: FAILED (${error?.code ?? signal ?? `exit code ${status}`})\n${stdout}${stderr}`);
}
if (failed > 0) fail(`examples: ${failed} of ${programs.length} FAILED`);
console.log(`examples: ${programs.length} passed`);

function filesBelow(path) {
  const full = join(projectRoot, path);
  if (!existsSync(full)) return [];
  return readdirSync(full, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(`${path}/${entry.name}`) : [`${path}/${entry.name}`],
  );
}

function compile() {
  if (programs.length === 0) return;
  const options = {
    target: "es2023",
    module: "nodenext",
    types: ["node"],
    strict: true,
    skipLibCheck: true,
    lib: ["es2023", "esnext.disposable"],
    outDir: "out",
    rootDir: ".",
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
  const tsc = join(projectRoot, "node_modules/typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", folder], { cwd: folder, stdio: "inherit" });
  if (status === 0) return;
  for (const [i, { origin }] of programs.entries()) console.error(`examples: program-${i}.ts is ${origin}`);
  fail("examples: FAILED to compile");
}
