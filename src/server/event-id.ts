// Ids of events: 22 random letters and digits, as nuid makes them.
import type { Random } from "../runtime/random.js";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH = 22;

export function eventId(random: Random): string {
  let id = "";
  for (const byte of random.bytes(LENGTH)) id += DIGITS[byte % DIGITS.length];
  return id;
}
