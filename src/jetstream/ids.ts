// Identifiers as JetStream shows them: 22 or fewer letters and digits, drawn from key quality bytes.
import type { Random } from "../runtime/random.js";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const NUID_CHARS = 22;

/** Letters and digits; `chars` of them. */
export function nuid(random: Random, chars = NUID_CHARS): string {
  let id = "";
  for (const byte of random.bytes(chars)) id += DIGITS[byte % DIGITS.length];
  return id;
}
