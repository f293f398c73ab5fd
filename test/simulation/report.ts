// What a run of one seed tells when it has passed, and when it has failed.

export interface RunReport {
  readonly seed: number;
  readonly virtualMs: number;
  readonly messages: number;
  readonly deliveries: number;
  readonly faults: number;
}

/** A run that has failed, with what had happened before. */
export class RunFailure extends Error {
  readonly seed: number;

  constructor(seed: number, history: readonly string[], cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`seed ${seed}: ${reason}\n${history.map((line) => `    ${line}`).join("\n")}`, { cause });
    this.seed = seed;
  }
}
