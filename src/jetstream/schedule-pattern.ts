// When a schedule is due: once, every so often, or by six fields of cron, in a time zone (ADR-51).
import { Cron } from "croner";
import { NS_PER_MS, NS_PER_SECOND, parseDuration, parseTime, timeText } from "./time.js";

const NAMED: Readonly<Record<string, string>> = {
  "@yearly": "0 0 0 1 1 *",
  "@annually": "0 0 0 1 1 *",
  "@monthly": "0 0 0 1 * *",
  "@weekly": "0 0 0 * * 0",
  "@daily": "0 0 0 * * *",
  "@midnight": "0 0 0 * * *",
  "@hourly": "0 0 * * * *",
};

export interface SchedulePattern {
  /** Whether it is over after the first time. */
  readonly once: boolean;
  /** The next time after one, in nanoseconds since 1970; undefined for never. */
  next(afterNs: bigint): bigint | undefined;
}

/** Reads a pattern; "zone" for an unknown time zone, undefined for what is no pattern. */
export function schedulePattern(
  text: string,
  zone: string | undefined,
  storedNs: bigint,
): SchedulePattern | "zone" | undefined {
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
  if (fields.split(/\s+/).length !== 6) return undefined;
  if (zone !== undefined && zone !== "Local" && !isZone(zone)) return "zone";
  try {
    const cron = new Cron(fields, { paused: true, timezone: zone === "Local" ? undefined : (zone ?? "UTC") });
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

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
