// The options of a server: what a caller may give, and the frozen snapshot with defaults that the server works with.
import { OptionsError } from "./errors.js";
import type { Block, Input, Kind, Option, Resolved } from "./kinds.js";
import { nearestName } from "./nearest.js";
import { encodeSubject } from "./subject-bytes.js";
import { serverTable } from "./table.js";
import { type account, type authorization, permissions, type user } from "./table-blocks.js";

/** What an application or a configuration file may say; every option has a default. */
export interface ServerOptions extends Input<typeof serverTable> {}
export interface AccountOptions extends Input<typeof account> {}
export interface UserOptions extends Input<typeof user> {}
export interface PermissionsOptions extends Input<typeof permissions> {}

/** The options a server runs with: checked, defaults filled in, frozen, subjects as latin1. */
export type ResolvedOptions = Resolved<typeof serverTable>;
export type ResolvedAccount = Resolved<typeof account>;
export type ResolvedUser = Resolved<typeof user>;
export type ResolvedPermissions = Resolved<typeof permissions>;
export type ResolvedAuthorization = Resolved<typeof authorization>;

/**
 * Checks what was given against the table and fills in the defaults.
 * Options whose value is undefined count as absent.
 * @throws {OptionsError} OPTIONS_UNKNOWN, OPTIONS_TYPE or OPTIONS_VALUE; its path names the option
 */
export function resolveOptions(input: ServerOptions): ResolvedOptions {
  const all = resolveBlock(serverTable, input, "") as Record<string, unknown>;
  if (all.httpHost === "") all.httpHost = all.host;
  if (all.maxConnections === 0) all.maxConnections = -1;
  // Tags are compared and shown in lower case.
  all.serverTags = Object.freeze((all.serverTags as readonly string[]).map((tag) => tag.toLowerCase()));
  if (all.traceVerbose || all.traceHeaders) all.trace = true;
  if (/ /.test(String(all.serverName ?? ""))) {
    throw new OptionsError("OPTIONS_VALUE", "serverName", "server name cannot contain spaces");
  }
  const tls = all.tls as ResolvedOptions["tls"];
  if (tls && !input.authorization?.timeoutMs) {
    all.authorization = Object.freeze({ ...(all.authorization as object), timeoutMs: tls.timeoutMs + 1_000 });
  }
  return Object.freeze(all) as unknown as ResolvedOptions;
}

/**
 * The same for permissions alone; `path` names them in errors.
 * @throws {OptionsError} OPTIONS_UNKNOWN, OPTIONS_TYPE or OPTIONS_VALUE
 */
export function resolvePermissions(input: PermissionsOptions, path: string): ResolvedPermissions {
  return resolveBlock(permissions, input, path) as unknown as ResolvedPermissions;
}

function resolveBlock(block: Block, given: unknown, path: string): Record<string, unknown> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw wrongType(path, "an object", given);
  }
  const values = given as Record<string, unknown>;
  for (const name of Object.keys(values)) {
    const known = Object.hasOwn(block, name) && block[name].kind.kind !== "address";
    if (known || values[name] === undefined) continue;
    const near = nearestName(name, libraryNames(block));
    const hint = near ? `, did you mean "${near}"?` : "";
    throw new OptionsError("OPTIONS_UNKNOWN", join(path, name), `unknown option "${join(path, name)}"${hint}`);
  }
  const resolved: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(block)) {
    const value = valueOrDefault(option, Object.hasOwn(values, name) ? values[name] : undefined);
    if (value !== undefined) resolved[name] = resolveValue(option.kind, value, join(path, name), option);
  }
  return path === "" ? resolved : Object.freeze(resolved);
}

function valueOrDefault(option: Option, value: unknown): unknown {
  if (value === undefined || value === null || (value === 0 && option.zeroIsDefault)) return option.default;
  return value;
}

function resolveValue(kind: Kind, value: unknown, path: string, option?: Option): unknown {
  switch (kind.kind) {
    case "text":
    case "subject":
      if (typeof value !== "string") throw wrongType(path, "a string", value);
      return kind.kind === "subject" ? encodeSubject(value) : value;
    case "boolean":
      if (typeof value !== "boolean") throw wrongType(path, "a boolean", value);
      return value;
    case "integer":
    case "bytes":
      if (!Number.isInteger(value)) throw wrongType(path, "an integer", value);
      return inRange(value as number, path, option);
    case "duration":
      if (typeof value !== "number" || Number.isNaN(value)) throw wrongType(path, "a number of milliseconds", value);
      return inRange(value, path, option);
    case "choice":
      if (kind.of.includes(value as string)) return value;
      throw new OptionsError("OPTIONS_VALUE", path, `${path} must be one of ${kind.of.join(", ")}`);
    case "list":
      if (!Array.isArray(value)) throw wrongType(path, "an array", value);
      return Object.freeze(value.map((item, i) => resolveValue(kind.of, item, `${path}[${i}]`)));
    case "record": {
      if (typeof value !== "object" || Array.isArray(value)) throw wrongType(path, "an object", value);
      const entries = Object.entries(value as object).filter(([, item]) => item !== undefined);
      const resolved = entries.map(([name, item]) => [
        recordName(kind.of, name),
        resolveValue(kind.of, item, join(path, name)),
      ]);
      return Object.freeze(Object.fromEntries(resolved));
    }
    case "block":
      return resolveBlock(kind.block, value, path);
    case "address":
      return undefined;
  }
}

/** Mappings are keyed by subject; all other records by names. */
function recordName(of: Kind, name: string): string {
  return of.kind === "list" ? encodeSubject(name) : name;
}

function inRange(value: number, path: string, option?: Option): number {
  const { min = -Infinity, max = Infinity } = option ?? {};
  if (value >= min && value <= max) return value;
  const range = min === -Infinity ? `at most ${max}` : max === Infinity ? `at least ${min}` : `${min} to ${max}`;
  throw new OptionsError("OPTIONS_VALUE", path, `${path} is ${value}; it must be ${range}`);
}

function wrongType(path: string, wanted: string, value: unknown): OptionsError {
  const got = value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
  return new OptionsError("OPTIONS_TYPE", path, `${path || "options"} must be ${wanted}, got ${got}`);
}

function libraryNames(block: Block): string[] {
  return Object.keys(block).filter((name) => block[name].kind.kind !== "address");
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
