// Compression of answers for requesters that accept it (the header Accept-Encoding, as in HTTP).
import { type Encoded, encodeContent } from "../server/content-encoding.js";

/** The payload as the requester's header block wants it; what is not known is sent as it is, and said so. */
export function encodeFor(requestHeaders: Buffer, payload: Buffer): Encoded {
  return encodeContent(header(requestHeaders, "accept-encoding"), payload);
}

function header(block: Buffer, name: string): string {
  for (const line of block.toString("latin1").split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return "";
}
