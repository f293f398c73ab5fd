// Whole numbers as decimal text in bytes.

const INT32_END = 0x8000_0000;
const ZERO = 48;
/** Of 2^53-1. */
const MOST_DIGITS = 16;

/** Writes the digits of a whole number from 0 to 2^53; returns where they end. */
export function writeDecimal(into: Uint8Array, at: number, value: number): number {
  if (value >= INT32_END) {
    // In two parts that machine words hold.
    const high = Math.floor(value / 1e9);
    const end = writeDecimal(into, at, high);
    return writeDigits(into, end, value - high * 1e9, 9);
  }
  let digits = 1;
  for (let rest = value | 0; rest >= 10; rest = (rest / 10) | 0) digits++;
  return writeDigits(into, at, value, digits);
}

/** Writes so many digits of a number below 2^31, with zeros in front; returns where they end. */
export function writeDigits(into: Uint8Array, at: number, value: number, digits: number): number {
  const end = at + digits;
  let rest = value | 0;
  for (let i = end - 1; i >= at; i--) {
    const tens = (rest / 10) | 0;
    into[i] = ZERO + (rest - tens * 10);
    rest = tens;
  }
  return end;
}

/** Reads the digits from `start` to `end`; -1 for none, for anything else, and beyond 2^53-1. */
export function readDecimal(from: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > MOST_DIGITS) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = from[i] - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value > Number.MAX_SAFE_INTEGER ? -1 : value;
}
