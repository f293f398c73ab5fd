// Which server a new stream goes to: one that its placement allows, with room for what it reserves.
import { ApiError } from "./errors.js";
import type { Introduction } from "./peer.js";

/** A server that could take a stream. */
export interface Site extends Introduction {
  readonly id: string;
  readonly name: string;
  readonly cluster: string;
}

/** What decides of a stream that is to be made. */
export interface NewStream {
  /** "" for none. */
  readonly cluster: string;
  readonly tags: readonly string[];
  readonly isMemory: boolean;
  /** Bytes that it reserves; 0 for none. */
  readonly maxBytes: number;
  /** By default its name. */
  readonly subjects: readonly string[];
}

/** Reads a request to make or restore a stream; undefined for one that makes no sense, which any server refuses. */
export function readNewStream(payload: Buffer): NewStream | undefined {
  try {
    const request = JSON.parse(payload.toString("utf8")) as Record<string, unknown>;
    const config = (typeof request["config"] === "object" && request["config"]) || request;
    const { placement, storage, max_bytes: bytes, subjects, name } = config as Record<string, unknown>;
    const { cluster = "", tags = [] } = (placement ?? {}) as { cluster?: string; tags?: string[] };
    const maxBytes = typeof bytes === "number" && bytes > 0 ? bytes : 0;
    return {
      cluster,
      tags: tags.map((tag) => tag.toLowerCase()),
      isMemory: storage === "memory",
      maxBytes,
      subjects:
        Array.isArray(subjects) && subjects.length > 0 ? subjects.map(String) : typeof name === "string" ? [name] : [],
    };
  } catch {
    return undefined;
  }
}

/**
 * Chooses a server: the one that the client is connected to, if that can take the stream; otherwise the one with the
 * fewest streams, in the client's cluster before others. Throws ApiError 10005.
 * @param entry the id of the server that the client is connected to
 */
export function siteFor(wanted: NewStream, entry: string, sites: readonly Site[]): Site {
  const own = sites.find(({ id }) => id === entry);
  const inCluster = sites.filter(({ cluster }) => wanted.cluster === "" || cluster === wanted.cluster);
  if (inCluster.length === 0) throw new ApiError("noSuitablePeers", { why: "" });
  const tagged = inCluster.filter(({ tags }) => wanted.tags.every((tag) => tags.includes(tag)));
  if (tagged.length === 0) {
    const missing = wanted.tags.map((tag) => `'${tag}'`).join(", ");
    throw new ApiError("noSuitablePeers", { why: `, tags not matched [${missing}]` });
  }
  const roomy = tagged.filter(({ memory, file }) => wanted.maxBytes <= (wanted.isMemory ? memory : file));
  if (roomy.length === 0) throw new ApiError("noSuitablePeers", { why: ", insufficient storage" });
  const here = roomy.find(({ id }) => id === entry);
  if (here !== undefined) return here;
  const isFar = ({ cluster }: Site): number => Number(own !== undefined && cluster !== own.cluster);
  return roomy.sort((a, b) => isFar(a) - isFar(b) || a.streams - b.streams || (a.name < b.name ? -1 : 1))[0];
}
