// The limits of gateways that no option sets, with their units.

/** From the start of the server to the first attempts. */
export const FIRST_DIAL_MS = 1_000;
/** Time for a connection to another cluster. */
export const GATEWAY_DIAL_MS = 1_000;
/** Pause between attempts, what is added to it at random after a loss, and how far it grows with connect_backoff. */
export const GATEWAY_RETRY_MS = 1_000;
export const GATEWAY_RETRY_JITTER_MS = 100;
export const GATEWAY_BACKOFF_LIMIT_MS = 30_000;
/** Time in which the other side must have introduced itself. */
export const GATEWAY_AUTH_MS = 2_000;
/** The longest time between pings. */
export const GATEWAY_PING_MS = 15_000;
/** Port of gateways whose URL has none. */
export const DEFAULT_GATEWAY_PORT = 7222;
/** Interests that one cluster may announce; a cluster that announces more is not believed. */
export const MAX_GATEWAY_INTEREST = 5_000_000;
/** Interests that are announced, or taken out, in one turn of the loop. */
export const INTEREST_PER_TURN = 5_000;
/** Clusters, and URLs of one cluster, that are remembered from what others tell. */
export const MAX_CLUSTERS = 1_000;
export const MAX_URLS = 1_000;
/** Subjects of an account that an old server has said it does not want; beyond, the oldest is tried again. */
export const MAX_UNWANTED = 10_000;
/** For so long after a subscription is made, other clusters may not know of it, and answers to it are led back. */
export const RECENT_SUBSCRIPTION_MS = 2_000;
/** For so long the way back of a request is kept; by then the other cluster's interest has come. */
export const WAY_BACK_MS = 5_000;
/** Ways back that are kept at a time; beyond, the oldest is given up. */
export const MAX_WAYS_BACK = 100_000;
