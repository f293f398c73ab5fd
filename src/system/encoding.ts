// Compression of answers for requesters that accept it (the header Accept-Encoding, as in HTTP).
import { gzipSync } from "node:zlib";
import { snappyFrames } from "../protocol/snappy-frames.js";

const NONE = Buffer.alloc(0);

export interface Encoded {
  /** Header block, empty for none. */
  readonly headers: Buffer;
  readonly payload: Uint8Array;
}

/** The payload as the requester's header block wants it; what is not known is sent as it is, and said so. */
export function encodeFor(requestHeaders: Buffer, payload: Buffer): Encoded {
  const accepted = header(requestHeaders, "accept-encoding").toLowerCase();
  if (accepted === "") return { headers: NONE, payload };
  if (/snappy|s2/.test(accepted)) return { headers: encoding("snappy"), payload: snappyFrames(payload) };
  if (accepted.includes("gzip")) return { headers: encoding("gzip"), payload: gzipSync(payload) };
  return { headers: encoding("identity"), payload };
}

function encoding(name: string): Buffer {
  return Buffer.from(`NATS/1.0\r\nContent-Encoding: ${name}\r\n\r\n`);
}

function header(block: Buffer, name: string): string {
  for (const line of block.toString("latin1").split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return "";
}
