// What can be wrong with a compressed stream.

export type S2ErrorCode = "S2_BLOCK" | "S2_CHUNK" | "S2_CHECKSUM" | "S2_LIMIT";

/** A compressed stream that cannot be read. */
export class S2Error extends Error {
  override readonly name = "S2Error";
  readonly code: S2ErrorCode;

  constructor(code: S2ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
