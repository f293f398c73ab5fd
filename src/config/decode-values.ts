// Single values of a configuration file: text, numbers, sizes, durations and addresses, with their odd corners.
import { Rejection } from "./decode-errors.js";
import type { ConfigNode, Position } from "./syntax.js";

const NAMES = {
  string: "a string",
  integer: "an integer",
  float: "a decimal number",
  boolean: "a boolean",
  date: "a date",
  list: "a list",
  map: "a map",
} as const;

/** How messages call the type of a value. */
export function typeName(node: ConfigNode): string {
  return NAMES[node.kind];
}

/** A value that is decoded: where to point, and the key that messages name. */
export interface Place {
  readonly position: Position;
  readonly key: string;
}

export function expected(place: Place, wanted: string, node: ConfigNode): Rejection {
  const shown = node.kind === "string" || node.kind === "integer" ? ` (${node.value})` : "";
  return new Rejection(place.position, `expected ${wanted} for "${place.key}", got ${typeName(node)}${shown}`);
}

export function textOf(node: ConfigNode, place: Place): string {
  if (node.kind !== "string") throw expected(place, "a string", node);
  return node.value;
}

export function booleanOf(node: ConfigNode, place: Place): boolean {
  if (node.kind !== "boolean") throw expected(place, "a boolean", node);
  return node.value;
}

export function integerOf(node: ConfigNode, place: Place): number {
  if (node.kind !== "integer") throw expected(place, "an integer", node);
  return Number(node.value);
}

const SIZE_UNITS: Record<string, bigint> = { K: 1n << 10n, M: 1n << 20n, G: 1n << 30n, T: 1n << 40n };

/** JetStream's sizes: an integer, or text such as "64M"; bytes. The empty text is 0. */
export function sizeOrTextOf(node: ConfigNode, place: Place): number {
  if (node.kind === "integer") return Number(node.value);
  if (node.kind !== "string") throw expected(place, "an integer or a string", node);
  if (node.value === "") return 0;
  const digits = node.value.slice(0, -1);
  if (!/^[+-]?\d+$/.test(digits)) {
    throw new Rejection(place.position, `${place.key}: "${node.value}" is not a number and K, M, G or T`);
  }
  const unit = SIZE_UNITS[node.value.slice(-1)];
  if (unit === undefined) {
    throw new Rejection(place.position, `${place.key} sizes defined as strings must end in K, M, G, T`);
  }
  return Number(BigInt(digits) * unit);
}

const DURATION_UNITS_NS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  "\u00b5s": 1e3,
  "\u03bcs": 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const LONGEST_NS = 2 ** 63;

/**
 * Milliseconds of a duration such as "1h30m" or "1.5s".
 * @throws {Error} in the reference's words when it is none
 */
export function parseDurationMs(text: string): number {
  const invalid = () => new Error(`time: invalid duration ${JSON.stringify(text)}`);
  const sign = text.startsWith("-") ? -1 : 1;
  let rest = /^[-+]/.test(text) ? text.slice(1) : text;
  if (rest === "0") return 0;
  if (rest === "") throw invalid();
  let totalNs = 0;
  while (rest !== "") {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) throw invalid();
    const unit = /^[^\d.]*/.exec(rest.slice(number.length))?.[0] ?? "";
    if (unit === "") throw new Error(`time: missing unit in duration ${JSON.stringify(text)}`);
    if (!Object.hasOwn(DURATION_UNITS_NS, unit)) {
      throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    }
    totalNs += Number(number) * DURATION_UNITS_NS[unit];
    if (totalNs > LONGEST_NS) throw invalid();
    rest = rest.slice(number.length + unit.length);
  }
  return (sign * totalNs) / 1e6;
}

/** A duration in text only; milliseconds. */
export function durationTextOf(node: ConfigNode, place: Place): number {
  if (node.kind !== "string") throw expected(place, 'a duration such as "2m"', node);
  try {
    return parseDurationMs(node.value);
  } catch (error) {
    throw new Rejection(place.position, `error parsing ${place.key}: ${(error as Error).message}`);
  }
}

/** A number of seconds, or a duration in text; milliseconds. */
export function secondsOf(node: ConfigNode, place: Place): number {
  if (node.kind === "integer") return Number(node.value) * 1000;
  if (node.kind === "float") return node.value * 1000;
  return durationTextOf(node, place);
}

/** host:port, :port, [::1]:port or a bare port. */
export function addressOf(node: ConfigNode, place: Place): { host: string; port: number } {
  if (node.kind === "integer") return { host: "", port: Number(node.value) };
  if (node.kind !== "string") throw new Rejection(place.position, `expected port or host:port, got ${typeName(node)}`);
  const split = splitHostPort(node.value);
  if (!split) throw new Rejection(place.position, `could not parse address string "${node.value}"`);
  if (!/^[+-]?\d+$/.test(split.port)) throw new Rejection(place.position, `could not parse port "${split.port}"`);
  return { host: split.host, port: Number(split.port) };
}

/** The two sides of host:port, the host without brackets; undefined when it is no such text. */
export function splitHostPort(address: string): { host: string; port: string } | undefined {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(address);
  return match ? { host: match[1] ?? match[2], port: match[3] } : undefined;
}

/** `50`, "50" or "50%"; undefined when it is no whole number. */
export function percentOf(node: ConfigNode): number | undefined {
  if (node.kind === "integer") return Number(node.value);
  if (node.kind !== "string") return undefined;
  const digits = node.value.endsWith("%") ? node.value.slice(0, -1) : node.value;
  return /^[+-]?\d+$/.test(digits) ? Number(digits) : undefined;
}
