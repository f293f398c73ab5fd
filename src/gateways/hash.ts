// Clusters and servers in the reply subjects that cross gateways: `_GR_.<cluster>.<server>.<reply subject>`
// (conformance/topology, WIRE.md 3.3).
import { serverHash } from "../server/server-hash.js";

const HASH_CHARS = 6;

export const WAY_PREFIX = "_GR_.";
/** Length of a whole way back: the prefix, two hashes, each with a dot behind it. */
export const WAY_CHARS = WAY_PREFIX.length + 2 * (HASH_CHARS + 1);

/** Of a cluster's name or a server's id. */
export function gatewayHash(name: string): string {
  return serverHash(name).slice(0, HASH_CHARS);
}

/** What leads an answer to a server of a cluster. */
export function wayBackTo(clusterHash: string, hashOfServer: string): string {
  return `${WAY_PREFIX}${clusterHash}.${hashOfServer}.`;
}

/** The two hashes of a subject that begins with a way back; undefined for every other subject. */
export function readWayBack(subject: string): { cluster: string; server: string } | undefined {
  if (!subject.startsWith(WAY_PREFIX) || subject.length <= WAY_CHARS) return undefined;
  const serverStart = WAY_PREFIX.length + HASH_CHARS + 1;
  if (subject[serverStart - 1] !== "." || subject[WAY_CHARS - 1] !== ".") return undefined;
  return {
    cluster: subject.slice(WAY_PREFIX.length, serverStart - 1),
    server: subject.slice(serverStart, WAY_CHARS - 1),
  };
}
