// Which server a new stream goes to: one that its placement allows, with room for what it reserves.
import { ApiError } from "../errors.js";
import { type Fields, field, readRequest } from "../fields.js";
import { STREAM_FIELDS, type StreamConfig } from "../streams/stream-config.js";
import type { Introduction } from "./peer.js";

const RESTORE: Fields = { config: field({ object: STREAM_FIELDS }) };

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
    // Of a restore the configuration is a part.
    const restored = readRequest<{ config?: StreamConfig }>(payload, RESTORE, false).config;
    const config = restored ?? readRequest<StreamConfig>(payload, STREAM_FIELDS, false);
    const { placement, mirror, sources = [], subjects = [], name } = config;
    const hasOwnName = name !== "" && subjects.length === 0 && mirror === undefined && sources.length === 0;
    return {
      cluster: placement?.cluster ?? "",
      tags: (placement?.tags ?? []).map((tag) => tag.toLowerCase()),
      isMemory: config.storage === "memory",
      maxBytes: Math.max(0, Number(config.max_bytes)),
      subjects: hasOwnName ? [name] : subjects,
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
