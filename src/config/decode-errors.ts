// What is wrong with a configuration's values: every error and warning with its place.
import { formatPosition } from "./errors.js";
import type { Position } from "./syntax.js";

/** One finding. Without a place when it is about the file as a whole. */
export interface ConfigIssue {
  readonly message: string;
  readonly position?: Position;
  /** The block of the top level that it stands in, where that begins on another line. */
  readonly within?: { readonly key: string; readonly position: Position };
}

/** Something that is complained about and lived with; `-t` rejects the file for it unless it is `tolerated`. */
export interface ConfigWarning extends ConfigIssue {
  readonly tolerated?: true;
}

/** A configuration that can be read but not used. `message` has one line an issue, warnings first. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "CONFIG_INVALID";
  readonly issues: readonly ConfigIssue[];
  readonly warnings: readonly ConfigWarning[];
  /** The place of the first issue that has one. */
  readonly position: Position | undefined;

  constructor(issues: readonly ConfigIssue[], warnings: readonly ConfigWarning[] = []) {
    super([...warnings, ...issues].map(formatIssue).join("\n"));
    this.issues = issues;
    this.warnings = warnings;
    this.position = issues.find((issue) => issue.position)?.position;
  }
}

/** `file:line:column: message`, as the reference prints it. */
export function formatIssue(issue: ConfigIssue): string {
  const { message, position, within } = issue;
  const block = within ? ` (in "${within.key}", ${formatPosition(within.position)})` : "";
  return position ? `${formatPosition(position)}: ${message}${block}` : message;
}

/** Thrown while one entry is decoded; the decoder notes it and goes on with the next entry. */
export class Rejection extends Error {
  readonly position: Position;

  constructor(position: Position, message: string) {
    super(message);
    this.position = position;
  }
}
