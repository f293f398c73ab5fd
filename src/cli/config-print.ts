// A configuration as it is understood, in the language of configuration files: each option with the place that set it,
// secrets left out.
import { formatPosition } from "../config/errors.js";
import type { Position } from "../config/syntax.js";
import type { Block, Kind, Option } from "../options/kinds.js";
import type { ResolvedOptions, ServerOptions } from "../options/options.js";
import { REDACTED, withoutUrlUsers } from "../options/redact.js";
import { serverTable } from "../options/table.js";
import { durationText } from "../protocol/durations.js";
import { bytesAsText } from "../protocol/json.js";

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

export interface Shown {
  readonly given: ServerOptions;
  readonly resolved: ResolvedOptions;
  /** Where each option was set, by its dotted path. */
  readonly positions: ReadonlyMap<string, Position>;
  /** Whether options that were not set are shown too. */
  readonly defaults: boolean;
}

/** An option that is shown, its value made fit for JSON. */
interface Entry {
  readonly name: string;
  readonly option: Option;
  readonly path: string;
  readonly value: unknown;
  readonly position: Position | undefined;
  /** The options of a block. */
  readonly entries: readonly Entry[] | undefined;
}

/** The configuration as text. */
export function printedText(shown: Shown): string {
  return entriesOf(serverTable, shown.given, shown.resolved, "", shown)
    .flatMap((entry) => linesOf(entry, ""))
    .join("");
}

/** The same as data: options under their names in the library, and the place of each that the file sets. */
export function printedData(shown: Shown): { options: object; origins: Readonly<Record<string, string>> } {
  const origins: Record<string, string> = {};
  const collect = (entries: readonly Entry[]): object =>
    Object.fromEntries(
      entries.map(({ name, path, value, position, entries: inner }) => {
        if (position !== undefined) origins[path] = formatPosition(position);
        return [name, inner === undefined ? value : collect(inner)];
      }),
    );
  return { options: collect(entriesOf(serverTable, shown.given, shown.resolved, "", shown)), origins };
}

type Values = Readonly<Record<string, unknown>>;

function entriesOf(block: Block, given: unknown, resolved: unknown, path: string, shown: Shown): Entry[] {
  return Object.entries<Option>(block).flatMap(([name, option]): Entry[] => {
    if (option.kind.kind === "address") return [];
    const said = (given as Values | undefined)?.[name];
    const value = (resolved as Values)[name];
    if (value === undefined || (said === undefined && !shown.defaults)) return [];
    const at = path === "" ? name : `${path}.${name}`;
    const entry = { name, option, path: at, position: said === undefined ? undefined : shown.positions.get(at) };
    if (option.kind.kind !== "block" || option.secret) {
      return [
        {
          ...entry,
          value: option.secret ? REDACTED : plain(option.kind, value, said, shown.defaults),
          entries: undefined,
        },
      ];
    }
    return [{ ...entry, value: undefined, entries: entriesOf(option.kind.block, said, value, at, shown) }];
  });
}

/** A value without secrets, subjects as text; of blocks in lists and maps what was said, or all with `defaults`. */
function plain(kind: Kind, value: unknown, said: unknown, defaults: boolean): unknown {
  switch (kind.kind) {
    case "text":
      return withoutUrlUsers(value as string);
    case "subject":
      return bytesAsText(value as string);
    case "list":
      return (value as unknown[]).map((item, i) =>
        plain(kind.of, item, (said as unknown[] | undefined)?.[i], defaults),
      );
    case "record":
      return Object.fromEntries(
        Object.entries(value as object).map(([key, item]) => {
          const name = kind.of.kind === "list" ? bytesAsText(key) : key;
          return [name, plain(kind.of, item, (said as Values | undefined)?.[name], defaults)];
        }),
      );
    case "block":
      return Object.fromEntries(
        Object.entries(value as object)
          .filter(([name]) => defaults || (said as Values | undefined)?.[name] !== undefined)
          .map(([name, item]) => {
            const { secret, kind: of } = kind.block[name];
            return [name, secret ? REDACTED : plain(of, item, (said as Values | undefined)?.[name], defaults)];
          }),
      );
    default:
      return value;
  }
}

function linesOf({ option, value, position, entries }: Entry, indent: string): string[] {
  const origin = position === undefined ? "default" : formatPosition(position);
  if (entries !== undefined) {
    const inner = entries.flatMap((entry) => linesOf(entry, `${indent}  `));
    if (inner.length === 0) return [`${indent}${option.key} {}  # ${origin}\n`];
    return [`${indent}${option.key} {  # ${origin}\n`, ...inner, `${indent}}\n`];
  }
  const [first, ...rest] = valueLines(option.kind, value, indent, option.secret === true);
  return [`${indent}${option.key}: ${first}  # ${origin}\n`, ...rest.map((line) => `${line}\n`)];
}

/** A value in the language of the file; all lines but the first are indented. */
function valueLines(kind: Kind, value: unknown, indent: string, isSecret = false): string[] {
  const inner = `${indent}  `;
  if (isSecret) return [quoted(String(value))];
  if (kind.kind === "list") {
    const items = (value as unknown[]).map((item) => valueLines(kind.of, item, inner));
    if (items.every((lines) => lines.length === 1)) return [`[${items.map(([line]) => line).join(", ")}]`];
    return ["[", ...items.flatMap(([first, ...rest]) => [`${inner}${first}`, ...rest]), `${indent}]`];
  }
  if (kind.kind === "record") {
    const rows = Object.entries(value as object).map(([key, item]) => ({
      key: keyText(key),
      of: kind.of,
      item,
      secret: false,
    }));
    return mapLines(rows, indent);
  }
  if (kind.kind === "block") {
    const rows = Object.entries(value as object).map(([name, item]) => {
      const { key, kind: of, secret = false } = kind.block[name];
      return { key, of, item, secret };
    });
    return mapLines(rows, indent);
  }
  if (kind.kind === "duration") return [quoted(durationText(value as number).replace("µs", "us"))];
  return [typeof value === "string" ? quoted(value) : String(value)];
}

interface Row {
  readonly key: string;
  readonly of: Kind;
  readonly item: unknown;
  readonly secret: boolean;
}

function mapLines(rows: readonly Row[], indent: string): string[] {
  if (rows.length === 0) return ["{}"];
  const inner = `${indent}  `;
  const lines = rows
    .filter(({ item }) => item !== undefined)
    .flatMap(({ key, of, item, secret }) => {
      const [first, ...rest] = valueLines(of, item, inner, secret);
      return [`${inner}${key}: ${first}`, ...rest];
    });
  return ["{", ...lines, `${indent}}`];
}

const keyText = (key: string): string => (PLAIN_KEY.test(key) ? key : quoted(key));

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/[\n\r\t]/g, (char) => ESCAPES[char])}"`;
}
