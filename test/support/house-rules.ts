// The rules of the house as functions over source files: each returns its findings, one line of text per violation.
// docs/architecture.md explains the rooms and why their imports point one way.
import { posix } from "node:path";
import { type ImportedModule, lineAt, scanSource } from "./source-scan.js";

/** One file of the project. */
export class SourceFile {
  /** Path inside the project, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments, strings and regular expressions blanked. */
  readonly code: string;
  readonly imports: readonly ImportedModule[];

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    const scanned = scanSource(text);
    this.code = scanned.code;
    this.imports = scanned.imports;
  }

  /** The folder below src/, or undefined for files in src/ itself and outside it. */
  get room(): string | undefined {
    return /^src\/([^/]+)\//.exec(this.path)?.[1];
  }

  get isTest(): boolean {
    return this.path.endsWith(".test.ts");
  }

  /** Paths of the project's files that it imports. */
  get targets(): { path: string; typeOnly: boolean; line: number }[] {
    return this.imports
      .filter((one) => one.specifier.startsWith("."))
      .map(({ specifier, typeOnly, line }) => ({
        // What is outside the compiler's reach (bin/) imports the compiled file.
        path: posix
          .join(posix.dirname(this.path), specifier)
          .replace(/^dist\/(.*)\.js$/, "$1.ts")
          .replace(/(?<=^(?:src|test|bench)\/.*)\.js$/, ".ts"),
        typeOnly,
        line,
      }));
  }
}

/** Rooms from the bottom up; a room may import its own floor and those below. */
const FLOORS: readonly (readonly string[])[] = [
  ["runtime"],
  ["options", "protocol", "subjects"],
  ["accounts", "auth"],
  ["server"],
  ["cluster", "gateways", "leafnodes", "jetstream", "monitoring", "system", "mqtt", "websocket"],
  ["config", "cli"],
  ["library", "testing"],
];
const PURE_ROOMS = new Set(["options", "protocol", "subjects"]);
const TOP_FLOOR = FLOORS.length - 1;

const floorOf = (room: string | undefined): number =>
  room === undefined ? TOP_FLOOR : FLOORS.findIndex((rooms) => rooms.includes(room));

/** Imports that go up, into unknown rooms, or out of src/; pure rooms that use the runtime; rooms that import each other in a circle. */
export function layerViolations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  const edges = new Map<string, Map<string, string>>();
  for (const file of files) {
    if (!file.path.startsWith("src/") || file.isTest) continue;
    if (floorOf(file.room) < 0)
      found.push(`${file.path}: room "${file.room}" has no floor in test/support/house-rules.ts`);
    for (const target of file.targets) {
      const where = `${file.path}:${target.line}`;
      if (!target.path.startsWith("src/")) {
        found.push(`${where}: imports ${target.path}, which is outside src/`);
        continue;
      }
      const room = /^src\/([^/]+)\//.exec(target.path)?.[1];
      if (room === file.room) continue;
      if (floorOf(room) > floorOf(file.room))
        found.push(`${where}: ${file.room} imports the higher ${room ?? "src/*.ts"}`);
      if (file.room !== undefined && PURE_ROOMS.has(file.room) && room === "runtime" && !target.typeOnly) {
        found.push(`${where}: ${file.room} is pure and imports more than types of runtime`);
      }
      if (file.room !== undefined && room !== undefined) {
        const of = edges.get(file.room) ?? new Map<string, string>();
        if (!of.has(room)) of.set(room, where);
        edges.set(file.room, of);
      }
    }
  }
  for (const [room, targets] of edges) {
    for (const [other, where] of targets) {
      const back = edges.get(other)?.get(room);
      // Up and down at once is reported above already.
      if (back && room < other && floorOf(room) === floorOf(other)) {
        found.push(`${where} and ${back}: ${room} and ${other} import each other`);
      }
    }
  }
  return found;
}

/** Node's modules without a view of the world outside the process: any room may use them. */
const INNER_MODULES = new Set(
  "assert assert/strict buffer crypto events path path/posix stream string_decoder url util util/types zlib".split(" "),
);
const WORLD_GLOBALS =
  "Date performance setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate fetch WebSocket Worker process".split(
    " ",
  );
const WORLD_CRYPTO =
  "randomBytes randomInt randomUUID randomFill randomFillSync getRandomValues generateKeyPair generateKeyPairSync generateKey generateKeySync webcrypto".split(
    " ",
  );
const ASYNC_ZLIB = "deflate inflate gzip gunzip deflateRaw inflateRaw unzip brotliCompress brotliDecompress".split(" ");

/** The program's own boundary: it runs before there is a runtime (signals, exit, `--signal` to another process) and no library loads it. */
const PROGRAM_HOST = "src/cli/host.ts";

/** A destructured parameter or variable `{ ..., process }`: the runtime's. */
const PROCESS_HANDED_IN = /\{[^{}]*\bprocess\s*(?:,[^{}]*)?\}\s*[:=]/;

/** Uses of time, randomness, files, sockets, processes and the like outside src/runtime and the program's host. */
export function worldViolations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const file of files) {
    if (!file.path.startsWith("src/") || file.isTest || file.path === PROGRAM_HOST) continue;
    if (file.room === "runtime" || file.room === "testing") continue;
    const report = (offset: number, what: string): void => {
      found.push(`${file.path}:${lineAt(file.code, offset)}: ${what} belongs to src/runtime`);
    };
    for (const { specifier, typeOnly, line } of file.imports) {
      const name = /^node:(.+)$/.exec(specifier)?.[1];
      if (name === undefined || typeOnly || INNER_MODULES.has(name)) continue;
      found.push(`${file.path}:${line}: ${specifier} belongs to src/runtime`);
    }
    for (const name of WORLD_GLOBALS) {
      if (name === "process" && PROCESS_HANDED_IN.test(file.code)) continue;
      // `process` is also a common property and method name: only `process.x` and `process[` count.
      const use =
        name === "process"
          ? /(?<![\w$.])process\s*[.[]/g
          : new RegExp(`(?<![\\w$.])${name}(?![\\w$])(?!\\s*\\??:)`, "g");
      for (const match of file.code.matchAll(use)) report(match.index, name);
    }
    for (const match of file.code.matchAll(/(?<![\w$.])Math\s*\.\s*random\b/g)) report(match.index, "Math.random");
    for (const match of file.code.matchAll(/(?<![\w$])globalThis\b/g)) report(match.index, "globalThis");
    if (file.imports.some((one) => one.specifier === "node:crypto") || /(?<![\w$.])crypto\s*\./.test(file.code)) {
      for (const match of file.code.matchAll(wordOf(WORLD_CRYPTO))) report(match.index, match[0]);
    }
    if (file.imports.some((one) => one.specifier === "node:zlib")) {
      for (const match of file.code.matchAll(wordOf(ASYNC_ZLIB)))
        report(match.index, `zlib's asynchronous ${match[0]}`);
    }
  }
  return found;
}

const wordOf = (names: readonly string[]): RegExp => new RegExp(`(?<![\\w$])(?:${names.join("|")})(?![\\w$])`, "g");

/** Files that do not begin with a comment saying what they are. A test is said by its name to be the test of the file beside it. */
export function headerViolations(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => /^(src|test|bench|scripts)\//.test(file.path) && !file.isTest)
    .filter((file) => !/^(#!.*\n)?\s*(\/\/|\/\*)/.test(file.text))
    .map((file) => `${file.path}: no header comment that says what the file is`);
}

export const LONG_FILE_LINES = 400;
export const LONGEST_FILE_LINES = 600;

/** Files with more lines than `most`. */
export function lengthViolations(files: readonly SourceFile[], most: number): string[] {
  return files
    .map((file) => ({ file, lines: file.text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > most)
    .map(({ file, lines }) => `${file.path}: ${lines} lines, more than ${most}`);
}

/** Where execution starts: the library, the program, the test kit, fuzzed functions, drills and the tests themselves. */
const isRoot = (path: string): boolean =>
  ["src/index.ts", "src/testing/index.ts"].includes(path) ||
  path.startsWith("bin/") ||
  path.endsWith(".test.ts") ||
  path.endsWith(".fuzz.ts") ||
  path.startsWith("bench/") ||
  path.startsWith("examples/");

/** Files under src/ that nothing reaches; a file's own test (x.test.ts beside x.ts) does not keep it alive. Missing imports too. */
export function deadFiles(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const missing: string[] = [];
  const pending = files.filter((file) => isRoot(file.path));
  for (let file = pending.pop(); file; file = pending.pop()) {
    reached.add(file.path);
    for (const target of file.targets) {
      if (file.isTest && target.path === file.path.replace(/\.test\.ts$/, ".ts")) continue;
      const next = byPath.get(target.path);
      if (next === undefined && target.path.startsWith("src/"))
        missing.push(`${file.path}:${target.line}: ${target.path} does not exist`);
      if (next && !reached.has(next.path)) pending.push(next);
    }
  }
  const dead = files
    .filter((file) => file.path.startsWith("src/") && !reached.has(file.path))
    .map((file) => `${file.path}: nothing but its own test imports it`);
  return [...missing, ...dead];
}

/** Unfinished work left in a text. */
export function unfinishedWork(path: string, text: string): string[] {
  return linesMatching(path, text, /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/);
}

/** Words that tell of the place where the text was written instead of the project. */
export function wordsOfTheWorkplace(path: string, text: string): string[] {
  return linesMatching(
    path,
    text,
    /\/work\/|\/tmp\/(?:ref|build)|\bsub-?agents?\b|\b(?:AI|LLM)[ -](?:agent|assistant|session|model)s?\b|\b[C]laude\b|\b[A]nthropic\b|\bthe lead\b|\bprevious session\b|\bthis session\b/,
  );
}

function linesMatching(path: string, text: string, pattern: RegExp): string[] {
  return text
    .split("\n")
    .map((line, i) => ({ line, number: i + 1 }))
    .filter(({ line }) => pattern.test(line))
    .map(({ line, number }) => `${path}:${number}: ${line.trim().slice(0, 100)}`);
}

const ASSERTION =
  /\b(?:assert\w*|expect\w*|check[A-Z]\w*|fail|fuzz[A-Z]\w*)\b\s*[.(<]|\.(?:expect|closed|logged|exited)\s*\(/;

/**
 * Calls of test() or it() whose body asserts nothing, neither itself nor through a function of the same file. Where such a
 * function makes the tests (`function simulate(name, steps) { test(...) }`), its calls are looked at instead.
 */
export function testsWithoutAssertion(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const file of files.filter((one) => one.isTest)) {
    const functions = outermostFunctions(file.code);
    const makers = functions.filter(({ text }) => /(?<![\w$.])(?:test|it)\s*\(/.test(text));
    const asserting = assertingNames(functions.filter((one) => !makers.includes(one)));
    const calls = new RegExp(
      `(?<![\\w$.]|function )(?:test|it${makers.map(({ name }) => `|${name}`).join("")})\\s*\\(`,
      "g",
    );
    for (const match of file.code.matchAll(calls)) {
      if (makers.some(({ start, text }) => match.index >= start && match.index < start + text.length)) continue;
      const start = match.index + match[0].length;
      const body = file.code.slice(start, closingParenthesis(file.code, start));
      if (!asserts(body, asserting)) {
        found.push(`${file.path}:${lineAt(file.code, match.index)}: a test without an assertion`);
      }
    }
  }
  return found;
}

const asserts = (code: string, asserting: ReadonlySet<string>): boolean =>
  ASSERTION.test(code) || Array.from(code.matchAll(/([\w$]+)\s*\(/g)).some(([, name]) => asserting.has(name));

interface NamedCode {
  name: string;
  start: number;
  text: string;
}

/** A file's outermost functions and function constants; formatted code starts each at the beginning of a line. */
function outermostFunctions(code: string): NamedCode[] {
  const found: NamedCode[] = [];
  let start = 0;
  for (const text of code.split(/(?<=\n)(?=[^\s})\];])/)) {
    const name = /^(?:export )?(?:async )?(?:function\s+([\w$]+)|const\s+([\w$]+)\s*=)/
      .exec(text)
      ?.slice(1)
      .find(Boolean);
    if (name !== undefined) found.push({ name, start, text });
    start += text.length;
  }
  return found;
}

/** The names of those that assert, also through each other. */
function assertingNames(functions: readonly NamedCode[]): ReadonlySet<string> {
  const asserting = new Set<string>();
  for (let before = -1; before !== asserting.size; ) {
    before = asserting.size;
    for (const { name, text } of functions) if (asserts(text, asserting)) asserting.add(name);
  }
  return asserting;
}

function closingParenthesis(code: string, from: number): number {
  let depth = 1;
  for (let i = from; i < code.length; i++) {
    if (code[i] === "(") depth++;
    else if (code[i] === ")" && --depth === 0) return i;
  }
  return code.length;
}
