// What the objects of the JetStream API hold: one description per object that reads it from JSON, as strictly as Go does,
// and writes it in nats-server's order.
import { parseIntegers, stringifyExact } from "../protocol/json.js";
import { firstValueEnd } from "../protocol/json-fault.js";
import { ApiError } from "./errors.js";
import { parseTime } from "./time.js";

type Kind =
  | "any"
  | "text"
  | "int"
  | "int32"
  | "unsigned"
  | "flag"
  | "texts"
  | "time"
  | "durations"
  | "duration"
  | "labels"
  | readonly string[];

export interface Field {
  readonly kind: Kind | { readonly object: Fields } | { readonly list: Fields };
  /** Not written when it is empty. */
  readonly omitEmpty: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

/** Written always; with `?` at the end of the constructor's name: only when not empty. */
export const field = (kind: Field["kind"]): Field => ({ kind, omitEmpty: false });
export const optional = (kind: Field["kind"]): Field => ({ kind, omitEmpty: true });

const refuse = (text: string): ApiError => new ApiError("invalidJson", { text });

/**
 * Reads a request. Fields that are not there get Go's zero value: "", 0, 0n for durations, false, undefined for the rest.
 * @param strict refuses fields that are not known
 * @throws {ApiError} 10025
 */
export function readRequest<T>(payload: Uint8Array, fields: Fields, strict: boolean): T {
  return readFields(parseAll(Buffer.from(payload).toString("utf8")), fields, strict) as T;
}

// Of several objects that follow each other a later one adds to the ones before, as with Go's decoder.
function parseAll(text: string): unknown {
  try {
    return parseIntegers(text);
  } catch (error) {
    const end = firstValueEnd(text);
    if (end === undefined || text.slice(end).trim() === "") throw refuse((error as Error).message);
    const values = [parseIntegers(text.slice(0, end)), parseAll(text.slice(end))];
    const isObject = (value: unknown): boolean => typeof value === "object" && !Array.isArray(value);
    if (!values.every(isObject)) throw refuse("cannot unmarshal into an object");
    return Object.assign({}, ...values);
  }
}

/** The same for a value that is parsed. */
export function readFields(value: unknown, fields: Fields, strict: boolean): object {
  const result: Record<string, unknown> = {};
  for (const [name, { kind }] of Object.entries(fields)) result[name] = zeroOf(kind);
  if (value === null) return result;
  if (typeof value !== "object" || Array.isArray(value)) throw refuse("cannot unmarshal into an object");
  for (const [key, item] of Object.entries(value)) {
    const name = key in fields ? key : key.toLowerCase();
    if (!Object.hasOwn(fields, name)) {
      if (strict) throw refuse(`unknown field ${JSON.stringify(key)}`);
      continue;
    }
    if (item !== null || isEnumeration(fields[name].kind))
      result[name] = readValue(item, fields[name].kind, name, strict);
  }
  return result;
}

// Only of these null is no value.
function isEnumeration(kind: Field["kind"]): kind is readonly string[] {
  return Array.isArray(kind);
}

function zeroOf(kind: Field["kind"]): unknown {
  if (kind === "text") return "";
  if (kind === "int" || kind === "int32" || kind === "unsigned") return 0;
  if (kind === "duration") return 0n;
  if (kind === "flag") return false;
  return isEnumeration(kind) ? kind[0] : undefined;
}

function readValue(value: unknown, kind: Field["kind"], name: string, strict: boolean): unknown {
  const wrong = (): ApiError => refuse(`cannot unmarshal ${typeof value} into field ${name}`);
  const listOf = <T>(one: (item: unknown) => T): T[] => {
    if (!Array.isArray(value)) throw wrong();
    return value.map(one);
  };
  const text = (item: unknown): string => {
    if (item === null) return "";
    if (typeof item !== "string") throw wrong();
    return item;
  };
  const integer = (item: unknown, least = -(2n ** 63n), most = 2n ** 63n - 1n): number | bigint => {
    if (item === null) return 0;
    const isInteger = typeof item === "bigint" || (typeof item === "number" && Number.isInteger(item));
    if (!isInteger || item < least || item > most) throw wrong();
    return item;
  };
  if (typeof kind === "object" && "object" in kind) return readFields(value, kind.object, strict);
  if (typeof kind === "object" && "list" in kind) return listOf((item) => readFields(item, kind.list, strict));
  if (Array.isArray(kind)) {
    if (typeof value !== "string" || !kind.includes(value)) throw refuse(unknownValue(value, name));
    return value;
  }
  switch (kind) {
    case "any":
      return value;
    case "text":
      return text(value);
    case "int":
      return integer(value);
    case "int32":
      return integer(value, -(2n ** 31n), 2n ** 31n - 1n);
    case "unsigned":
      return integer(value, 0n, 2n ** 64n - 1n);
    case "duration":
      return BigInt(integer(value));
    case "flag":
      if (typeof value !== "boolean") throw wrong();
      return value;
    case "texts":
      return listOf(text);
    case "durations":
      return listOf((item) => BigInt(integer(item)));
    case "time":
      if (parseTime(text(value)) === undefined) throw refuse(`cannot parse ${JSON.stringify(value)} as a time`);
      return value;
    default: {
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong();
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, text(item)]));
    }
  }
}

// What nats-server says of a value that is none of those that there are.
function unknownValue(value: unknown, name: string): string {
  const text = stringifyExact(value);
  if (name === "compression") return "unknown compression algorithm";
  if (name === "action") return `unknown consumer action: ${text}`;
  return name === "priority_policy" ? `unknown priority policy: ${text}` : `can not unmarshal ${JSON.stringify(text)}`;
}

/** What `readFields` has read, in the order of the description, without what is empty and may be left out. */
export function writeFields(value: object, fields: Fields): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const [name, { kind, omitEmpty }] of Object.entries(fields)) {
    const item = (value as Record<string, unknown>)[name];
    if (item === undefined || (omitEmpty && isEmpty(item))) continue;
    if (typeof kind === "object" && "object" in kind) written[name] = writeFields(item as object, kind.object);
    else if (typeof kind === "object" && "list" in kind)
      written[name] = (item as object[]).map((one) => writeFields(one, kind.list));
    else written[name] = kind === "labels" ? sorted(item as Record<string, string>) : item;
  }
  return written;
}

function sorted(labels: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === "" || value === 0 || value === 0n || value === false || value === undefined;
}
