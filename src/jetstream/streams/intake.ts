// What a stream is given, and what became of it.
import type { Message } from "../../accounts/message.js";
import type { Ticket } from "../store/store.js";
import type { Ttl } from "./publish-checks.js";
import type { MessageHeaders } from "./publish-headers.js";

/** A message that a stream takes, as its publisher wants it taken. */
export interface Intake {
  readonly message: Message;
  readonly headers: MessageHeaders;
  readonly ttl: Ttl | undefined;
  readonly rollup: "sub" | "all" | undefined;
  /** Whether it may be there after a crash only with all that was stored before: the last copy of an origin tells how far that was read. */
  readonly follows?: boolean;
}

/** What became of a message. */
export interface Stored {
  readonly sequence: number;
  readonly ticket: Ticket;
  readonly duplicate: boolean;
  /** The value of a counter. */
  readonly value?: string;
}
