// Comparing passwords with bcrypt hashes: each takes a processor core for tens to hundreds of milliseconds, which must not
// be the loop's.

export interface Hashing {
  /** A place where passwords are compared; threads it needs are started when there is something to compare. */
  open(): Hasher;
}

export interface Hasher {
  /** How many comparisons run at the same time; more than that wait for one another. */
  readonly parallel: number;
  /** Whether a password has this bcrypt hash; not for a malformed hash, or after `close`. Never rejects. */
  fits(password: string, hash: string): Promise<boolean>;
  /** Its threads end; comparisons that are under way fit nothing. */
  close(): Promise<void>;
}
