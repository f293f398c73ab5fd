// When a schedule is due: once, every so often, or by six fields of cron, in a time zone (ADR-51).
import { Cron } from "croner";
import { NS_PER_MS, NS_PER_SECOND, parseDuration, parseTime, timeText } from "../time.js";

const NAMED: Readonly<Record<string, string>> = {
  "@yearly": "0 0 0 1 1 *",
  "@annually": "0 0 0 1 1 *",
  "@monthly": "0 0 0 1 * *",
  "@weekly": "0 0 0 * * 0",
  "@daily": "0 0 0 * * *",
  "@midnight": "0 0 0 * * *",
  "@hourly": "0 0 * * * *",
};

/** Six fields, with names for months and days of the week and without the extensions that other crons have. */
const CRON = new RegExp(
  "^\\s*(?:[\\d*?/,-]+\\s+){4}" +
    "(?:[\\d*?/,-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+\\s+" +
    "(?:[0-6*?/,-]|sun|mon|tue|wed|thu|fri|sat)+\\s*$",
  "i",
);

export interface SchedulePattern {
  /** Whether it is over after the first time. */
  readonly once: boolean;
  /** The next time after one, in nanoseconds since 1970; undefined for never. */
  next(afterNs: bigint): bigint | undefined;
}

/** Reads a pattern; `zone` is a time zone that there is. Undefined for what is no pattern. */
export function schedulePattern(text: string, zone: string | undefined, storedNs: bigint): SchedulePattern | undefined {
  const at = /^@at (.+)$/.exec(text)?.[1];
  if (at !== undefined) {
    const ns = parseTime(at);
    return ns === undefined || zone !== undefined ? undefined : { once: true, next: () => ns };
  }
  const every = /^@every (.+)$/.exec(text)?.[1];
  if (every !== undefined) {
    const ns = parseDuration(every);
    if (ns === undefined || ns < NS_PER_SECOND || zone !== undefined) return undefined;
    return {
      once: false,
      next: (afterNs) => (afterNs < storedNs ? storedNs : storedNs + ((afterNs - storedNs) / ns + 1n) * ns),
    };
  }
  const fields = NAMED[text] ?? text;
  if (!CRON.test(fields)) return undefined;
  try {
    const cron = new Cron(fields, { paused: true, timezone: zone === "Local" ? undefined : (zone ?? "UTC") });
    // One that is never due is none.
    if (cron.nextRun(timeText(storedNs)) === null) return undefined;
    return {
      once: false,
      next: (afterNs) => {
        const next = cron.nextRun(timeText(afterNs));
        return next === null ? undefined : BigInt(next.getTime()) * NS_PER_MS;
      },
    };
  } catch {
    return undefined;
  }
}

/** Whether there is a time zone of that name, or it is that of the server. */
export function isTimeZone(zone: string): boolean {
  if (zone === "Local") return true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
