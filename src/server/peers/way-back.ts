// The way back to another cluster, as it stands in front of subjects between servers: `_GR_.<cluster>.<server>.`, with the hashes
// of the cluster's name and of the id of the server that asks (conformance/topology, WIRE.md 3.3).
import type { Message } from "../../accounts/message.js";
import { hashName } from "../server-hash.js";

const HASH_CHARS = 6;
const UNDERSCORE = 95;

export const WAY_PREFIX = "_GR_.";
/** Length of a whole way back: the prefix, two hashes, each with a dot behind it. */
export const WAY_CHARS = WAY_PREFIX.length + 2 * (HASH_CHARS + 1);

/** The two hashes of a way back. */
export interface WayBack {
  readonly cluster: string;
  readonly server: string;
}

/** Of a cluster's name or a server's id. */
export function gatewayHash(name: string): string {
  return hashName(name).slice(0, HASH_CHARS);
}

/** What leads an answer to a server of a cluster. */
export function wayBackTo({ cluster, server }: WayBack): string {
  return `${WAY_PREFIX}${cluster}.${server}.`;
}

/** The way back that a subject begins with; undefined for every other subject. */
export function readWayBack(subject: string): WayBack | undefined {
  if (!subject.startsWith(WAY_PREFIX) || subject.length <= WAY_CHARS) return undefined;
  const serverStart = WAY_PREFIX.length + HASH_CHARS + 1;
  if (subject[serverStart - 1] !== "." || subject[WAY_CHARS - 1] !== ".") return undefined;
  const cluster = subject.slice(WAY_PREFIX.length, serverStart - 1);
  return { cluster, server: subject.slice(serverStart, WAY_CHARS - 1) };
}

/** Moves the way back from a message's reply subject to its `wayBack`, and returns what it says; undefined if there is none. */
export function takeWayBack(message: Message): WayBack | undefined {
  const { line, replyStart, replyEnd } = message;
  if (line[replyStart] !== UNDERSCORE || replyEnd - replyStart <= WAY_CHARS) return undefined;
  for (let i = 0; i < WAY_PREFIX.length; i++) if (line[replyStart + i] !== WAY_PREFIX.charCodeAt(i)) return undefined;
  const way = readWayBack(message.reply);
  if (way === undefined) return undefined;
  message.wayBack = line.subarray(replyStart, replyStart + WAY_CHARS);
  message.replyStart = replyStart + WAY_CHARS;
  return way;
}
