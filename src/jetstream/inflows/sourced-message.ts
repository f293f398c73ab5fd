// What a message that was sourced tells, by its header, of the one of the origin: where that stood, and what it was.
import { viewOf } from "../../protocol/words.js";
import { checksum } from "../store/checksum.js";
import type { StoredMessage } from "../store/store.js";
import { Header, headerNumber, MessageHeaders } from "../streams/publish-headers.js";
import type { OriginMessage } from "./origin-copy.js";
import { NO_IDENTITY } from "./origin-place.js";

export interface SourcedMessage {
  /** The origin as its inflow names it: name, filters and destinations. */
  readonly origin: string;
  /** Which incarnation of the origin it was. */
  readonly identity: string;
  /** The origin's sequence. */
  readonly sequence: number;
  /** Where it stands in the stream itself. */
  readonly at: number;
  /** Subject and payload, as `contentOf` gives it. */
  readonly content: string;
}

/** Undefined of a message that does not tell. */
export function sourcedMessage(stored: StoredMessage): SourcedMessage | undefined {
  if (stored.headerBytes === 0) return undefined;
  const value = MessageHeaders.in(stored.header.toString("latin1")).get(Header.streamSource);
  const [name, number, filter, destination, subject = "", identity = NO_IDENTITY] = value?.split(" ") ?? [];
  const sequence = headerNumber(number);
  if (sequence === undefined) return undefined;
  const origin = `${name} ${filter} ${destination}`;
  return { origin, identity, sequence, at: stored.sequence, content: contentOf(stored, subject) };
}

/** Tells messages apart that differ in their subjects (latin1) or payloads, but for one pair of four billions. */
export function contentOf({ body, start, headerBytes, end }: OriginMessage, subject: string): string {
  return `${checksum(viewOf(body), start + headerBytes, end)} ${subject}`;
}
