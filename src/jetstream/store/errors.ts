// What goes wrong with a store, by a name that callers turn into an API error.

/**
 * - `STORE_FULL`: the disk, or a stream's index, has no room; nothing was stored
 * - `STORE_IO`: the disk failed; nothing was stored
 * - `STORE_CLOSED`: the store was closed or deleted
 * - `STORE_SEQUENCE`: a sequence out of order, or beyond 2^53-1
 * - `STORE_TOO_LARGE`: a message or an entry larger than a record can be
 * - `STORE_VERSION`: the files are of a newer format than this version knows
 * - `STORE_FOREIGN`: the folder holds something else, such as a store of nats-server
 * - `STORE_KEY`: the files are encrypted with another key, or with one while none is given
 * - `STORE_DAMAGED`: the record cannot be read; it was set aside and reported
 */
export type StoreErrorCode =
  | "STORE_FULL"
  | "STORE_IO"
  | "STORE_CLOSED"
  | "STORE_SEQUENCE"
  | "STORE_TOO_LARGE"
  | "STORE_VERSION"
  | "STORE_FOREIGN"
  | "STORE_KEY"
  | "STORE_DAMAGED";

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** The error of a disk call, named by its platform code. */
  static of(cause: unknown): StoreError {
    if (cause instanceof StoreError) return cause;
    const { code = "", message = "" } = (cause ?? {}) as { code?: string; message?: string };
    const full = code === "ENOSPC" || code === "EDQUOT";
    return new StoreError(full ? "STORE_FULL" : "STORE_IO", message || String(cause), cause);
  }
}
