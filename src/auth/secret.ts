// Passwords and tokens: plain text compared in constant time, or bcrypt hashes.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Hasher } from "../runtime/hashing.js";
import type { Random } from "../runtime/random.js";
import { FairQueue, type Place, type QueueLimits } from "./fair-queue.js";

const HASHED = /^\$2[abxy]\$\d{2}\$/;
const KEY_BYTES = 32;

/** Whether a configured password or token is a bcrypt hash. */
export function isHashed(secret: string): boolean {
  return HASHED.test(secret);
}

export interface SecretCheckParts {
  readonly hasher: Hasher;
  readonly random: Random;
  readonly limits: {
    readonly waiting: QueueLimits;
    /** Hashes whose secret is known from a login before. */
    readonly proven: number;
  };
}

/** Compares what clients say with secrets; one for a whole server, as its comparisons with hashes share some threads. */
export class SecretCheck {
  readonly #hasher: Hasher;
  readonly #queue: FairQueue;
  // What has fitted a hash, so that clients that come back wait for nobody: by the hash, as a digest with a key that only
  // this process has.
  readonly #proven = new Map<string, Buffer>();
  readonly #provenLimit: number;
  readonly #key: Uint8Array;

  constructor({ hasher, random, limits }: SecretCheckParts) {
    this.#hasher = hasher;
    this.#queue = new FairQueue(hasher.parallel, limits.waiting);
    this.#provenLimit = limits.proven;
    this.#key = random.bytes(KEY_BYTES);
  }

  /**
   * Whether what a client says is the configured secret. A promise only for a hash that has not been fitted before; it
   * rejects with a LoginsBusyError when too many wait. A malformed hash fits nothing.
   */
  fits(secret: string, said: string, place: Place): boolean | Promise<boolean> {
    if (!isHashed(secret)) return sameText(secret, said);
    const digest = createHmac("sha256", this.#key).update(said, "utf8").digest();
    const proven = this.#proven.get(secret);
    if (proven !== undefined && timingSafeEqual(proven, digest)) return true;
    return this.#compare(secret, said, digest, place);
  }

  /** Ends its threads. */
  close(): Promise<void> {
    return this.#hasher.close();
  }

  async #compare(secret: string, said: string, digest: Buffer, place: Place): Promise<boolean> {
    // The revisions differ in what old implementations got wrong only, and bcryptjs does not know 2x.
    const hash = secret.replace(/^\$2x/, "$2a");
    const fits = (await this.#queue.run(place, () => this.#hasher.fits(said, hash))) === true;
    if (fits) this.#remember(secret, digest);
    return fits;
  }

  #remember(secret: string, digest: Buffer): void {
    this.#proven.delete(secret);
    this.#proven.set(secret, digest);
    if (this.#proven.size <= this.#provenLimit) return;
    const [oldest] = this.#proven.keys();
    this.#proven.delete(oldest);
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
