// The short name of a server or an account in subjects: eight letters and digits from the hash of its name.
import { createHash } from "node:crypto";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH = 8;

/** Eight letters and digits that stand for a name. */
export function hashName(name: string): string {
  const digest = createHash("sha256").update(name).digest();
  return Array.from(digest.subarray(0, LENGTH), (byte) => DIGITS[byte % DIGITS.length]).join("");
}

export const serverHash = hashName;
