// What a user may do, from options to claims: permissions, limits, networks, times and ways in. Users say it of themselves,
// signing keys with a role for all users that they sign.
import type { JsonObject } from "../../auth/jwt/jwt.js";
import type { Call, CommandOptions } from "../subcommand.js";
import { countOf, durationMsOf, sizeOf, subjectOf, UNLIMITED, wrongValue, yesNoOf } from "./values.js";

const NS_PER_MS = 1_000_000;
const CONNECTION_TYPES = ["STANDARD", "WEBSOCKET", "LEAFNODE", "LEAFNODE_WS", "MQTT", "MQTT_WS", "IN_PROCESS"];
const TIME_RANGE = /^(\d{2}:\d{2}:\d{2})-(\d{2}:\d{2}:\d{2})$/;

export const PERMISSION_OPTIONS: CommandOptions = {
  "allow-pub": { value: "SUBJECT", many: true, help: "May publish to this subject, and to what else is allowed" },
  "deny-pub": { value: "SUBJECT", many: true, help: "May not publish to this subject" },
  "allow-sub": {
    value: "SUBJECT",
    many: true,
    help: "May subscribe to this subject; 'SUBJECT QUEUE' for one queue group",
  },
  "deny-sub": { value: "SUBJECT", many: true, help: "May not subscribe to this subject" },
  "allow-responses": { value: "COUNT", help: "May answer each request that it receives this many times" },
  "response-time": { value: "DURATION", help: "For this long after the request" },
};

export const GRANT_OPTIONS: CommandOptions = {
  ...PERMISSION_OPTIONS,
  "max-subscriptions": { value: "COUNT", help: "Subscriptions of one connection" },
  "max-payload": { value: "SIZE", help: "Bytes of one message" },
  source: { value: "CIDR", many: true, help: "May connect from this network only" },
  time: { value: "FROM-TO", many: true, help: "May be connected at this time of day only: 08:00:00-17:30:00" },
  "time-zone": { value: "ZONE", help: "Time zone of --time, such as Europe/Rome; otherwise the server's" },
  bearer: { value: "yes|no", help: "The JWT alone is enough to log in, without the key" },
  "connection-type": { value: "TYPE", many: true, help: `May connect this way only: ${CONNECTION_TYPES.join(", ")}` },
  "proxy-required": { value: "yes|no", help: "May connect through a trusted proxy only" },
};

/** What a user without any restriction says; a zero would be a limit. */
export const UNRESTRICTED: JsonObject = { pub: {}, sub: {}, subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED };

/** Whether any option of `GRANT_OPTIONS` was given. */
export function givesGrants(call: Call): boolean {
  return Object.entries(GRANT_OPTIONS).some(
    ([name, { many }]) => (many ? call.texts(name) : call.text(name)) !== undefined,
  );
}

/**
 * The claims `from`, changed by the options that were given. A list replaces the one before; an empty text empties it.
 * @throws {CommandError} COMMAND_INVALID
 */
export function withGrants(from: JsonObject, call: Call): JsonObject {
  const nats: Record<string, unknown> = { ...withPermissions(from, call) };
  setNumber(nats, "subs", call, "max-subscriptions", countOf);
  setNumber(nats, "payload", call, "max-payload", sizeOf);
  setList(nats, "src", call, "source", (value) => value);
  setList(nats, "allowed_connection_types", call, "connection-type", connectionType);
  setFlag(nats, "bearer_token", call, "bearer");
  setFlag(nats, "proxy_required", call, "proxy-required");
  const times = call.texts("time");
  if (times !== undefined) nats.times = listOrNothing(times.filter(Boolean).map(timeRange));
  const zone = call.text("time-zone");
  if (zone !== undefined) nats.times_location = zone || undefined;
  return nats;
}

/** As `withGrants`, for the permissions alone. */
export function withPermissions(from: JsonObject, call: Call): JsonObject {
  const nats: Record<string, unknown> = { ...from };
  for (const side of ["pub", "sub"] as const) {
    const rules: Record<string, unknown> = { ...(nats[side] as object | undefined) };
    const toSubject = (value: string, option: string): string =>
      side === "pub" ? filled(value, () => subjectOf(option, value)) : filled(value, () => withQueue(option, value));
    setList(rules, "allow", call, `allow-${side}`, toSubject);
    setList(rules, "deny", call, `deny-${side}`, toSubject);
    nats[side] = rules;
  }
  const count = call.text("allow-responses");
  const time = call.text("response-time");
  if (count !== undefined || time !== undefined) {
    const before = (nats.resp ?? { max: 1, ttl: 0 }) as { max: number; ttl: number };
    const max = count === undefined ? before.max : countOf("allow-responses", count);
    const ttl = time === undefined ? before.ttl : Math.round(durationMsOf("response-time", time) * NS_PER_MS);
    nats.resp = max === 0 ? undefined : { max, ttl };
  }
  return nats;
}

/** Templates of roles hold `{{name()}}` and the like, which only the server can fill in and check. */
function filled(value: string, check: () => string): string {
  return value.includes("{{") ? value : check();
}

function withQueue(option: string, value: string): string {
  const [subject, ...queue] = value.split(" ");
  subjectOf(option, subject);
  if (queue.length > 1) throw wrongValue(option, value, "it is no subject with a queue group");
  if (queue.length === 1) subjectOf(option, queue[0]);
  return value;
}

function timeRange(value: string): object {
  const match = TIME_RANGE.exec(value);
  if (match === null) throw wrongValue("time", value, "it must be a range such as 08:00:00-17:30:00");
  return { start: match[1], end: match[2] };
}

function connectionType(value: string): string {
  const type = value.toUpperCase();
  if (CONNECTION_TYPES.includes(type)) return type;
  throw wrongValue("connection-type", value, `it must be one of ${CONNECTION_TYPES.join(", ")}`);
}

type Values = Record<string, unknown>;

export function setNumber(
  values: Values,
  key: string,
  call: Call,
  option: string,
  read: (option: string, value: string) => number,
): void {
  const value = call.text(option);
  if (value !== undefined) values[key] = read(option, value);
}

export function setFlag(values: Values, key: string, call: Call, option: string): void {
  const value = call.text(option);
  if (value !== undefined) values[key] = yesNoOf(option, value) || undefined;
}

/** An empty text as the only value empties the list. */
export function setList(
  values: Values,
  key: string,
  call: Call,
  option: string,
  read: (value: string, option: string) => string,
): void {
  const given = call.texts(option);
  if (given === undefined) return;
  values[key] = listOrNothing(given.filter(Boolean).map((value) => read(value, option)));
}

function listOrNothing<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}
