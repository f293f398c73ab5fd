// Times as text, in UTC, as JSON of the reference shows them (RFC 3339, trailing zeros of the fraction left out).

const MS_PER_DAY = 86_400_000;
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
  const days = Math.floor(ms / MS_PER_DAY);
  const ofDay = ms - days * MS_PER_DAY;
  const [year, month, day] = civilDate(days);
  const seconds = Math.floor(ofDay / 1000);
  const fraction = `${pad(ofDay % 1000, 3)}${pad(nanoseconds, 6)}`.replace(/0+$/, "");
  const clock = `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}${fraction === "" ? "" : `.${fraction}`}Z`;
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");

// The proleptic Gregorian date of a day counted from 1970-01-01; years begin in March so that leap days come last.
function civilDate(days: number): [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const day = ofYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}
