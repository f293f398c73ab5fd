// docs/errors.md lists every error class with its codes, and every -ERR text that is sent: neither more nor less.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as texts from "../src/protocol/error-texts.js";
import { projectRoot } from "./support/project.js";

type Codes = Record<string, string[]>;

const sources = readdirSync(join(projectRoot, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !/\.(test|fuzz)\.ts$|\.fuzz\.test\.ts$/.test(path))
  .map((path) => ({ path: path.replaceAll("\\", "/"), text: readFileSync(join(projectRoot, "src", path), "utf8") }));
const page = readFileSync(join(projectRoot, "docs/errors.md"), "utf8");

/** The error classes of a file that carry a `code`, with all that it can be. */
function classesOf(text: string): Codes {
  const found: Codes = {};
  for (const [body, name] of text.matchAll(/^(?:export )?class (\w+) extends \w*Error\b.*?^}/gms)) {
    const declared = /^ {2}(?:override )?readonly code(?:: ([^=;]+))?(?: = ([^;]+))?;/m.exec(body);
    if (declared === null) continue;
    const [, type = "", value = ""] = declared;
    const codes = literals(value || type);
    found[name] = (codes.length > 0 ? codes : literals(typeNamed(text, type.trim()))).sort();
  }
  return found;
}

function typeNamed(text: string, name: string): string {
  return new RegExp(`^(?:export )?type ${name} =([^;]+);`, "m").exec(text)?.[1] ?? "";
}

function literals(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(/"([A-Z][A-Z0-9_]*)"/g), ([, code]) => code))];
}

/** The first column of a section's table, without backquotes; a section goes to the next heading of its level. */
function listed(title: string): string[] {
  const level = /^#+/.exec(title)?.[0].length ?? 0;
  const from = page.indexOf(`\n${title}\n`);
  assert.ok(from >= 0, `docs/errors.md has no section "${title}"`);
  const rest = page.slice(from + title.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level}} `, "m"));
  const rows = (end < 0 ? rest : rest.slice(0, end)).matchAll(/^\| `([^`]+)` \|/gm);
  return Array.from(rows, ([, cell]) => cell);
}

function flat(codes: Codes): string[] {
  return Object.entries(codes).flatMap(([name, some]) => some.map((code) => `${name}: ${code}`));
}

function assertSame(onPage: readonly string[], inSource: readonly string[]): void {
  const missing = inSource.filter((one) => !onPage.includes(one));
  const invented = onPage.filter((one) => !inSource.includes(one));
  assert.deepEqual({ missing, invented }, { missing: [], invented: [] });
}

test("classes and their codes are read from source text", () => {
  const text = `export type AErrorCode = "A_ONE" | "A_TWO";
export class AError extends Error {
  readonly code: AErrorCode;
}
class BError extends Error {
  override readonly name = "BError";
  readonly code = "B";
}
export class CError extends AError {
  readonly code: "C_ONE" | "C_TWO";
}
class Silent extends Error {}
`;
  assert.deepEqual(classesOf(text), { AError: ["A_ONE", "A_TWO"], BError: ["B"], CError: ["C_ONE", "C_TWO"] });
});

test("every error class of the source is on the page, with its codes", () => {
  const inSource: Codes = {};
  for (const { text } of sources) Object.assign(inSource, classesOf(text));
  for (const [name, codes] of Object.entries(inSource)) assert.notDeepEqual(codes, [], `no code of ${name} is found`);
  const onPage: Codes = {};
  for (const [, name] of page.matchAll(/^### (\w+)$/gm)) onPage[name] = listed(`### ${name}`);
  assertSame(flat(onPage), flat(inSource));
});

test("the platform's codes that the runtime makes itself are on the page", () => {
  const made = sources
    .filter(({ path }) => path.startsWith("runtime/"))
    .flatMap(({ text }) => Array.from(text.matchAll(/platformError\(\s*"(E[A-Z]+)"|code: "(E[A-Z]+)"/g)))
    .map(([, a, b]) => a ?? b);
  assertSame(listed("## The platform's errors"), made);
});

test("every -ERR text that the server sends is on the page", () => {
  const { ErrorText } = texts;
  const users = sources.filter(({ path }) => path !== "protocol/error-texts.ts");
  const isUsed = (name: string): boolean => users.some(({ text }) => text.includes(name));
  const sent: string[] = Object.entries(ErrorText)
    .filter(([name]) => isUsed(`ErrorText.${name}`))
    .map(([, text]) => text);
  const made: Record<string, () => string[]> = {
    publishViolation: () => [texts.publishViolation("SUBJECT")],
    replyViolation: () => [texts.replyViolation("REPLY")],
    subscribeViolation: () => [
      texts.subscribeViolation("SUBJECT", undefined),
      texts.subscribeViolation("SUBJECT", "QUEUE"),
      texts.subscribeViolation("SUBJECT", undefined, "SID"),
    ],
    tooManyTokens: () => [texts.tooManyTokens("SUBJECT")],
  };
  const makers = Object.entries(texts).filter(([name, value]) => typeof value === "function" && name !== "quoted");
  assert.deepEqual(makers.map(([name]) => name).sort(), Object.keys(made).sort());
  sent.push(...Object.values(made).flatMap((texts) => texts()));
  assertSame(listed("## On the wire"), sent);
});
