// The limits of leaf links that no option sets, with their units.

/** Time in which the other side must have introduced itself and logged in. */
export const LEAF_AUTH_MS = 2_000;
/** Time that a hub over WebSocket, or a proxy on the way to it, has for its answer. */
export const WEBSOCKET_ANSWER_MS = 2_000;
/** A compressed WebSocket message of a leaf node that has not logged in yet, inflated. */
export const MAX_LOGIN_MESSAGE_BYTES = 64 * 1024;
/** Pause of a dialler after a loop, a violation of permissions, or a hub of the same cluster name. */
export const LOOP_PAUSE_MS = 30_000;
/** Pause after the hub has refused the version. */
export const VERSION_PAUSE_MS = 5_000;
/** Interests that one leaf link may announce. */
export const MAX_LEAF_INTEREST = 5_000_000;
/** Interests that are announced, or taken out, in one turn of the loop. */
export const INTEREST_PER_TURN = 5_000;
/** URLs of the hub that are remembered from what it tells. */
export const MAX_LEARNED_URLS = 1_000;
/** Port of remotes whose URL has none. */
export const DEFAULT_LEAF_PORT = 7422;
/** For so long the way back of a request from another cluster is kept for answers, and so many at a time. */
export const WAY_BACK_MS = 5_000;
export const MAX_WAYS_BACK = 100_000;
