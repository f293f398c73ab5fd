// Times as text as JSON of the reference shows them (RFC 3339, trailing zeros of the fraction left out), in UTC unless said.
import { calendar, offsetText } from "./calendar.js";

const NS_PER_MS = 1_000_000n;

/** A time in nanoseconds since 1970, such as `2026-01-02T15:04:05.123456789Z`, in a zone that is so much ahead of UTC. */
export function formatNs(ns: bigint, offsetMinutes = 0): string {
  const ms = ns / NS_PER_MS;
  const rest = Number(ns - ms * NS_PER_MS);
  return format(Number(ms), rest, offsetMinutes);
}

/** A time in milliseconds since 1970; a fraction of a millisecond is shown too. */
export function formatMs(ms: number): string {
  const whole = Math.floor(ms);
  return format(whole, Math.round((ms - whole) * 1e6), 0);
}

function format(ms: number, nanoseconds: number, offsetMinutes: number): string {
  const { year, month, day, hour, minute, second } = calendar(ms, offsetMinutes);
  const ofSecond = ms - Math.floor(ms / 1000) * 1000;
  const fraction = `${pad(ofSecond, 3)}${pad(nanoseconds, 6)}`.replace(/0+$/, "");
  const clock = `${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}`;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}${fraction === "" ? "" : `.${fraction}`}${offsetText(offsetMinutes)}`;
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");
