// The times of day at which a user may be connected, in a time zone; a range may pass midnight.
import type { Clock } from "../runtime/clock.js";
import { text } from "./jwt/claims-reader.js";
import type { JsonObject } from "./jwt/jwt.js";

const DAY_MS = 86_400_000;
const TIME_OF_DAY = /^(\d{1,2}):(\d{2}):(\d{2})$/;

/** Start and end as text, `15:04:05`. */
export interface ConnectTime {
  readonly start: string;
  readonly end: string;
}

export function readConnectTimes(raw: readonly JsonObject[]): readonly ConnectTime[] {
  return raw.map((one) => ({ start: text(one, "start"), end: text(one, "end") }));
}

/** Why the times cannot be used; undefined when they can. */
export function connectTimesFault(times: readonly ConnectTime[], timeZone: string): string | undefined {
  for (const { start, end } of times) {
    const bad = [start, end].find((one) => timeOfDayMs(one) === undefined);
    if (bad !== undefined) return `start or end in time range is invalid "${bad}"`;
  }
  try {
    if (timeZone !== "") formatterOf(timeZone);
  } catch {
    return `could not parse iana time zone by name: ${timeZone}`;
  }
  return undefined;
}

/**
 * Milliseconds until the last of the ranges that hold now ends; 0: outside of all of them, infinite: there are none.
 * The times must have no fault.
 */
export function connectTimeLeftMs(
  times: readonly ConnectTime[],
  timeZone: string,
  clock: Pick<Clock, "nowMs" | "utcOffsetMinutes">,
): number {
  if (times.length === 0) return Number.POSITIVE_INFINITY;
  const nowMs = clock.nowMs();
  const ofDayMs = timeZone === "" ? localTimeOfDayMs(nowMs, clock) : zoneTimeOfDayMs(nowMs, timeZone);
  let leftMs = 0;
  for (const { start, end } of times) leftMs = Math.max(leftMs, leftOf(start, end, ofDayMs));
  return leftMs;
}

function leftOf(start: string, end: string, ofDayMs: number): number {
  const [startMs, endMs] = [timeOfDayMs(start) ?? 0, timeOfDayMs(end) ?? 0];
  if (startMs <= endMs) return startMs < ofDayMs && ofDayMs < endMs ? endMs - ofDayMs : 0;
  if (ofDayMs < endMs) return endMs - ofDayMs;
  return startMs < ofDayMs ? endMs + DAY_MS - ofDayMs : 0;
}

function timeOfDayMs(text: string): number | undefined {
  const match = TIME_OF_DAY.exec(text);
  if (match === null) return undefined;
  const [hours, minutes, seconds] = match.slice(1).map(Number);
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return ((hours * 60 + minutes) * 60 + seconds) * 1000;
}

function localTimeOfDayMs(nowMs: number, clock: Pick<Clock, "utcOffsetMinutes">): number {
  return (((nowMs + clock.utcOffsetMinutes(nowMs) * 60_000) % DAY_MS) + DAY_MS) % DAY_MS;
}

function zoneTimeOfDayMs(nowMs: number, timeZone: string): number {
  return (timeOfDayMs(formatterOf(timeZone).format(nowMs)) ?? 0) + (nowMs % 1000);
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hourCycle: "h23",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}
