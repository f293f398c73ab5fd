// The limits of routes that no option sets, with their units.

/** Connections that are kept until this server can introduce itself; more are closed. */
export const MAX_EARLY_ROUTES = 1_000;
/** Time for a connection to another server. */
export const ROUTE_DIAL_MS = 1_000;
/** Pause between attempts, what is added to it at random after a loss, and how far it grows with connect_backoff. */
export const ROUTE_RETRY_MS = 1_000;
export const ROUTE_RETRY_JITTER_MS = 100;
export const ROUTE_BACKOFF_LIMIT_MS = 30_000;
/** The pause before a server that was learned from others is tried again, for each failure so far. */
export const GOSSIP_RETRY_MS = 250;
/** Time in which the other side must have introduced itself. */
export const ROUTE_AUTH_MS = 2_000;
/** The longest time between pings. */
export const ROUTE_PING_MS = 30_000;
/** Interests that one server may announce; a server that announces more is not believed. */
export const MAX_PEER_INTEREST = 5_000_000;
/** Interests that are announced, or taken out, in one turn of the loop. */
export const INTEREST_PER_TURN = 1_000;
/** Servers that are connected or being dialled, beyond which gossip is passed over. */
export const MAX_PEERS = 1_000;
/** The most connections that another server may want in its pool. */
export const MAX_POOL_SIZE = 1_024;
/** Port of routes whose URL has none. */
export const DEFAULT_ROUTE_PORT = 6222;
