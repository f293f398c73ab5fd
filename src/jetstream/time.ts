// Times and durations of the JetStream API: RFC 3339, nanoseconds, and Go's text of a duration.
import { writeDigits } from "../protocol/decimal.js";
import { formatNs } from "../protocol/rfc3339.js";

export const NS_PER_MS = 1_000_000n;
export const NS_PER_SECOND = 1_000_000_000n;
/** The shortest time that the configuration of a stream may give. */
export const MIN_DURATION_NS = 100n * NS_PER_MS;
/** How Go shows a time that is not set. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;
const DURATION_PART = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/;
const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Nanoseconds since 1970; negative before (the zero time too); undefined for what is no RFC 3339 time. */
export function parseTime(text: string): bigint | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const [, fraction = "", zone] = match.slice(6);
  const [hours, minutes] = zone === "Z" ? [0, 0] : zone.slice(1).split(":").map(Number);
  const offsetMinutes = (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
  const seconds = dayNumber(year, month, day) * 86_400 + (hour * 60 + minute - offsetMinutes) * 60 + second;
  return BigInt(seconds) * NS_PER_SECOND + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

// Days from 1970-01-01; years that begin in March have their leap day at the end.
function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const fromMarch = month > 2 ? month - 3 : month + 9;
  const dayOfYear = Math.floor((153 * fromMarch + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}

/** Nanoseconds since 1970 of a time as stores keep it. */
export function nsOf({ seconds, nanoseconds }: { readonly seconds: number; readonly nanoseconds: number }): bigint {
  return BigInt(seconds) * NS_PER_SECOND + BigInt(nanoseconds);
}

/** RFC 3339; 0 shows as Go's zero time. */
export function timeText(ns: bigint): string {
  return ns === 0n ? ZERO_TIME : formatNs(ns);
}

/** Nanoseconds of Go's text of a duration, such as `1h2m3.5s`; undefined for what is none. */
export function parseDuration(text: string): bigint | undefined {
  const sign = text.startsWith("-") ? -1n : 1n;
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return 0n;
  if (rest === "") return undefined;
  let total = 0n;
  while (rest !== "") {
    const [part, number, unit] = DURATION_PART.exec(rest) ?? [];
    if (part === undefined) return undefined;
    const [whole, fraction = ""] = number.split(".");
    const unitNs = UNIT_NS[unit];
    total += BigInt(whole || "0") * BigInt(unitNs) + BigInt(Math.floor(Number(`0.${fraction || "0"}`) * unitNs));
    rest = rest.slice(part.length);
  }
  return sign * total;
}

/** Go's text of a duration: `20s`, `1m0s`, `1.5ms`. */
export function goDuration(ns: bigint): string {
  if (ns < 0n) return `-${goDuration(-ns)}`;
  const plain = (value: bigint, unit: bigint, name: string): string => {
    const rest = (value % unit)
      .toString()
      .padStart(unit.toString().length - 1, "0")
      .replace(/0+$/, "");
    return `${value / unit}${rest === "" ? "" : `.${rest}`}${name}`;
  };
  if (ns === 0n) return "0s";
  if (ns < 1_000n) return `${ns}ns`;
  if (ns < NS_PER_MS) return plain(ns, 1_000n, "µs");
  if (ns < NS_PER_SECOND) return plain(ns, NS_PER_MS, "ms");
  const minutes = ns / (60n * NS_PER_SECOND);
  const seconds = plain(ns % (60n * NS_PER_SECOND), NS_PER_SECOND, "s");
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** Milliseconds, rounded up, so that a timer does not come early. */
export function ceilMs(ns: bigint): number {
  return Number((ns + NS_PER_MS - 1n) / NS_PER_MS);
}

/** Writes times as `timeText` gives them; those that come after each other are often of the same second. */
export class TimeWriter {
  /** The longest text. */
  static readonly maxBytes = 30;
  #seconds = 0;
  // Without fraction and zone.
  readonly #text = Buffer.alloc(19);

  /** Writes at `at` of `into`; returns where the text ends. Seconds since 1970, up to 2^32-1. */
  write(into: Buffer, at: number, seconds: number, nanoseconds: number): number {
    if (seconds === 0) return at + into.write(timeText(nsOf({ seconds, nanoseconds })), at, "latin1");
    const text = this.#text;
    if (seconds !== this.#seconds) {
      this.#seconds = seconds;
      text.write(timeText(BigInt(seconds) * NS_PER_SECOND), "latin1");
    }
    for (let i = 0; i < text.length; i++) into[at + i] = text[i];
    let end = at + text.length;
    if (nanoseconds > 0) {
      let digits = 9;
      let fraction = nanoseconds;
      for (; fraction % 10 === 0; digits--) fraction /= 10;
      into[end] = 46;
      end = writeDigits(into, end + 1, fraction, digits);
    }
    into[end] = 90;
    return end + 1;
  }
}
