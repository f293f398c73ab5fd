// What a reload changes: the options that differ between two snapshots, and those of them that need a restart.
import { durationText } from "../protocol/durations.js";
import { OptionsError } from "./errors.js";
import type { Block, Kind, Option } from "./kinds.js";
import type { ResolvedOptions } from "./options.js";
import { REDACTED, withoutUrlUsers } from "./redact.js";
import { serverTable } from "./table.js";

export interface OptionChange {
  /** The dotted path in the options. */
  readonly path: string;
  /** The path by the keys of a configuration file. */
  readonly key: string;
  /** Old and new value as text, secrets redacted. */
  readonly old: string;
  readonly shown: string;
  /** What the log says of it: the key and the new value, or the key alone of secrets and of what holds many options. */
  readonly line: string;
  readonly reloadable: boolean;
}

/** A free port was asked for: the one in use is as good as any. */
const RANDOM_PORT = -1;

/** Every option that differs, in the order of the table. */
export function changedOptions(old: ResolvedOptions, next: ResolvedOptions): OptionChange[] {
  const changes: OptionChange[] = [];
  compareBlock(serverTable, old, next, "", "", false, changes);
  return changes;
}

/**
 * The changes that a reload applies, in the order of the table.
 * @throws {OptionsError} OPTIONS_VALUE when one of the changed options needs a restart; the path names it
 */
export function diffOptions(old: ResolvedOptions, next: ResolvedOptions): OptionChange[] {
  const changes = changedOptions(old, next);
  const refused = changes.find((change) => !change.reloadable);
  if (refused) {
    const values = `old=${refused.old}, new=${refused.shown}`;
    throw new OptionsError("OPTIONS_VALUE", refused.path, `config reload not supported for ${refused.key}: ${values}`);
  }
  return changes;
}

function compareBlock(
  block: Block,
  old: unknown,
  next: unknown,
  path: string,
  key: string,
  reload: boolean,
  changes: OptionChange[],
): void {
  for (const [name, option] of Object.entries(block)) {
    const before = (old as Record<string, unknown> | undefined)?.[name];
    const after = (next as Record<string, unknown> | undefined)?.[name];
    const at = path === "" ? name : `${path}.${name}`;
    if (isEqual(before, after) || (at === "port" && after === RANDOM_PORT)) continue;
    const keyAt = path === "" ? option.key : `${key}.${option.key}`;
    const reloadable = option.reload ?? reload;
    if (option.kind.kind === "block" && before !== undefined && after !== undefined) {
      compareBlock(option.kind.block, before, after, at, keyAt, reloadable, changes);
      continue;
    }
    const shown = { old: show(option, before), shown: show(option, after) };
    const line = lineOf(option, keyAt, after);
    changes.push({ path: at, key: keyAt, ...shown, line, reloadable: reloadable && isAllowed(at, before, after) });
  }
}

/** Changes that depend on the values: a listener cannot come or go, limits of JetStream only grow. */
function isAllowed(path: string, old: unknown, next: unknown): boolean {
  if (path === "resolver") return old !== undefined && next !== undefined;
  if (path === "cluster") return portOf(old) === portOf(next);
  if (path === "jetstream.maxMemoryStoreBytes" || path === "jetstream.maxFileStoreBytes") {
    return (old as number) >= 0 && (next as number) > (old as number);
  }
  return true;
}

function portOf(block: unknown): number {
  return (block as { port?: number } | undefined)?.port ?? 0;
}

function lineOf(option: Option, key: string, value: unknown): string {
  const words = key.replaceAll(".", " ");
  if (option.secret || holdsBlocks(option.kind)) return words;
  if (option.kind.kind !== "duration" || typeof value !== "number") return `${words} = ${show(option, value)}`;
  return `${words} = ${option.kind.syntax === "seconds" ? value / 1000 : durationText(value)}`;
}

function holdsBlocks(kind: Kind): boolean {
  if (kind.kind === "list" || kind.kind === "record") return kind.of.kind === "block" || holdsBlocks(kind.of);
  return kind.kind === "block";
}

function show(option: Option, value: unknown): string {
  if (value === undefined) return '""';
  if (option.secret) return REDACTED;
  return JSON.stringify(redact(option.kind, value));
}

function redact(kind: Kind, value: unknown): unknown {
  if (value === undefined) return undefined;
  switch (kind.kind) {
    case "text":
      return withoutUrlUsers(value as string);
    case "list":
      return (value as unknown[]).map((item) => redact(kind.of, item));
    case "record":
      return mapValues(value as object, (_, item) => redact(kind.of, item));
    case "block":
      return mapValues(value as object, (name, item) =>
        kind.block[name].secret ? REDACTED : redact(kind.block[name].kind, item),
      );
    default:
      return value;
  }
}

function mapValues(object: object, change: (name: string, value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(name, value)]));
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) {
    if (!isEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  return Array.isArray(a) === Array.isArray(b);
}
