// Which servers of a super-cluster are nearest, for applications that choose where their clients connect.
import { type ClosestOptions, measureServers, type ServerDistance } from "../gateways/closest-servers.js";
import { nodeRuntime } from "../runtime/node/index.js";

/**
 * Measures how far servers are, from here, by connecting to each, and orders them: the nearest first, then those in lame duck
 * mode, then those that cannot be reached. Official clients take the URLs in this order, with their own shuffling turned
 * off (`noRandomize`). Logins in the URLs are only sent to servers that ask for one, and not where TLS is required.
 * @param urls `nats://host:port` and the like, of one or several clusters; default port 4222. Of `ws` and `wss` only
 * connecting is measured.
 * @throws {TypeError} a URL is none
 */
export async function closestServers(urls: readonly string[], options: ClosestOptions = {}): Promise<ServerDistance[]> {
  return measureServers(urls, nodeRuntime(), options);
}
