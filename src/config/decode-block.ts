// Turns the maps of a configuration file into blocks of options, guided by the options table. What has a syntax of its
// own is left to the decoders registered for its block.
import type { Block, Kind, Option } from "../options/kinds.js";
import { nearestName } from "../options/nearest.js";
import type { Disk } from "../runtime/disk.js";
import { type ConfigIssue, type ConfigWarning, Rejection } from "./decode-errors.js";
import {
  addressOf,
  booleanOf,
  durationTextOf,
  expected,
  integerOf,
  type Place,
  secondsOf,
  sizeOrTextOf,
  textOf,
} from "./decode-values.js";
import type { ConfigEntry, ConfigMap, ConfigNode, Position } from "./syntax.js";

export type Values = Record<string, unknown>;

/** Where a value stands: its place in the file and its path in the options. */
export interface At extends Place {
  readonly path: string;
}

export type Decoder<T = unknown> = (decoding: Decoding, node: ConfigNode, at: At) => T;

/** One run over a configuration: what was found, and how blocks with a syntax of their own are decoded. */
export interface Decoding {
  readonly disk: Pick<Disk, "readSync" | "statSync">;
  readonly errors: ConfigIssue[];
  readonly warnings: ConfigWarning[];
  readonly positions: Map<string, Position>;
  readonly blocks: ReadonlyMap<Block, Decoder>;
  env(name: string): string | undefined;
}

/** Decoders of single options by their names in the table, and what to do with unknown keys. */
export interface Rules {
  readonly options?: Readonly<Record<string, Decoder>>;
  /** The message for an unknown key; null passes over them. */
  readonly unknown?: ((key: string) => string) | null;
  /** Unknown keys are wrong even where `$NAME` takes its value from them. */
  readonly noVariables?: boolean;
  /** Keys must be in lower case. */
  readonly exactCase?: boolean;
}

const unknownField = (key: string): string => `unknown field "${key}"`;

/** Every known key of a map, decoded; what is wrong is noted and left out. */
export function decodeMap(decoding: Decoding, map: ConfigMap, block: Block, path: string, rules: Rules = {}): Values {
  const values: Values = {};
  const { unknown = unknownField, noVariables = false, exactCase = false } = rules;
  for (const entry of map.entries.values()) {
    const key = exactCase ? entry.key : entry.key.toLowerCase();
    const found = findOption(block, key);
    if (!found) {
      if (unknown && (noVariables || !entry.usedAsVariable)) {
        const near = nearestName(entry.key, keysOf(block));
        const hint = near ? `, did you mean "${near}"?` : "";
        decoding.errors.push({ message: unknown(entry.key) + hint, position: entry.keyPosition });
      }
      continue;
    }
    const [name, option] = found;
    const at: At = { position: entry.keyPosition, key: entry.key, path: path === "" ? name : `${path}.${name}` };
    const before = decoding.errors.length;
    attempt(decoding, () => {
      decodeOption(decoding, entry, name, option, at, values, rules.options?.[name]);
    });
    if (path === "") nameBlock(decoding, before, at);
  }
  return values;
}

/** Says of the errors since `before` which block of the top level they stand in. */
function nameBlock(decoding: Decoding, before: number, at: At): void {
  for (let i = before; i < decoding.errors.length; i++) {
    const issue = decoding.errors[i];
    if (issue.position === undefined || issue.position.line === at.position.line) continue;
    decoding.errors[i] = { ...issue, within: { key: at.key, position: at.position } };
  }
}

/** Runs `decode`; a rejection is noted and the value left out. */
export function attempt<T>(decoding: Decoding, decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    decoding.errors.push({ message: error.message, position: error.position });
    return undefined;
  }
}

function decodeOption(
  decoding: Decoding,
  entry: ConfigEntry,
  name: string,
  option: Option,
  at: At,
  values: Values,
  special: Decoder | undefined,
): void {
  decoding.positions.set(at.path, at.position);
  if (special) {
    values[name] = special(decoding, entry.value, at);
  } else if (option.kind.kind === "address") {
    const { host, port } = addressOf(entry.value, at);
    const parent = at.path.slice(0, at.path.length - name.length);
    values[option.kind.host] = host === "" ? undefined : host;
    values[option.kind.port] = port;
    decoding.positions.set(parent + option.kind.host, at.position);
    decoding.positions.set(parent + option.kind.port, at.position);
  } else {
    const value = decodeKind(decoding, entry.value, option.kind, at);
    if (typeof value === "number") checkRange(value, option, at);
    values[name] = value;
  }
}

/** A value by its kind in the table. */
export function decodeKind(decoding: Decoding, node: ConfigNode, kind: Kind, at: At): unknown {
  switch (kind.kind) {
    case "text":
    case "subject":
      return textOf(node, at);
    case "boolean":
      return booleanOf(node, at);
    case "integer":
      return integerOf(node, at);
    case "bytes":
      return kind.syntax === "size" ? integerOf(node, at) : sizeOrTextOf(node, at);
    case "duration":
      if (kind.syntax === "text") return durationTextOf(node, at);
      return kind.syntax === "seconds" ? secondsOf(node, at) : durationOf(decoding, node, at);
    case "choice": {
      const value = textOf(node, at);
      if (kind.of.includes(value)) return value;
      const words = kind.of.map((word) => `'${word}'`);
      const last = words.pop();
      throw new Rejection(at.position, `${at.key} must be ${words.join(", ")} or ${last}, got "${value}"`);
    }
    case "list":
      if (kind.single && node.kind === "string") return [node.value];
      return decodeList(decoding, node, at, (item, itemAt) => decodeKind(decoding, item, kind.of, itemAt));
    case "record": {
      if (node.kind !== "map") throw expected(at, "a map", node);
      const values: Values = {};
      for (const entry of node.entries.values()) {
        const itemAt = { position: entry.keyPosition, key: entry.key, path: `${at.path}.${entry.key}` };
        define(
          values,
          entry.key,
          attempt(decoding, () => decodeKind(decoding, entry.value, kind.of, itemAt)),
        );
      }
      return values;
    }
    case "block": {
      const special = decoding.blocks.get(kind.block);
      if (special) return special(decoding, node, at);
      if (node.kind !== "map") throw expected(at, "a map", node);
      return decodeMap(decoding, node, kind.block, at.path);
    }
    case "address":
      return addressOf(node, at);
  }
}

/** Every item that is right, decoded. */
export function decodeList<T>(
  decoding: Decoding,
  node: ConfigNode,
  at: At,
  decode: (item: ConfigNode, at: At) => T,
): T[] {
  if (node.kind !== "list") throw expected(at, "a list", node);
  const values: T[] = [];
  for (const item of node.items) {
    const itemAt = { position: item.position, key: at.key, path: `${at.path}[${values.length}]` };
    decoding.positions.set(itemAt.path, item.position);
    const value = attempt(decoding, () => decode(item, itemAt));
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** A duration in text; a number is seconds, with a warning. Milliseconds. */
export function durationOf(decoding: Decoding, node: ConfigNode, at: At): number {
  if (node.kind === "string") return durationTextOf(node, at);
  if (node.kind !== "integer") throw expected(at, 'a duration such as "2m"', node);
  const message = `invalid use of field "${at.key}": ${at.key} should be converted to a duration`;
  decoding.warnings.push({ message, position: at.position });
  return Number(node.value) * 1000;
}

/** Sets a key that came from a file; `__proto__` is a key as any other. */
export function define(values: Values, key: string, value: unknown): void {
  Object.defineProperty(values, key, { value, enumerable: true, writable: true, configurable: true });
}

export function mapOf(node: ConfigNode, at: At): ConfigMap {
  if (node.kind !== "map") throw expected(at, "a map", node);
  return node;
}

function checkRange(value: number, option: Option, at: At): void {
  if (value === 0 && option.zeroIsDefault) return;
  if (option.max !== undefined && value > option.max) {
    throw new Rejection(at.position, `${at.key} value ${value} is too big, it must be at most ${option.max}`);
  }
  if (option.min !== undefined && value < option.min) {
    throw new Rejection(at.position, `${at.key} value ${value} is too small, it must be at least ${option.min}`);
  }
}

/** The option that a key of the file names. */
function findOption(block: Block, key: string): [string, Option] | undefined {
  let index = indexes.get(block);
  if (!index) {
    index = new Map();
    for (const [name, option] of Object.entries(block)) {
      if (option.inFile === false) continue;
      for (const known of [option.key, ...(option.aliases ?? [])]) index.set(known, [name, option]);
    }
    indexes.set(block, index);
  }
  return index.get(key);
}

const indexes = new WeakMap<Block, Map<string, [string, Option]>>();

function keysOf(block: Block): Iterable<string> {
  findOption(block, "");
  return indexes.get(block)?.keys() ?? [];
}
