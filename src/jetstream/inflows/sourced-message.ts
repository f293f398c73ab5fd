// What a message that was sourced tells, by its header, of the one of the origin: where that stood, and what it was.
import { viewOf } from "../../protocol/words.js";
import { checksum } from "../store/checksum.js";
import type { StoredMessage } from "../store/store.js";
import { sourcedSum, sumIn } from "../streams/counters.js";
import { Header, headerNumber, MessageHeaders } from "../streams/publish-headers.js";
import type { OriginMessage } from "./origin-copy.js";
import { NO_IDENTITY } from "./origin-place.js";

/** What `sourceName` puts behind a stream's name. */
const READ_BY = /(:\w{8})?(:C=\w{8})?$/;

export interface SourcedMessage {
  /** The origin as its inflow names it: name, filters and destinations. */
  readonly origin: string;
  /** Which incarnation of the origin it was. */
  readonly identity: string;
  /** The origin's sequence. */
  readonly sequence: number;
  /** Where it stands in the stream itself. */
  readonly at: number;
  /** Subject and payload, as `contentOf` gives it, or subject and sum, as `countOf` does. */
  readonly content: string;
}

/** Undefined of a message that does not tell. */
export function sourcedMessage(stored: StoredMessage): SourcedMessage | undefined {
  if (stored.headerBytes === 0) return undefined;
  const headers = MessageHeaders.in(stored.header.toString("latin1"));
  const value = headers.get(Header.streamSource);
  const [name = "", number, filter, destination, subject = "", identity = NO_IDENTITY] = value?.split(" ") ?? [];
  const sequence = headerNumber(number);
  if (sequence === undefined) return undefined;
  const origin = `${name} ${filter} ${destination}`;
  const stream = name.replace(READ_BY, "");
  const sum = sourcedSum(headers, { stream: utf8Of(stream), subject: utf8Of(subject) });
  const content = sum === undefined ? contentOf(stored, subject) : `sum ${sum} ${subject}`;
  return { origin, identity, sequence, at: stored.sequence, content };
}

function utf8Of(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

/** Tells messages apart that differ in their subjects (latin1) or payloads, but for one pair of four billions. */
export function contentOf({ body, start, headerBytes, end }: OriginMessage, subject: string): string {
  return `${checksum(viewOf(body), start + headerBytes, end)} ${subject}`;
}

/** Tells a counter's messages apart; undefined of a message that is none. Of what is stored the payload is another sum. */
export function countOf({ body, start, headerBytes, end }: OriginMessage, subject: string): string | undefined {
  const sum = sumIn(body.subarray(start + headerBytes, end));
  return sum === undefined ? undefined : `sum ${sum} ${subject}`;
}
