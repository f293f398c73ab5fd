// Messages that arrive from another server: RMSG, HMSG and LMSG lines, their payload, and the start of their path here
// (conformance/topology, WIRE.md 2.4). What differs between routes, gateways and leaf links is in the receiver.
import type { Account } from "../../accounts/account.js";
import { ACK_PREFIX } from "../../accounts/ack-place.js";
import { Message } from "../../accounts/message.js";
import type { Framer, STOP } from "../../protocol/framer.js";
import { type PeerMessageForm, PeerMessageLine } from "../../protocol/peer-message-line.js";
import { startsWith } from "../../protocol/words.js";
import { BytesCache, type KnownByBytes } from "../clients/subject-cache.js";
import type { Interest } from "../router.js";
import type { GatewayReplies } from "./gateway-replies.js";

/** An account and a subject that messages arrive for, and what they led to the last time. */
export class PeerSubject implements KnownByBytes {
  /** The account's name, a blank and the subject; the subject alone on a link that is bound to one account. */
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly subject: string;
  readonly subjectBytes: Uint8Array;
  /** "" on a link that is bound to one account. */
  readonly accountName: string;
  /** The subject that it is delivered under: without the way back of an answer that ends at this server. */
  target: string;
  targetBytes: Uint8Array;
  account: Account | undefined;
  interest: Interest | undefined;
  interestGeneration = -1;
  allowed = true;

  constructor(bytes: Uint8Array, hash: number) {
    this.bytes = bytes;
    this.hash = hash;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const blank = text.search(/[ \t]/);
    this.accountName = text.slice(0, Math.max(blank, 0));
    this.subject = text.slice(blank + 1).trimStart();
    this.subjectBytes = bytes.subarray(bytes.length - this.subject.length);
    this.target = this.subject;
    this.targetBytes = this.subjectBytes;
  }
}

/** The connection that the messages arrive on. */
export interface PeerReceiver {
  /** The account that a message is for; undefined when it is not known here. */
  accountFor(name: string): Account | undefined;
  /** Whether messages of the subject may come in; asked again when interest has changed. */
  admits(subject: PeerSubject): boolean;
  /** A whole message has come; it may be changed and must not be kept. `origin` is "" for none. */
  receive(message: Message, subject: PeerSubject, origin: string): void;
  /** A whole message has come for an account that is not known here; other servers of the cluster may know it. */
  passOn?(message: Message, subject: PeerSubject): void;
  /** Undefined where there are no gateways. */
  readonly replies: GatewayReplies | undefined;
  /** Payload and headers may have this size. */
  readonly maxPayloadBytes: number;
  protocolError(text: string): typeof STOP;
  payloadTooLarge(sizeBytes: number): typeof STOP;
}

/** The subject of a stored message. */
class StoredSubject implements KnownByBytes {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly subject: string;

  constructor(bytes: Uint8Array, hash: number) {
    this.bytes = bytes;
    this.hash = hash;
    this.subject = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  }
}

class QueueList implements KnownByBytes {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly names: readonly string[];

  constructor(bytes: Uint8Array, hash: number) {
    this.bytes = bytes;
    this.hash = hash;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    this.names = text.split(/[ \t]+/);
  }
}

const DOLLAR = 0x24;
const DOT = 0x2e;
const AT = 0x40;
/** Of the subject of an acknowledgement. Behind them are numbers; streams, consumers and stored subjects may have an @ in them. */
const ACK_DOTS = 8;

const NO_QUEUES: readonly string[] = Object.freeze([]);
const NO_WAY_BACK = new Uint8Array(0);

export class PeerMessages {
  private readonly receiver: PeerReceiver;
  private readonly framer: Framer;
  private readonly parsed = new PeerMessageLine();
  private readonly message = new Message();
  private readonly subjects = new BytesCache((bytes, hash) => new PeerSubject(bytes, hash));
  private readonly storedSubjects = new BytesCache((bytes, hash) => new StoredSubject(bytes, hash));
  private readonly queueLists = new BytesCache((bytes, hash) => new QueueList(bytes, hash));
  private subject: PeerSubject | undefined;
  private origin = "";
  // Of the remembered line: its size, and where that stands relative to its start.
  private repeatSize = 0;
  private repeatSizeStart = 0;
  private repeatSizeEnd = 0;

  constructor(receiver: PeerReceiver, framer: Framer) {
    this.receiver = receiver;
    this.framer = framer;
  }

  /**
   * What was cached no longer holds: accounts have come or gone, or what may come in. A message that is just coming in goes by
   * what holds at its end.
   */
  forget(): void {
    this.subjects.clear();
    this.framer.forget();
    if (this.subject !== undefined) this.subject.interestGeneration = -1;
  }

  /** A line from `start` on whose arguments begin at `from`; answers like FrameHandler.line. */
  line(buffer: Buffer, start: number, from: number, end: number, form: PeerMessageForm): number {
    const { parsed, message, receiver } = this;
    if (!parsed.read(buffer, from, end, form)) {
      return receiver.protocolError(buffer.toString("latin1", start, Math.min(end, start + 64)));
    }
    const { sizeBytes } = parsed;
    if (sizeBytes > receiver.maxPayloadBytes) return receiver.payloadTooLarge(sizeBytes);
    this.subject = this.subjects.find(buffer, parsed.addressStart, parsed.subjectEnd);
    this.origin = form.origin ? buffer.toString("latin1", parsed.originStart, parsed.originEnd) : "";
    message.line = buffer;
    message.replyStart = parsed.replyStart;
    message.replyEnd = parsed.replyEnd;
    message.sizeStart = parsed.sizeStart;
    message.sizeEnd = parsed.sizeEnd;
    message.headerBytes = parsed.headerBytes;
    message.wayBack = NO_WAY_BACK;
    message.queues =
      parsed.queuesEnd > parsed.queuesStart
        ? this.queueLists.find(buffer, parsed.queuesStart, parsed.queuesEnd).names
        : NO_QUEUES;
    if (parsed.replyEnd > parsed.replyStart || form.origin || form.headers) {
      this.framer.forget();
      return sizeBytes;
    }
    this.repeatSize = sizeBytes;
    this.repeatSizeStart = parsed.sizeStart - start;
    this.repeatSizeEnd = parsed.sizeEnd - start;
    this.framer.remember(buffer, start, end);
    return sizeBytes;
  }

  /** The remembered line again, at `start`. */
  repeatedLine(buffer: Buffer, start: number): number {
    const { message } = this;
    message.line = buffer;
    message.sizeStart = start + this.repeatSizeStart;
    message.sizeEnd = start + this.repeatSizeEnd;
    return this.repeatSize;
  }

  /** Copies what the message refers to in its line, since the line's buffer goes. */
  keepLine(): void {
    this.message.keepLine();
  }

  /** The payload of the last line: the message is complete and goes its way. */
  payload(buffer: Buffer, start: number, end: number, owned: boolean): void {
    const { message, receiver } = this;
    const subject = this.subject as PeerSubject;
    message.body = buffer;
    message.start = start;
    message.end = end;
    message.shared = owned;
    message.trace = undefined;
    const generation = subject.account?.sublist.generation;
    if (generation === undefined || generation !== subject.interestGeneration) this.resolve(subject);
    message.subject = subject.target;
    message.subjectBytes = subject.targetBytes;
    message.deliveredTo = "";
    if (subject.account === undefined) receiver.passOn?.(message, subject);
    if (!subject.allowed || subject.account === undefined) return;
    if (message.replyEnd > message.replyStart) {
      receiver.replies?.arrived(subject.account, message);
      if (message.line[message.replyStart] === DOLLAR) this.takeStoredSubject();
    }
    receiver.receive(message, subject, this.origin);
  }

  // A consumer's message has crossed by the subject that it is delivered to; its own follows the reply.
  private takeStoredSubject(): void {
    const { message } = this;
    const { line, replyStart, replyEnd } = message;
    if (!startsWith(line, replyStart, replyEnd, ACK_PREFIX)) return;
    let at = replyStart;
    for (let dots = 0; at < replyEnd && (dots < ACK_DOTS || line[at] !== AT); at++) if (line[at] === DOT) dots++;
    if (at >= replyEnd - 1) return;
    const stored = this.storedSubjects.find(line, at + 1, replyEnd);
    message.deliveredTo = message.subject;
    message.subject = stored.subject;
    message.subjectBytes = stored.bytes;
    message.replyEnd = at;
  }

  private resolve(subject: PeerSubject): void {
    const { receiver } = this;
    subject.account = receiver.accountFor(subject.accountName);
    if (subject.account === undefined) return;
    const own = receiver.replies?.ownSubject(subject.subject);
    if (own !== undefined) {
      subject.target = own;
      subject.targetBytes = subject.subjectBytes.subarray(subject.subject.length - own.length);
    }
    subject.interestGeneration = subject.account.sublist.generation;
    subject.allowed = receiver.admits(subject);
    subject.interest = subject.account.sublist.match(subject.target);
  }
}
