// What is wrong with the frames that came over a WebSocket.

/** WebSocket close codes that are used here (RFC 6455, section 7.4.1). */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  noStatus: 1005,
  invalidText: 1007,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
} as const;

/**
 * - `WEBSOCKET_PROTOCOL`: a frame, or an order of frames, that the protocol does not know
 * - `WEBSOCKET_TOO_BIG`: a compressed message that is larger than the connection may send
 * - `WEBSOCKET_CORRUPT`: a compressed message that cannot be inflated
 */
export type FrameErrorCode = "WEBSOCKET_PROTOCOL" | "WEBSOCKET_TOO_BIG" | "WEBSOCKET_CORRUPT";

/** Ends the connection. The message is in the words of nats-server. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly code: FrameErrorCode;
  /** What the other side is told in a close frame. */
  readonly closeCode: number;

  constructor(code: FrameErrorCode, message: string, closeCode: number = CloseCode.protocolError) {
    super(message);
    this.code = code;
    this.closeCode = closeCode;
  }
}

/** A connection that was dialled did not become a WebSocket. */
export class WebsocketDialError extends Error {
  override readonly name = "WebsocketDialError";
  readonly code = "WEBSOCKET_DIAL";
}
