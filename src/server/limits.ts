// The limits of the server's own queues and timers that no option sets, with their units.

/** Size of a chunk that gathers the output of a busy connection. */
export const LARGE_CHUNK_BYTES = 128 * 1024;
/** Size of the first chunk of a turn for a connection that wrote little in its last one. */
export const SMALL_CHUNK_BYTES = 2 * 1024;
/** Chunks kept for reuse, per size; more go back to the collector. */
export const POOLED_CHUNKS = 512;
/** Payloads of at least this size are handed to many writers as one buffer instead of being copied for each. */
export const SHARED_PAYLOAD_BYTES = 16 * 1024;
/** A body that already stands alone is referenced instead of copied from this size on. */
export const REFERENCED_PAYLOAD_BYTES = 4 * 1024;
/** Output gathered beyond this is written before the turn ends. */
export const EARLY_FLUSH_BYTES = 112 * 1024;
/** Share of max_pending beyond which a subscriber slows its publishers down. */
export const STALL_SHARE_OF_PENDING = 0.75;
/** Pending bytes beyond which a subscriber slows its publishers down, whatever max_pending is. */
export const STALL_PENDING_BYTES = 8 * 1024 * 1024;
/** The longest that one slow subscriber pauses a publisher for the input of one turn. */
export const STALL_MS = 5;
/** A client is pinged at the latest this long after it has connected, to measure the round trip. */
export const FIRST_PING_MS = 2000;
/** Share by which the first ping is delayed at random. */
export const FIRST_PING_JITTER = 0.2;
/** The round trip of a client that sends all the time is still measured this often. */
export const RTT_MEASUREMENT_MS = 60 * 60 * 1000;
/** Input kept while a login is being checked off the loop. */
export const HELD_INPUT_BYTES = 1024 * 1024;
/** Subjects that a publisher's cache starts with, and grows to (powers of two). */
export const FIRST_CACHED_SUBJECTS = 16;
export const MAX_CACHED_SUBJECTS = 4096;
/** Output that is still unsent this long after the server decided to close a connection is dropped. */
export const CLOSE_FLUSH_MS = 1000;
