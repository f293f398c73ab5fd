// Whole numbers as decimal text in bytes.

/** Writes the digits of a whole number from 0 to 2^53; returns where they end. */
export function writeDecimal(into: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const tens = Math.floor(rest / 10);
    into[i] = 48 + (rest - tens * 10);
    rest = tens;
  }
  return at + digits;
}

/** Reads the digits from `start` to `end`, at most 15; -1 when there are more, none, or anything else. */
export function readDecimal(from: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = from[i] - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
