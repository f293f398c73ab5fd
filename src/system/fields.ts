// The options in the body of a request to the system account: JSON, read by a list of the fields that count.
import { parseExact } from "../protocol/json.js";

export type FieldType = "string" | "boolean" | "integer" | "strings";
export type FieldTypes = Readonly<Record<string, FieldType>>;

type ValueOf<T> = T extends "string" ? string : T extends "boolean" ? boolean : T extends "integer" ? number : string[];
export type Fields<S> = { -readonly [K in keyof S]?: ValueOf<S[K]> };

/** A body that is no JSON object, or has a field of the wrong type; the message goes to the requester. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly code = "NATS_SYSTEM_REQUEST_BODY";
}

const CHECKS: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: (value) => Number.isInteger(value) || typeof value === "bigint",
  strings: (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
};

/**
 * Reads the fields; keys are matched in any case, null counts as absent, others are ignored. An empty body has none.
 * @throws BodyError
 */
export function readFields<const S extends FieldTypes>(body: Buffer, types: S): Fields<S> {
  const fields: Record<string, unknown> = {};
  if (body.length === 0) return fields as Fields<S>;
  let parsed: unknown;
  try {
    parsed = parseExact(body.toString("utf8"));
  } catch (error) {
    throw new BodyError((error as Error).message);
  }
  if (parsed === null) return fields as Fields<S>;
  if (typeof parsed !== "object" || Array.isArray(parsed)) throw new BodyError("the body must be a JSON object");
  const names = new Map(Object.keys(types).map((name) => [name.toLowerCase(), name]));
  for (const [key, value] of Object.entries(parsed)) {
    const name = names.get(key.toLowerCase());
    if (name === undefined || value === null) continue;
    if (!CHECKS[types[name]](value)) throw new BodyError(`"${name}" must be of type ${types[name]}`);
    fields[name] = typeof value === "bigint" ? Number(value) : value;
  }
  return fields as Fields<S>;
}
