// PUB lines of acknowledgements: their subjects come once, as `$JS.ACK.<stream>.<consumer>.` and five numbers. What is in front
// of the numbers is looked up once, and they are read from the bytes (conformance/jetstream, FACTS "Ack reply subject and acks").
import type { Account } from "../../accounts/account.js";
import { ACK_PREFIX, type AckPlace } from "../../accounts/ack-place.js";
import type { Message } from "../../accounts/message.js";
import type { Subscription } from "../../accounts/subscription.js";
import type { Permissions } from "../../auth/permissions.js";
import { parseSize } from "../../protocol/verbs.js";
import { startsWith } from "../../protocol/words.js";
import type { Interest } from "../router.js";
import { BytesCache, type KnownByBytes } from "./subject-cache.js";

const DOT = 46;
const BLANK = 32;
const ZERO = 48;
/** Dots of a subject, and those up to its numbers: without and with domain and account. */
const SHORT_DOTS = 8;
const LONG_DOTS = 10;
const NUMBERS = 5;
/** Numbers with more digits are left to those who look at each. */
const MAX_DIGITS = 15;

/** What all subjects have in common that begin with the same bytes, the dot before the numbers included. */
class AckPrefix implements KnownByBytes {
  readonly bytes: Uint8Array;
  readonly hash: number;
  /** Latin1, without the dot. */
  readonly subject: string;
  /** Who gets all of them; undefined where that depends on the numbers. */
  interest: Interest | undefined;
  /** The only one who gets them, if it takes acknowledgements and this client may send all of them. */
  subscription: Subscription | undefined;
  interestGeneration = -1;
  mappingGeneration = -1;

  constructor(bytes: Uint8Array, hash: number) {
    this.bytes = bytes;
    this.hash = hash;
    this.subject = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 1).toString("latin1");
  }
}

/** The acknowledgements of one client. */
export class AckLine {
  /** Of the line that was read last. */
  readonly place: { -readonly [K in keyof AckPlace]: AckPlace[K] } = {
    deliveries: 0,
    streamSequence: 0,
    consumerSequence: 0,
  };
  /** Where its subject stands. */
  start = 0;
  end = 0;
  private readonly prefixes = new BytesCache((bytes, hash) => new AckPrefix(bytes, hash));
  private prefix: AckPrefix | undefined;
  // Where reading is.
  private at = 0;

  /** What was found no longer holds (another account, other permissions). */
  forget(): void {
    this.prefixes.clear();
    this.prefix = undefined;
  }

  /**
   * Reads a line whose arguments begin at `from` into the message, which gets no subject. Gives the size of its payload; -1
   * for a line that is of another kind or in need of a closer look.
   */
  read(buffer: Buffer, from: number, end: number, message: Message): number {
    if (!this.startsWithPrefix(buffer, from, end) && !this.findPrefix(buffer, from, end)) return -1;
    const { place } = this;
    place.deliveries = this.number(buffer, end);
    place.streamSequence = this.number(buffer, end);
    place.consumerSequence = this.number(buffer, end);
    if (!(place.deliveries > 0 && place.streamSequence > 0 && place.consumerSequence > 0)) return -1;
    if (!this.skipDigits(buffer, end, DOT) || !this.skipDigits(buffer, end, BLANK)) return -1;
    this.start = from;
    this.end = this.at - 1;
    const second = this.at;
    let last = second;
    while (last < end && buffer[last] !== BLANK) last++;
    const hasReply = last < end;
    if (last === second) return -1;
    message.line = buffer;
    message.replyStart = hasReply ? second : 0;
    message.replyEnd = hasReply ? last : 0;
    message.sizeStart = hasReply ? last + 1 : second;
    message.sizeEnd = end;
    message.headerBytes = 0;
    return parseSize(buffer, message.sizeStart, end);
  }

  /** Who alone gets what was read, and is to have it by `Router.acknowledge`; undefined where it takes the way of all messages. */
  subscription(account: Account, permissions: Permissions | undefined): Subscription | undefined {
    const prefix = this.prefix as AckPrefix;
    const { generation } = account.sublist;
    if (prefix.interestGeneration !== generation || prefix.mappingGeneration !== account.mappingGeneration) {
      resolve(prefix, account, permissions);
    }
    return prefix.subscription;
  }

  /** Who gets what was read, if that is known without a look at the numbers and nothing is mapped. */
  interest({ sublist, mappingGeneration }: Account): Interest | undefined {
    const { prefix } = this;
    if (prefix?.interestGeneration !== sublist.generation) return undefined;
    return prefix.mappingGeneration === mappingGeneration ? prefix.interest : undefined;
  }

  // Acknowledgements of one consumer tend to come together.
  private startsWithPrefix(buffer: Buffer, from: number, end: number): boolean {
    if (this.prefix === undefined) return false;
    const { bytes } = this.prefix;
    if (from + bytes.length >= end) return false;
    for (let i = bytes.length - 1; i >= 0; i--) if (buffer[from + i] !== bytes[i]) return false;
    this.at = from + bytes.length;
    return true;
  }

  private findPrefix(buffer: Buffer, from: number, end: number): boolean {
    if (!startsWith(buffer, from, end, ACK_PREFIX)) return false;
    let dots = 0;
    for (let at = from; at < end && buffer[at] !== BLANK; at++) if (buffer[at] === DOT) dots++;
    if (dots !== SHORT_DOTS && dots !== LONG_DOTS) return false;
    let at = from;
    for (let left = dots - NUMBERS + 1; left > 0; at++) if (buffer[at] === DOT) left--;
    this.prefix = this.prefixes.find(buffer, from, at);
    this.at = at;
    return true;
  }

  // A number that a dot follows; -1 for anything else.
  private number(buffer: Buffer, end: number): number {
    let value = 0;
    const from = this.at;
    let at = from;
    for (; at < end; at++) {
      const digit = buffer[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.at = at + 1;
    return at === from || at - from > MAX_DIGITS || at === end || buffer[at] !== DOT ? -1 : value;
  }

  private skipDigits(buffer: Buffer, end: number, follows: number): boolean {
    const from = this.at;
    let at = from;
    while (at < end && buffer[at] >= ZERO && buffer[at] <= ZERO + 9) at++;
    this.at = at + 1;
    return at > from && at < end && buffer[at] === follows;
  }
}

function resolve(prefix: AckPrefix, account: Account, permissions: Permissions | undefined): void {
  const { sublist, mappings, mappingGeneration } = account;
  const { subject } = prefix;
  prefix.interestGeneration = sublist.generation;
  prefix.mappingGeneration = mappingGeneration;
  prefix.subscription = undefined;
  const isMapped = mappings !== undefined && !mappings.leavesNumbered(subject);
  prefix.interest = isMapped ? undefined : sublist.matchNumbered(subject);
  if (prefix.interest === undefined) return;
  const { plain, queues } = prefix.interest;
  if (plain.length !== 1 || queues.length > 0 || plain[0].target.acknowledge === undefined) return;
  if (permissions === undefined || permissions.canPublishNumbered(subject)) prefix.subscription = plain[0];
}
