// Dates in RFC 3339, in Zulu form with whole seconds, in the proleptic Gregorian calendar: those of the configuration language.

const ZULU = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/;
const DAY_MS = 86_400_000;
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/** Milliseconds since 1970 of a date such as "2024-05-06T07:08:09Z"; undefined when there is no such moment. */
export function parseZuluDate(text: string): number | undefined {
  const match = ZULU.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as Parts;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  return dayNumber(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
}

type Parts = [year: number, month: number, day: number, hour: number, minute: number, second: number];

/** Days from 1970-01-01 to the given day. */
function dayNumber(year: number, month: number, day: number): number {
  const past = year - 1;
  const leapDays = Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400);
  const leapDayThisYear = month > 2 && isLeap(year) ? 1 : 0;
  return year * 365 + leapDays + DAYS_BEFORE_MONTH[month - 1]! + leapDayThisYear + day - 719_528;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}
