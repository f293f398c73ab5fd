// Secrets of options are left out of whatever is shown: the values of secret options, and users and passwords within URLs.
import type { Block, Kind } from "./kinds.js";
import { serverTable } from "./table.js";

/** Stands for a secret in what is shown. */
export const REDACTED = "[REDACTED]";

// To the last @ before another URL, since passwords that are not encoded may hold one, or a slash.
const URL_USER = /\/\/(?:(?!\/\/)[^\s"'])*@/g;
const SEED = /\bS[A-Z][A-Z2-7]{50,}/g;
const JWT = /\beyJ[\w-]*\.[\w-]+\.[\w-]+/g;

/** The text with [REDACTED] for users and passwords of URLs. */
export function withoutUrlUsers(text: string): string {
  return text.replace(URL_USER, `//${REDACTED}@`);
}

/** A line of a configuration file with stars for its secrets, character by character so that columns stay. */
export function starred(line: string): string {
  secretValue ??= new RegExp(`((?<![\\w./-])(?:${keys()})["']?(?:\\s*[:=]\\s*|\\s+))(${VALUE})`, "gi");
  return line
    .replace(secretValue, (_, before: string, value: string) => before + stars(value))
    .replace(URL_USER, (user) => `//${stars(user.slice(2, -1))}@`)
    .replace(SEED, stars)
    .replace(JWT, stars);
}

// In quotes, up to the end of the line where these are not closed, or without; in a list or not.
const VALUE = `\\[?\\s*(?:"(?:[^"\\\\]|\\\\.)*"?|'[^']*'?|[^"'\\s{[,;}\\]#][^,;}\\]#]*)`;
let secretValue: RegExp | undefined;

// The secret options, and what variables are called that hold a secret.
function keys(): string {
  return `${[...new Set(secretKeys(serverTable))].join("|")}|[\\w.-]*(?:pass|secret|token|seed)[\\w.-]*`;
}

function stars(text: string): string {
  return "*".repeat(text.length);
}

function* secretKeys(block: Block): Generator<string> {
  for (const option of Object.values(block)) {
    if (option.secret) yield* [option.key, ...(option.aliases ?? [])];
    const inner = blockWithin(option.kind);
    if (inner !== undefined) yield* secretKeys(inner);
  }
}

function blockWithin(kind: Kind): Block | undefined {
  if (kind.kind === "block") return kind.block;
  return kind.kind === "list" || kind.kind === "record" ? blockWithin(kind.of) : undefined;
}
