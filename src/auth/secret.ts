// Passwords and tokens: plain text compared in constant time, or bcrypt hashes.
import { createHash, timingSafeEqual } from "node:crypto";
import { compare } from "bcryptjs";

const HASHED = /^\$2[abxy]\$\d{2}\$/;

/** Whether a configured password or token is a bcrypt hash. */
export function isHashed(secret: string): boolean {
  return HASHED.test(secret);
}

/** Whether what a client says is the configured secret. A promise only for a hash; a malformed hash fits nothing. */
export function fits(secret: string, said: string): boolean | Promise<boolean> {
  if (!isHashed(secret)) return sameText(secret, said);
  // The revisions differ in what old implementations got wrong only, and bcryptjs does not know 2x.
  return compare(said, secret.replace(/^\$2x/, "$2a")).catch(() => false);
}

/** Compares in constant time. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

// Digests have one length, so that the comparison does not tell the secret's.
function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
