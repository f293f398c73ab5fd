// Passwords and tokens: plain text compared in constant time, or bcrypt hashes.
import { createHash, timingSafeEqual } from "node:crypto";
import { compare } from "bcryptjs";

const HASHED = /^\$2[abxy]\$\d{2}\$/;

/** Whether a configured password or token is a bcrypt hash. */
export function isHashed(secret: string): boolean {
  return HASHED.test(secret);
}

/**
 * Compares what clients say with secrets. Hashes are worked off one after another: each takes the loop for many
 * milliseconds, and many at once would leave it no time for anybody else.
 */
export class SecretCheck {
  #last: Promise<unknown> = Promise.resolve();

  /** Whether what a client says is the configured secret. A promise only for a hash; a malformed hash fits nothing. */
  fits(secret: string, said: string): boolean | Promise<boolean> {
    if (!isHashed(secret)) return sameText(secret, said);
    // The revisions differ in what old implementations got wrong only, and bcryptjs does not know 2x.
    const hash = secret.replace(/^\$2x/, "$2a");
    const result = this.#last.then(() => compare(said, hash)).catch(() => false);
    this.#last = result;
    return result;
  }
}

/** Compares in constant time. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

// Digests have one length, so that the comparison does not tell the secret's.
function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
