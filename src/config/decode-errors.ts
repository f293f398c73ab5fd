// What is wrong with a configuration's values: every error and warning with its place.
import { formatPosition } from "./errors.js";
import type { Position } from "./syntax.js";

/** One finding. Without a place when it is about the file as a whole. */
export interface ConfigIssue {
  readonly message: string;
  readonly position?: Position;
}

/** Something the reference complains about and lives with; `-t` rejects the file for it. */
export interface ConfigWarning extends ConfigIssue {}

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
  return issue.position ? `${formatPosition(issue.position)}: ${issue.message}` : issue.message;
}

/** Thrown while one entry is decoded; the decoder notes it and goes on with the next entry. */
export class Rejection extends Error {
  readonly position: Position;

  constructor(position: Position, message: string) {
    super(message);
    this.position = position;
  }
}
