// The limits of the server's own queues and timers that no option sets, with their units.

/** Size of a chunk that gathers the output of a busy connection. */
export const LARGE_CHUNK_BYTES = 256 * 1024;
/** Size of the first chunk of a turn for a connection that wrote little in its last one. */
export const SMALL_CHUNK_BYTES = 2 * 1024;
/** Chunks kept for reuse, per size; more go back to the collector. */
export const POOLED_SMALL_CHUNKS = 1024;
export const POOLED_LARGE_CHUNKS = 64;
/** Payloads of at least this size are handed to many writers as one buffer instead of being copied for each. */
export const SHARED_PAYLOAD_BYTES = 16 * 1024;
/** A body that already stands alone is referenced instead of copied from this size on. */
export const REFERENCED_PAYLOAD_BYTES = 4 * 1024;
/** Output gathered beyond this is written before the turn ends. */
export const EARLY_FLUSH_BYTES = 240 * 1024;
/** What one write gives to the operating system; the rest waits, so that progress of a slow reader is seen. */
export const WRITE_BYTES = 1024 * 1024;
/** A connection that has brought this much input is read again only when the loop has served the others. */
export const TURN_INPUT_BYTES = 256 * 1024;
/** Pending bytes beyond which a subscriber slows its publishers down: this much, or a share of max_pending if that is less. */
export const STALL_PENDING_BYTES = 8 * 1024 * 1024;
export const STALL_SHARE_OF_PENDING = 0.75;
/** A publisher goes on when its slow subscriber's pending bytes have fallen to this share of where the pause begins. */
export const RESUME_SHARE = 0.5;
/** The longest pause of a publisher per chunk of its input: the first where pauses begin, the second close to max_pending. */
export const SHORTEST_STALL_MS = 5;
export const LONGEST_STALL_MS = 40;
/** A client is pinged at the latest this long after it has connected, to measure the round trip. */
export const FIRST_PING_MS = 2000;
/** Share by which the first ping may come earlier, at random, so that clients that connect together are not pinged together. */
export const FIRST_PING_JITTER = 0.2;
/** Another server is pinged this long after the connection is established, plus up to this share of it at random. */
export const FIRST_PEER_PING_MS = 1000;
export const PEER_PING_JITTER = 0.2;
/** The longest line from another server, and from one that has not introduced itself. */
export const PEER_LINE_BYTES = 1024 * 1024;
export const FIRST_PEER_LINE_BYTES = 64 * 1024;
/** Queue groups that a message for another server names; more than that, or than fit into a line, do not get it. */
export const MOST_PEER_QUEUES = 4_000;
/** The round trip of a client that sends all the time is still measured this often. */
export const RTT_MEASUREMENT_MS = 60 * 60 * 1000;
/** Subjects that a publisher's cache starts with, and grows to (powers of two). */
export const FIRST_CACHED_SUBJECTS = 16;
export const MAX_CACHED_SUBJECTS = 4096;
/** Longer subjects are looked up anew each time. */
export const LONGEST_CACHED_SUBJECT_BYTES = 256;
/** Output of a connection that is being closed is dropped when none of it is taken for this long. */
export const CLOSE_FLUSH_MS = 1000;
/** Where the PROXY protocol is expected: the time a client has to begin, and then a header to come whole. */
export const PROXY_HEADER_MS = 5_000;
/** TLS handshakes that begin in one turn of the loop (about a millisecond each); others wait for the next turns. */
export const HANDSHAKES_PER_TURN = 4;
/** Certificate files are looked at this often to see whether they have changed. */
export const CERTIFICATE_POLL_MS = 5_000;
/** Logins that wait to be compared with a bcrypt hash, of one address and altogether, and hashes whose secret is known. */
export const HASH_LIMITS = { waiting: { perSource: 256, total: 4096 }, proven: 16_384 };
/** Logins by JWT whose account is looked up at once, and those that may wait for that. */
export const LOOKUP_LIMITS = { parallel: 64, waiting: { perSource: 8192, total: 16_384 } };
/**
 * Failed logins of one address that are refused at once, what the refusals of the next ones wait, and the time after which
 * one of them is forgotten; how many addresses are remembered, and how many refusals wait at once.
 */
export const FAILED_LOGINS = {
  free: 20,
  delaysMs: [100, 200, 400, 800, 1500],
  forgetMs: 5_000,
  addresses: 10_000,
  waiting: 1024,
} as const;

/** Members of a queue group that a server tells another one of: more have no place in a line. */
export const MAX_WEIGHT = 999_999_999;
