// What all files and environment variables of one configuration have in common: the world they are read from, the chain of
// those being read, and what they have cost so far.
import type { ConfigNode, Position } from "./syntax.js";

export interface ConfigSource {
  /** Names the file in positions and errors; includes are relative to its folder. */
  readonly file: string;
  /** From `decodeConfigText`; text decoded otherwise loses only bytes that are not UTF-8. */
  readonly text: string;
}

/** What a configuration may look at outside its text. */
export interface ConfigWorld {
  env(name: string): string | undefined;
  /** The text of an included file (see `ConfigSource.text`). Throws errors that carry the platform's `code`. */
  readFile(path: string): string;
}

/** What the files and environment variables of one configuration have in common. */
export class Session {
  readonly world: ConfigWorld;
  /** The files being read, each included by the one before. */
  readonly files: string[] = [];
  /** The environment variables being read. */
  readonly variables = new Set<string>();
  sources = 0;
  textChars = 0;
  variableChars = 0;
  readonly #sizes = new WeakMap<ConfigNode, number>();

  constructor(world: ConfigWorld) {
    this.world = world;
  }

  /** Characters and values of a node, counted as if every variable in it were written out. */
  sizeOf(node: ConfigNode): number {
    return this.#sizes.get(node) ?? (node.kind === "string" ? 1 + node.value.length : 1);
  }
  /** Adds up a finished list or map from its parts. */
  measure(node: ConfigNode, parts: readonly ConfigNode[]): void {
    this.#sizes.set(
      node,
      parts.reduce((sum, part) => sum + this.sizeOf(part), 1),
    );
  }
  /** The node a variable stands for, as if written where the variable is. */
  copyTo(position: Position, node: ConfigNode): ConfigNode {
    const copy = { ...node, position };
    this.#sizes.set(copy, this.sizeOf(node));
    return copy;
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EACCES: "permission denied",
};

/** Why a file could not be read, in the platform's usual words. */
export function describeReadError(file: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = READ_ERRORS[code ?? ""] ?? message;
  return `${code === "EISDIR" ? "read" : "open"} ${file}: ${why}`;
}
