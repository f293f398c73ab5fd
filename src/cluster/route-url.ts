// The URL of another server's cluster listener: nats-route://[user[:password]@]host[:port]
import { type PeerUrl, parsePeerUrl } from "../server/peers/peer-url.js";
import { DEFAULT_ROUTE_PORT } from "./limits.js";

export type RouteUrl = PeerUrl;

/** Reads a URL; undefined when it is none. */
export const parseRouteUrl = (text: string): RouteUrl | undefined => parsePeerUrl(text, DEFAULT_ROUTE_PORT);
