// Two servers' answers in a form in which they are equal when they say the same: without the times, generated names and
// words in which the servers may differ (docs/limitations.md).
import type { Answer } from "./asker.js";

/** What is said about a difference: where, and what each said there. */
export interface Difference {
  readonly place: string;
  readonly first: string;
  readonly second: string;
}

const TIME = /\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g;
/** Times that the requests name. */
const GIVEN_TIME = /^(?:0001|2020|2040|2041)-/;
const GENERATED_NAME = /^(?:[A-Za-z0-9]{8}|[A-Za-z0-9]{22})$/;
/** Numbers of nanoseconds that go on. */
const RUNNING = new Set(["ts", "pause_remaining", "active", "pinned_ts"]);
/** What a server is called, what it says of its version, and how many requests it has counted, which it does when it has time. */
const OF_THE_SERVER = new Set(["api", "leader", "peer", "_nats.ver", "pinned_client_id"]);
/** Rules for words that differ, by their field. */
const WORDS: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  description: [
    [/(?<=^invalid JSON: ).*/s, "..."],
    // Which consumers' names stand there, and in which order, is the map's.
    [/(?<=violates consumers: ).*/s, "..."],
  ],
};

/** The answers with what differs without meaning taken out. */
function normal(answers: readonly Answer[]): unknown[] {
  return answers.map(({ subject, reply, headers, payload }) => ({
    subject,
    reply: normalReply(reply),
    headers: normalHeaders(headers),
    body: normalBody(payload),
  }));
}

function normalReply(reply: string): string {
  if (!reply.startsWith("$JS.ACK.")) return reply.replace(/\.[A-Za-z0-9]{20,}/g, ".ID");
  const tokens = reply.split(".");
  tokens[tokens.length - 2] = "T";
  tokens[3] = normalName(tokens[3]);
  return tokens.join(".");
}

function normalHeaders(block: string): string {
  const text = block.replace(/(?<=^Nats-Stream-Source: .* )\w{8}\r$/m, "ID\r");
  return text.replace(TIME, normalTime).replace(/(?<=^Nats-(?:Pin-Id|Stream-Identity): ).+$/m, "ID");
}

function normalBody(payload: string): unknown {
  try {
    return normalValue(JSON.parse(Buffer.from(payload, "latin1").toString("utf8")) as unknown, "");
  } catch {
    return payload;
  }
}

const normalTime = (time: string): string => (GIVEN_TIME.test(time) ? time : "T");
const normalName = (name: string): string => (GENERATED_NAME.test(name) ? "NAME" : name);

function normalValue(value: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => normalValue(item, key));
    // nats-server shows the states of sources in the order of a map.
    return key === "sources" ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (OF_THE_SERVER.has(key)) return "...";
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([name, item]) => [name, normalValue(item, name)] as const);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  if (typeof value === "number") return RUNNING.has(key) ? "..." : value;
  if (typeof value !== "string") return value;
  if (key === "hdrs") return normalHeaders(Buffer.from(value, "base64").toString("latin1"));
  if (key === "deliver_subject") return value.replace(/(?<=^\$JS\.SNAPSHOT\.RESTORE\..*\.)\w{22}$/, "ID");
  if (key === "name" || key === "consumers") return normalName(value);
  return (WORDS[key] ?? []).reduce((text, [words, by]) => text.replace(words, by), value.replace(TIME, normalTime));
}

/** Undefined when both say the same. */
export function difference(first: readonly Answer[], second: readonly Answer[]): Difference | undefined {
  const [a, b] = [normal(first), normal(second)];
  const place = placeOf(a, b, "");
  return place === undefined ? undefined : { place, first: textAt(a, place), second: textAt(b, place) };
}

// The innermost place that has all that differs.
function placeOf(a: unknown, b: unknown, at: string): string | undefined {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b ? undefined : at;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  const places = [...keys]
    .map((key) => placeOf(left[key], right[key], `${at}/${key}`))
    .filter((one) => one !== undefined);
  return places.length > 1 ? at : places[0];
}

function textAt(root: unknown, place: string): string {
  const keys = place.split("/").slice(1);
  const value = keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], root);
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 1500 ? `${text.slice(0, 1500)}...` : text;
}
