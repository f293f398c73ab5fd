// Reads values out of the JSON of claims. As in nats-server an absent value is 0, "", false or an empty list, and one of
// the wrong type makes the whole JWT unusable.
import type { ResolvedPermissions } from "../../options/options.js";
import { encodeSubject } from "../../options/subject-bytes.js";
import { hasBlank, isValidSubject } from "../../subjects/validity.js";
import { type JsonObject, JwtError } from "./jwt.js";

const DEFAULT_RESPONSES = 1;
const DEFAULT_RESPONSE_MS = 120_000;
const NS_PER_MS = 1e6;

const EMPTY: JsonObject = Object.freeze({});

export function text(from: JsonObject, key: string): string {
  return valueAt(from, key, "", (value): value is string => typeof value === "string");
}

export function flag(from: JsonObject, key: string): boolean {
  return valueAt(from, key, false, (value): value is boolean => typeof value === "boolean");
}

export function integer(from: JsonObject, key: string): number {
  return valueAt(from, key, 0, (value): value is number => Number.isInteger(value));
}

/** A duration, which JWTs hold in nanoseconds, in milliseconds. */
export function durationMs(from: JsonObject, key: string): number {
  return integer(from, key) / NS_PER_MS;
}

export function object(from: JsonObject, key: string): JsonObject {
  return valueAt(from, key, EMPTY, isObject);
}

export function objects(from: JsonObject, key: string): readonly JsonObject[] {
  const isList = (value: unknown): value is JsonObject[] => Array.isArray(value) && value.every(isObject);
  return valueAt(from, key, [], isList);
}

export function texts(from: JsonObject, key: string): readonly string[] {
  const isList = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((item) => typeof item === "string");
  return valueAt(from, key, [], isList);
}

/** A map of times in seconds, such as revocations. */
export function times(from: JsonObject, key: string): ReadonlyMap<string, number> {
  const entries = Object.entries(object(from, key));
  if (entries.every(([, seconds]) => Number.isInteger(seconds))) return new Map(entries as [string, number][]);
  throw wrong(key);
}

/** The text of a subject, as latin1. */
export function subject(from: JsonObject, key: string): string {
  return encodeSubject(text(from, key));
}

/** Entries of permissions as a JWT has them, UTF-8, and the same as the server compares them. */
export interface ClaimedPermissions {
  readonly publishAllow: readonly string[];
  readonly publishDeny: readonly string[];
  readonly subscribeAllow: readonly string[];
  readonly subscribeDeny: readonly string[];
  readonly responses: { readonly maxMsgs: number; readonly expiresMs: number } | undefined;
}

/** The `pub`, `sub` and `resp` of users, scopes and accounts. */
export function permissions(from: JsonObject): ClaimedPermissions {
  const [publish, subscribe] = [object(from, "pub"), object(from, "sub")];
  const given = from.resp === undefined || from.resp === null ? undefined : object(from, "resp");
  return {
    publishAllow: texts(publish, "allow"),
    publishDeny: texts(publish, "deny"),
    subscribeAllow: texts(subscribe, "allow"),
    subscribeDeny: texts(subscribe, "deny"),
    responses: given && {
      maxMsgs: integer(given, "max") || DEFAULT_RESPONSES,
      expiresMs: durationMs(given, "ttl") || DEFAULT_RESPONSE_MS,
    },
  };
}

/** Why permissions cannot be used; undefined when they can. */
export function permissionsFault(claimed: ClaimedPermissions): string | undefined {
  const { publishAllow, publishDeny, subscribeAllow, subscribeDeny } = claimed;
  const bad =
    [...publishAllow, ...publishDeny].find((entry) => !isSubject(entry)) ??
    [...subscribeAllow, ...subscribeDeny].find((entry) => !isSubjectWithQueue(entry));
  return bad === undefined ? undefined : `permission subject "${bad}" is not valid`;
}

/** The same as options; undefined where nothing is restricted. */
export function permissionsOption(claimed: ClaimedPermissions): ResolvedPermissions | undefined {
  const rules = (allow: readonly string[], deny: readonly string[]): ResolvedPermissions["publish"] =>
    allow.length + deny.length === 0
      ? undefined
      : { allow: allow.map((entry) => encodeSubject(entry)), deny: deny.map((entry) => encodeSubject(entry)) };
  const publish = rules(claimed.publishAllow, claimed.publishDeny);
  const subscribe = rules(claimed.subscribeAllow, claimed.subscribeDeny);
  const { responses: allowResponses } = claimed;
  return publish || subscribe || allowResponses ? { publish, subscribe, allowResponses } : undefined;
}

function isSubject(entry: string): boolean {
  return isValidSubject(entry) && !hasBlank(entry);
}

function isSubjectWithQueue(entry: string): boolean {
  const words = entry.trim().split(/\s+/);
  return words.length <= 2 && words.every(isSubject);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt<T>(from: JsonObject, key: string, absent: T, is: (value: unknown) => value is T): T {
  // Only what the JWT says itself, not what every object inherits.
  const value = Object.hasOwn(from, key) ? from[key] : undefined;
  if (value === undefined || value === null) return absent;
  if (is(value)) return value;
  throw wrong(key);
}

function wrong(key: string): JwtError {
  return new JwtError("JWT_CLAIMS", `${key} has the wrong type`);
}
