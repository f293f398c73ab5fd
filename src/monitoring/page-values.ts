// What pages show as text, read back as numbers: times and durations.

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3})\d*)?Z$/;
const PART = /(\d+(?:\.\d+)?)(y|d|h|ms|m|s|µs|us|ns)/g;
const MS_PER_DAY = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = {
  ...{ y: 365 * MS_PER_DAY, d: MS_PER_DAY, h: 3_600_000, m: 60_000, s: 1_000 },
  ...{ ms: 1, µs: 1e-3, us: 1e-3, ns: 1e-6 },
};

/** Milliseconds since 1970 of a time such as `2026-01-02T15:04:05.1Z`, without a fraction; undefined for other text. */
export function timeMs(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  // Years that begin in March: leap days come last.
  const y = month > 2 ? year : year - 1;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const days = y * 365 + leapDays + dayOfYear - 719_468;
  return days * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000 + Number((match[7] ?? "").padEnd(3, "0"));
}

/** Milliseconds of a duration such as `1y2d3h4m5s` or `1.5ms`; 0 for other text. */
export function durationMs(text: string): number {
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(PART)) totalMs += Number(amount) * UNITS_MS[unit];
  return totalMs;
}
