// Times as text, in UTC, as JSON of the reference shows them (RFC 3339, trailing zeros of the fraction left out).
import { calendar } from "./calendar.js";

const NS_PER_MS = 1_000_000n;

/** A time in nanoseconds since 1970, such as `2026-01-02T15:04:05.123456789Z`. */
export function formatNs(ns: bigint): string {
  const ms = ns / NS_PER_MS;
  const rest = Number(ns - ms * NS_PER_MS);
  return format(Number(ms), rest);
}

/** A time in milliseconds since 1970; a fraction of a millisecond is shown too. */
export function formatMs(ms: number): string {
  const whole = Math.floor(ms);
  return format(whole, Math.round((ms - whole) * 1e6));
}

function format(ms: number, nanoseconds: number): string {
  const { year, month, day, hour, minute, second } = calendar(ms, 0);
  const ofSecond = ms - Math.floor(ms / 1000) * 1000;
  const fraction = `${pad(ofSecond, 3)}${pad(nanoseconds, 6)}`.replace(/0+$/, "");
  const clock = `${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}`;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}${fraction === "" ? "" : `.${fraction}`}Z`;
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");
