// Randomness as the rest of the house sees it, so that a simulation can repeat it from a seed.

export interface Random {
  /** A number in [0, 1), fast and not secret: queue choice, jitter, weights. */
  float(): number;
  /** An integer in [0, below), fast and not secret. */
  below(below: number): number;
  /** Bytes fit for keys, nonces and identities. */
  bytes(count: number): Uint8Array;
}
