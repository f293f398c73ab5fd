// The documentation: its examples run, its configurations load, its links lead somewhere, its generated pages are current.
// A block's fence says what becomes of it: `js run` is a module that must end well and print its `// ->` comments, `conf check`
// a configuration to start with, `console run` commands with their output, and `file=NAME` lies beside all of the page.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { FLAG_GROUPS } from "../src/cli/flags.js";
import { loadConfig } from "../src/config/load.js";
import { checkForStart } from "../src/options/check.js";
import { resolveOptions } from "../src/options/options.js";
import { optionsPage } from "../src/options/reference.js";
import { optionsSchema } from "../src/options/schema.js";
import { unbuiltIn } from "../src/options/unbuilt.js";
import { nodeRuntime } from "../src/runtime/node/index.js";
import { CertificateAuthority } from "./support/certificates.js";
import { projectRoot } from "./support/project.js";

const LIMIT_MS = 30_000;
const FENCE = /^(?<before><!-- not run -->\n+)?```(?<info>[^\n]*)\n(?<text>.*?)^```$/gms;

interface Block {
  readonly language: string;
  readonly words: readonly string[];
  readonly file: string | undefined;
  readonly text: string;
  readonly line: number;
  readonly notRun: boolean;
}

interface Page {
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...markdownBelow("docs")]
  .filter((path) => existsSync(join(projectRoot, path)))
  .map((path) => pageOf(path, readFileSync(join(projectRoot, path), "utf8")));

function markdownBelow(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? markdownBelow(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]))
    .filter((path) => path.endsWith(".md"));
}

function pageOf(path: string, text: string): Page {
  const blocks = Array.from(text.matchAll(FENCE), (match) => {
    const { before, info, text: content } = match.groups as { before?: string; info: string; text: string };
    const [language = "", ...words] = info.trim().split(/\s+/);
    const file = words.find((word) => word.startsWith("file="))?.slice("file=".length);
    const line = text.slice(0, match.index).split("\n").length + (before?.split("\n").length ?? 1) - 1;
    return { language, words, file, text: content, line, notRun: before !== undefined };
  });
  return { path, text, blocks };
}

/** A folder with the page's files, inside the project, so that "natsnode" is this package. */
function withFolder(page: Page, use: (folder: string) => void): void {
  const cache = join(projectRoot, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "docs-"));
  try {
    for (const { file, text } of page.blocks) if (file !== undefined) writeFileSync(join(folder, file), text);
    use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}

test("blocks, their words and their lines are found", () => {
  const page = pageOf("a.md", "A\n\n```conf check file=b.conf\nport: 1\n```\n\n<!-- not run -->\n```js\nx\n```\n");
  assert.deepEqual(page.blocks, [
    { language: "conf", words: ["check", "file=b.conf"], file: "b.conf", text: "port: 1\n", line: 3, notRun: false },
    { language: "js", words: [], file: undefined, text: "x\n", line: 8, notRun: true },
  ]);
});

test("every program and every configuration of the guides is run, or says that it is not", () => {
  const unmarked = pages.flatMap(({ path, blocks }) =>
    blocks
      .filter(({ language, words, text, file, notRun }) => {
        if (notRun || !path.startsWith("docs/")) return false;
        if (language === "js") return !words.includes("run") && /["']natsnode/.test(text);
        return language === "conf" && !words.includes("check") && file === undefined;
      })
      .map(({ line }) => `${path}:${line}`),
  );
  assert.deepEqual(unmarked, []);
});

for (const page of pages) {
  const some = (language: string, word: string): Block[] =>
    page.blocks.filter((block) => block.language === language && block.words.includes(word));
  const programs = some("js", "run");
  const configurations = some("conf", "check");
  const sessions = some("console", "run");

  if (programs.length > 0) {
    test(`${page.path}: the programs run`, () => {
      withFolder(page, (folder) => {
        for (const { text, line } of programs) assertRuns(folder, text, `${page.path}:${line}`);
      });
    });
  }
  if (configurations.length > 0) {
    test(`${page.path}: a server would start with the configurations`, () => {
      withFolder(page, (folder) => {
        writeCertificates(folder);
        const before = process.cwd();
        process.chdir(folder);
        try {
          for (const { text, line, file } of configurations) {
            const path = join(folder, file ?? `line-${line}.conf`);
            writeFileSync(path, text);
            assert.deepEqual(objectionsTo(path), [], `${page.path}:${line}`);
          }
        } finally {
          process.chdir(before);
        }
      });
    });
  }
  if (sessions.length > 0) {
    test(`${page.path}: the commands print what is shown`, { skip: process.platform === "win32" }, () => {
      withFolder(page, (folder) => {
        for (const { text, line } of sessions) assertSession(folder, text, `${page.path}:${line}`);
      });
    });
  }
}

/** The files that the pages' configurations name, where a server started there would look for them. */
function writeCertificates(folder: string): void {
  const authority = new CertificateAuthority();
  const { certificate, key } = authority.issue();
  writeFileSync(join(folder, "server-cert.pem"), certificate);
  writeFileSync(join(folder, "server-key.pem"), key);
  writeFileSync(join(folder, "clients-ca.pem"), authority.certificate);
}

function assertRuns(folder: string, text: string, where: string): void {
  const file = join(folder, "program.mjs");
  writeFileSync(file, text);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [file], {
    cwd: folder,
    encoding: "utf8",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
    env: environment(),
  });
  assert.equal(status, 0, `${where} ended with ${signal ?? status}\n${stdout}${stderr}`);
  const promised = Array.from(text.matchAll(/\/\/ -> (.*)$/gm), ([, line]) => line);
  if (promised.length > 0) assert.match(stdout, lines(promised), where);
}

/** Exactly these lines; `...` at the end of a line stands for its rest, and alone for any lines. */
function lines(expected: readonly string[]): RegExp {
  const patterns = expected.map((line) => {
    if (line === "...") return "(?:.*\\n)*";
    return line.endsWith("...") ? `${escaped(line.slice(0, -3))}.*\\n` : `${escaped(line)}\\n`;
  });
  return new RegExp(`^${patterns.join("")}$`);
}

/** Without what the test runner tells its own children. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
  return rest;
}

/** What `-t` and a start would say against a configuration. */
function objectionsTo(path: string): string[] {
  const { disk, process: own } = nodeRuntime();
  try {
    const { options, warnings, positions } = loadConfig(path, { disk, env: (name) => own.env(name) });
    checkForStart(resolveOptions(options));
    const { refuse, announce } = unbuiltIn(options, positions);
    return [
      ...warnings.map(({ message }) => message),
      ...refuse.map(({ reason }) => reason),
      ...announce.map((one) => `${one.path} has no effect`),
    ];
  } catch (error) {
    return [String(error)];
  }
}

/** Runs the lines that begin with `$ ` and compares what follows with their output. */
function assertSession(folder: string, text: string, where: string): void {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  for (const name of ["natsnode", "nats-server"]) {
    const link = join(bin, name);
    if (!existsSync(link)) symlinkSync(join(projectRoot, "bin/natsnode.js"), link);
  }
  for (const part of text.split(/^\$ /m).slice(1)) {
    const [command, ...expected] = part.trimEnd().split("\n");
    const { stdout } = spawnSync("sh", ["-c", `{ ${command}\n} 2>&1`], {
      cwd: folder,
      encoding: "utf8",
      timeout: LIMIT_MS,
      env: { ...environment(), PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}` },
    });
    assert.match(stdout, lines(expected), `${where}: ${command}`);
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

test("links lead to files and headings that are there", () => {
  const anchors = new Map(pages.map(({ path, text }) => [path, anchorsOf(text)]));
  const dead: string[] = [];
  for (const { path, text } of pages) {
    const prose = text.replace(FENCE, "").replace(/`[^`\n]*`/g, "");
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, anchor] = target.split("#");
      const other = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(projectRoot, other))) dead.push(`${path}: ${target}`);
      else if (anchor !== undefined && !anchors.get(other)?.has(anchor)) dead.push(`${path}: ${target}`);
    }
  }
  assert.deepEqual(dead, []);
});

/** As GitHub makes them from headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replace(FENCE, "").matchAll(/^#+ (.+)$/gm);
  return new Set(
    Array.from(headings, ([, title]) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

test("the generated pages are up to date", async () => {
  const script = await import(pathToFileURL(join(projectRoot, "scripts/docs.mjs")).href);
  const generated: Map<string, string> = script.referencePages({ optionsPage, optionsSchema, FLAG_GROUPS });
  assert.deepEqual([...generated.keys()].map((path) => basename(path)).sort(), [
    "flags.md",
    "options.md",
    "options.schema.json",
  ]);
  for (const [path, text] of generated) {
    const file = join(projectRoot, path);
    const written = existsSync(file) ? readFileSync(file, "utf8") : "";
    assert.ok(written === text, `${path} is out of date: node scripts/docs.mjs writes it`);
  }
});
