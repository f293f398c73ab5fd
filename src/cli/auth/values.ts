// Values of options: whole numbers and sizes with "unlimited", yes and no, durations, moments and subjects.
import { isPublicNkey } from "../../auth/nkey.js";
import { formatMs } from "../../protocol/rfc3339.js";
import { parseZuluDate } from "../../protocol/zulu-date.js";
import { hasBlank, isValidSubject } from "../../subjects/validity.js";
import { CommandError } from "../subcommand.js";

export const UNLIMITED = -1;

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };
const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  y: 31_536_000_000,
};
const DURATION = /(\d+(?:\.\d+)?)(ms|s|m|h|d|y)/g;

export function wrongValue(option: string, value: string, wanted: string): CommandError {
  return new CommandError("COMMAND_INVALID", `--${option} "${value}": ${wanted}`);
}

/** A whole number from 0 on, or -1 for "unlimited". */
export function countOf(option: string, value: string): number {
  if (value === "unlimited" || value === "-1") return UNLIMITED;
  if (/^\d+$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value);
  throw wrongValue(option, value, 'it must be a whole number or "unlimited"');
}

/** Bytes, with K, M, G or T (each may end with B or iB; all are powers of 1024), or -1 for "unlimited". */
export function sizeOf(option: string, value: string): number {
  if (value === "unlimited" || value === "-1") return UNLIMITED;
  const match = /^(\d+)([KMGT]?)(?:i?B)?$/i.exec(value);
  const bytes = match === null ? Number.NaN : Number(match[1]) * UNITS[match[2].toUpperCase()];
  if (Number.isSafeInteger(bytes)) return bytes;
  throw wrongValue(option, value, 'it must be a size such as 64MB, or "unlimited"');
}

export function yesNoOf(option: string, value: string): boolean {
  if (value === "yes" || value === "true") return true;
  if (value === "no" || value === "false") return false;
  throw wrongValue(option, value, "it must be yes or no");
}

/** Milliseconds of a text such as 90s, 1h30m or 30d. */
export function durationMsOf(option: string, value: string): number {
  const parts = Array.from(value.matchAll(DURATION));
  if (value !== "" && parts.map(([part]) => part).join("") === value) {
    return parts.reduce((sum, [, count, unit]) => sum + Number(count) * DURATION_MS[unit], 0);
  }
  throw wrongValue(option, value, "it must be a duration such as 90s, 12h or 30d");
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Seconds since 1970 of "never" (0), a date (2030-01-31, 2030-01-31T12:00:00Z) or a duration from now. */
export function momentOf(option: string, value: string, nowSeconds: number): number {
  if (value === "never" || value === "") return 0;
  if (/^\d{4}-/.test(value)) {
    const ms = parseZuluDate(DAY.test(value) ? `${value}T00:00:00Z` : value);
    if (ms === undefined) throw wrongValue(option, value, "there is no such day or time; write 2030-01-31T12:00:00Z");
    return Math.floor(ms / 1000);
  }
  return nowSeconds + Math.ceil(durationMsOf(option, value) / 1000);
}

/** Seconds since 1970 as 2030-01-31T12:00:00Z. */
export function dateText(seconds: number): string {
  return formatMs(seconds * 1000);
}

/** A subject, wildcards allowed. */
export function subjectOf(option: string, value: string): string {
  if (isValidSubject(value) && !hasBlank(value)) return value;
  throw wrongValue(option, value, "it is no valid subject");
}

/** A user's public key. */
export function userKeyOf(option: string, value: string): string {
  if (isPublicNkey(value, "user")) return value;
  throw wrongValue(option, value, "it is no public user nkey");
}
