// What is wrong with a configuration's text, and where: the words of the reference, then file:line:column.
import { starred } from "../options/redact.js";
import { CONFIG_LIMITS } from "./limits.js";
import type { Position } from "./syntax.js";

/**
 * - `CONFIG_SYNTAX`: the text is not of the language.
 * - `CONFIG_VARIABLE`: a `$NAME` has no value, or none that can be read.
 * - `CONFIG_INCLUDE`: an included file cannot be read, or includes itself.
 * - `CONFIG_LIMIT`: too deep or too large (`limits.ts`).
 */
export type ConfigSyntaxErrorCode = "CONFIG_SYNTAX" | "CONFIG_VARIABLE" | "CONFIG_INCLUDE" | "CONFIG_LIMIT";

interface Details {
  code: ConfigSyntaxErrorCode;
  /** What is wrong, without the place. */
  reason: string;
  position: Position;
  /** Where the string, list or map begins whose end was not found. */
  openedAt?: Position | undefined;
  /** What `excerptOf` shows of the place. */
  excerpt: string;
}

/** A configuration that cannot be read. `message` holds the reason and the place, without the excerpt. */
export class ConfigSyntaxError extends Error {
  override readonly name = "ConfigSyntaxError";
  readonly code: ConfigSyntaxErrorCode;
  readonly reason: string;
  /** The place that could not be read, in the file it was found in, which may be an included one. */
  readonly position: Position;
  readonly openedAt: Position | undefined;
  /** The line of the file and a caret below the place; for an open bracket or quote, the line where that stands. */
  readonly excerpt: string;

  constructor(details: Details) {
    const opened = details.openedAt === undefined ? "" : `; opened at ${formatPosition(details.openedAt)}`;
    super(`${details.reason} (${formatPosition(details.position)}${opened})`);
    this.code = details.code;
    this.reason = details.reason;
    this.position = details.position;
    this.openedAt = details.openedAt;
    this.excerpt = details.excerpt;
  }

  /** The same error as the including file tells it. */
  inInclude(includedAs: string): ConfigSyntaxError {
    const { code, position, openedAt, excerpt } = this;
    const reason = `error parsing include file '${quotation(includedAs)}', ${this.reason}`;
    return new ConfigSyntaxError({ code, reason, position, openedAt, excerpt });
  }
}

/** `file:line:column`, as every message about a configuration prints it. */
export function formatPosition(position: Position): string {
  return `${position.file}:${position.line}:${position.column}`;
}

/**
 * Two lines for a human: the line of `text` that `position` is on, and a caret below its column. Of a long line only the
 * neighbourhood of the column is shown, and stars for secrets. Empty when `text` has no such line.
 */
export function excerptOf(text: string, position: Position): string {
  let start = 0;
  for (let line = 1; line < position.line; line++) {
    start = text.indexOf("\n", start) + 1;
    if (start === 0) return "";
  }
  const newline = text.indexOf("\n", start);
  const end = newline === -1 ? text.length : newline;
  const caret = Math.min(start + position.column - 1, end);
  const from = Math.max(start, caret - CONFIG_LIMITS.quotationChars);
  const line = starred(text.slice(start, end));
  const shown = line.slice(from - start, caret - start + CONFIG_LIMITS.quotationChars);
  const visible = (part: string) => part.replace(/[\x00-\x08\x0b-\x1f\x7f]|\p{Surrogate}/gu, "\ufffd");
  const padding = visible(shown.slice(0, caret - from)).replace(/[^\t]/g, " ");
  return `${visible(shown).trimEnd()}\n${padding}^`;
}

/** Words of a configuration as a message quotes them: cut when long, line ends spelled out. */
export function quotation(words: string): string {
  const { quotationChars } = CONFIG_LIMITS;
  const cut = words.length > quotationChars ? `${words.slice(0, quotationChars)}...` : words;
  return cut
    .replaceAll("\n", "\\n")
    .replaceAll("\0", "\\0")
    .replace(/\p{Surrogate}/gu, "\ufffd");
}
