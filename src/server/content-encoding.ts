// Compression of what the server itself publishes, for those who accept it (the header Accept-Encoding, as in HTTP).
import { gzipSync } from "node:zlib";
import { snappyStream } from "../protocol/s2-chunks.js";

const NONE = Buffer.alloc(0);

export interface Encoded {
  /** Header block, empty for none. */
  readonly headers: Buffer;
  readonly payload: Uint8Array;
}

/** The payload in one of the encodings named in `accepted` ("": as it is); when none is known it stays, and that is said. */
export function encodeContent(accepted: string, payload: Buffer): Encoded {
  if (accepted === "") return { headers: NONE, payload };
  const known = accepted.toLowerCase();
  if (/snappy|s2/.test(known)) return { headers: encoding("snappy"), payload: snappyStream(payload) };
  if (known.includes("gzip")) return { headers: encoding("gzip"), payload: gzipSync(payload) };
  return { headers: encoding("identity"), payload };
}

function encoding(name: string): Buffer {
  return Buffer.from(`NATS/1.0\r\nContent-Encoding: ${name}\r\n\r\n`);
}
