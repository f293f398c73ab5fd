// Options that this server takes but does not honour yet. What only adds is announced; what restricts refuses to start:
// a server that seems to check certificates and does not is worse than none.
import type { Kind, Option } from "./kinds.js";
import type { ServerOptions } from "./options.js";
import { serverTable } from "./table.js";

export interface UnbuiltOptions<P> {
  readonly refuse: { readonly path: string; readonly where?: P; readonly reason: string }[];
  readonly announce: { readonly path: string; readonly where?: P }[];
}

/**
 * What is asked for and not built yet. An option that is off or at its default asks for nothing.
 * @param positions where each option was set, by its dotted path
 */
export function unbuiltIn<P>(options: ServerOptions, positions?: ReadonlyMap<string, P>): UnbuiltOptions<P> {
  const found: UnbuiltOptions<P> = { refuse: [], announce: [] };
  for (const [name, option] of Object.entries<Option>(serverTable)) {
    visit(option, (options as Record<string, unknown>)[name], name, positions, found);
  }
  return found;
}

function visit<P>(
  option: Option,
  value: unknown,
  path: string,
  positions: ReadonlyMap<string, P> | undefined,
  found: UnbuiltOptions<P>,
): void {
  if (!asksForSomething(value, option)) return;
  const where = positions?.get(path) ?? positions?.get(path.replace(/\[\d+\].*$/, ""));
  if (option.status === "restricts") {
    found.refuse.push({ path, where, reason: `"${option.key}" is not supported by this version, it would be ignored` });
    return;
  }
  if (option.status === "adds") found.announce.push({ path, where });
  visitInner(option.kind, value, path, positions, found);
}

function visitInner<P>(
  kind: Kind,
  value: unknown,
  path: string,
  positions: ReadonlyMap<string, P> | undefined,
  found: UnbuiltOptions<P>,
): void {
  if (kind.kind === "block") {
    for (const [name, option] of Object.entries(kind.block)) {
      visit(option, (value as Record<string, unknown>)[name], `${path}.${name}`, positions, found);
    }
  } else if (kind.kind === "record") {
    for (const [name, item] of Object.entries(value as object)) {
      visitInner(kind.of, item, `${path}.${name}`, positions, found);
    }
  } else if (kind.kind === "list" && Array.isArray(value)) {
    value.forEach((item, i) => {
      visitInner(kind.of, item, `${path}[${i}]`, positions, found);
    });
  }
}

function asksForSomething(value: unknown, option: Option): boolean {
  if (value === undefined || value === null || value === "" || value === false || value === option.default)
    return false;
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && option.kind.kind === "block") {
    const { enabled, port, remotes } = value as { enabled?: boolean; port?: number; remotes?: unknown[] };
    if (enabled === false) return false;
    const { port: listens } = option.kind.block;
    if (option.status === "adds" && listens) return (port ?? 0) !== 0 || (remotes ?? []).length > 0 || hasRoutes(value);
    return true;
  }
  return typeof value !== "object" || Object.keys(value).length > 0;
}

function hasRoutes(block: object): boolean {
  return ((block as { routes?: unknown[] }).routes ?? []).length > 0;
}
