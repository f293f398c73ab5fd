// The limits of the WebSocket listener that no option sets, with their units.

/** Messages of more bytes are compressed, where that was agreed on. */
export const COMPRESS_ABOVE_BYTES = 64;
/** Messages of up to so many bytes are copied behind their header: one buffer is cheaper to write than two. */
export const COPIED_MESSAGE_BYTES = 4 * 1024;
/** The time a close frame has to be taken by the other side. */
export const END_MS = 2_000;
/** The head of a request: everything before the empty line. */
export const MAX_REQUEST_HEAD_BYTES = 64 * 1024;
/** Default of `handshake_timeout`. */
export const HANDSHAKE_MS = 2_000;
/** A compressed message from a client that has not logged in yet, inflated. */
export const MAX_LOGIN_MESSAGE_BYTES = 64 * 1024;
