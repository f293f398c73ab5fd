// What a client publishes: the PUB and HPUB lines, the subject's mapping and permission, and the start of the message's path
// (https://docs.nats.io/reference/reference-protocols/nats-protocol#pub).
import type { Account } from "../../accounts/account.js";
import { Message } from "../../accounts/message.js";
import type { MessageTrace } from "../../accounts/message-trace.js";
import type { Subscription } from "../../accounts/subscription.js";
import { ErrorText, publishViolation, quoted, replyViolation } from "../../protocol/error-texts.js";
import { type Framer, STOP } from "../../protocol/framer.js";
import { MAX_ARGUMENTS, parseSize, splitArguments } from "../../protocol/verbs.js";
import { isValidLiteral } from "../../subjects/validity.js";
import { CloseReason } from "../close-reason.js";
import { mayBeTraced, sendTrace, startTrace } from "../message-trace.js";
import type { Interest } from "../router.js";
import { traceIn, tracePayload } from "../trace.js";
import { AckLine } from "./ack-line.js";
import type { ClientConnection } from "./client.js";
import { payloadLimit } from "./client-limits.js";
import { CachedSubject, SubjectCache } from "./subject-cache.js";

/** Replies that belong to service imports, gateways and JetStream; nobody may ask for an answer there. */
const RESERVED_REPLIES = ["_R_.", "_GR_.", "$GR.", "$JS.ACK."];
const GATEWAY_REPLIES = ["_GR_.", "$GR."];
const RAFT_SUBJECTS = "$NRG.";
const NO_BYTES = Buffer.alloc(0);
const UNDERSCORE = 95;
const DOLLAR = 36;
const CAPITAL_I = 73;

/** Where the arguments of the line being handled stand. The message path is synchronous: one array serves all. */
const ARGS = new Int32Array(2 * MAX_ARGUMENTS);

export class Publisher {
  private readonly client: ClientConnection;
  private readonly framer: Framer;
  private readonly message = new Message();
  private readonly cache = new SubjectCache();
  private readonly acks = new AckLine();
  private route: CachedSubject | undefined;
  // The only one who gets the acknowledgement of the last line; undefined for all other messages.
  private ackOf: Subscription | undefined;
  // Whether the last line was an acknowledgement, whose subject comes once.
  private isAck = false;
  // Where the size stands in the remembered PUB line, relative to its start, and its value.
  private repeatSize = 0;
  private repeatSizeStart = 0;
  private repeatSizeEnd = 0;

  constructor(client: ClientConnection, framer: Framer) {
    this.client = client;
    this.framer = framer;
  }

  /**
   * What was cached of subjects no longer holds (another account, other permissions or limits). A message that is just coming
   * in goes by what holds at its end.
   */
  forget(): void {
    this.cache.clear();
    this.acks.forget();
    this.framer.forget();
    if (this.route !== undefined) this.route.interestGeneration = -1;
  }

  /** A PUB or HPUB line whose arguments begin at `from`; answers like FrameHandler.line. */
  line(buffer: Buffer, start: number, from: number, end: number, headers: boolean): number {
    const { client, message } = this;
    this.isAck = false;
    if (buffer[from] === DOLLAR && !headers) {
      const ackSize = this.ackLine(buffer, from, end);
      if (ackSize >= 0) return ackSize;
    }
    const count = splitArguments(buffer, from, end, ARGS);
    const fixed = headers ? 3 : 2;
    if (client.hub.logger.traceOn) traceIn(client, headers ? "HPUB" : "PUB", buffer.toString("latin1", from, end));
    if (count !== fixed && count !== fixed + 1) {
      return client.failArguments(`${processing(headers)} Parse Error`, buffer, from, end);
    }
    const last = 2 * count - 2;
    const size = parseSize(buffer, ARGS[last], ARGS[last + 1]);
    if (size < 0) return client.failArguments(`${processing(headers)} Bad or Missing Size`, buffer, from, end);
    message.headerBytes = 0;
    if (headers) {
      const headerBytes = parseSize(buffer, ARGS[last - 2], ARGS[last - 1]);
      const fault = this.headerFault(headerBytes, size);
      if (fault !== undefined) return client.failArguments(`${processing(headers)} ${fault}`, buffer, from, end);
      message.headerBytes = headerBytes;
    }
    if (size > payloadLimit(client)) {
      if (message.headerBytes > 0) this.traceTooLarge(buffer, end, size);
      return this.payloadTooLarge(size);
    }
    message.line = buffer;
    message.replyStart = count > fixed ? ARGS[2] : 0;
    message.replyEnd = count > fixed ? ARGS[3] : 0;
    message.sizeStart = ARGS[last];
    message.sizeEnd = ARGS[last + 1];
    const route = this.isAck ? uncachedSubject(buffer, ARGS[0], ARGS[1]) : this.cache.find(buffer, ARGS[0], ARGS[1]);
    this.route = route;
    const malformed = client.connect.pedantic && !isValidLiteral(route.subject);
    if (malformed) client.sendError(ErrorText.invalidPublishSubject);
    if (malformed || count !== 2) {
      this.framer.forget();
      return size;
    }
    this.repeatSize = size;
    this.repeatSizeStart = message.sizeStart - start;
    this.repeatSizeEnd = message.sizeEnd - start;
    this.framer.remember(buffer, start, end);
    return size;
  }

  // The size of an acknowledgement that can go straight to its consumer; -1 for everything else.
  private ackLine(buffer: Buffer, from: number, end: number): number {
    const { client, acks } = this;
    const size = acks.read(buffer, from, end, this.message);
    this.isAck = size >= 0;
    if (size < 0) return -1;
    const subscription = acks.subscription(client.account as Account, client.permissions);
    const { pedantic, verbose } = client.connect;
    const isPlain = !pedantic && !verbose && !client.hub.logger.traceOn && size <= payloadLimit(client);
    if (subscription === undefined || !isPlain) return -1;
    this.ackOf = subscription;
    this.framer.forget();
    return size;
  }

  private headerFault(headerBytes: number, size: number): string | undefined {
    if (headerBytes < 0) return "Bad or Missing Header Size";
    if (headerBytes > size) return "Header Size larger than Total Size";
    return this.client.headers ? undefined : "without support of headers";
  }

  /** The remembered line again, at `start`. */
  repeatedLine(buffer: Buffer, start: number): number {
    const { client, message } = this;
    message.line = buffer;
    message.sizeStart = start + this.repeatSizeStart;
    message.sizeEnd = start + this.repeatSizeEnd;
    if (client.hub.logger.traceOn) traceIn(client, "PUB", `${this.route?.subject} ${this.repeatSize}`);
    return this.repeatSize;
  }

  /** Copies what the message refers to in its line, since the line's buffer goes. */
  keepLine(): void {
    // When the payload is there, somebody else may be interested in the acknowledgement.
    if (this.ackOf !== undefined) {
      this.ackOf = undefined;
      this.route = uncachedSubject(this.message.line, this.acks.start, this.acks.end);
    }
    this.message.keepLine();
  }

  /** The payload of the last line: the message is complete and goes its way. */
  payload(buffer: Buffer, start: number, end: number, owned: boolean): void {
    const { client, message, ackOf } = this;
    const account = client.account as Account;
    const route = this.route as CachedSubject;
    message.body = buffer;
    message.start = start;
    message.end = end;
    message.shared = owned;
    if (ackOf !== undefined) {
      this.ackOf = undefined;
      this.acknowledge(message, ackOf, account);
      return;
    }
    if (message.headerBytes > 0 && mayBeTraced(message)) this.handleTraced(message, route, account);
    else this.handle(message, route, account);
  }

  private handle(message: Message, route: CachedSubject, account: Account): void {
    const { client } = this;
    client.inMsgs++;
    client.inBytes += message.end - message.start;
    if (
      route.interestGeneration !== account.sublist.generation ||
      route.mappingGeneration !== account.mappingGeneration
    ) {
      this.resolve(route, account, message.trace);
    }
    if (client.hub.logger.traceOn) this.traceMessage(message, route);
    if (!route.allowed) {
      this.refuse(message, route.target);
      return;
    }
    const asksForReply = message.replyEnd > message.replyStart;
    if (asksForReply && this.asksForReservedReply(message)) return;
    if (client.connect.verbose) client.sendOk();
    message.subject = route.target;
    message.subjectBytes = route.targetBytes;
    const { router } = client.hub;
    const delivered =
      route.only === undefined
        ? router.deliver(route.interest as Interest, message, client)
        : router.deliverToOne(route.only, message, client);
    if (delivered === 0 && asksForReply && client.connect.noResponders) this.noResponders(message, account);
  }

  private acknowledge(message: Message, subscription: Subscription, account: Account): void {
    const { client, acks } = this;
    client.inMsgs++;
    client.inBytes += message.end - message.start;
    const asksForReply = message.replyEnd > message.replyStart;
    if (asksForReply && this.asksForReservedReply(message)) return;
    if (client.hub.router.acknowledge(subscription, acks.place, message)) return;
    if (!asksForReply || !client.connect.noResponders) return;
    message.subject = message.line.toString("latin1", acks.start, acks.end);
    this.noResponders(message, account);
  }

  private traceMessage(message: Message, { subject, target }: CachedSubject): void {
    if (target !== subject) traceIn(this.client, "MAPPING", `${subject} -> ${target}`);
    tracePayload(this.client, "<<-", message);
  }

  private refuse(message: Message, subject: string): void {
    const { client } = this;
    const violation = publishViolation(subject);
    client.sendError(violation);
    client.error(`Publish Violation - Subject ${quoted(subject)}`);
    message.trace?.refused(violation);
  }

  private handleTraced(message: Message, route: CachedSubject, account: Account): void {
    const started = this.startTrace(message, route, message.sizeBytes);
    if (started === undefined) return;
    const { trace } = started;
    // Its mapping belongs to the record.
    if (trace !== undefined) route.interestGeneration = -1;
    try {
      this.handle(started, route, account);
    } finally {
      message.trace = undefined;
    }
    if (trace !== undefined) sendTrace(this.client.hub, trace);
  }

  // A trace goes only where the client could publish it itself; a right to respond does not count.
  private startTrace(message: Message, route: CachedSubject, sizeBytes: number): Message | undefined {
    const { client } = this;
    const mayTraceTo = (destination: string): boolean => {
      if (this.isReserved(destination, client.account as Account)) return false;
      return client.permissions === undefined || client.permissions.forConnection().canPublish(destination);
    };
    return startTrace(client, message, { subject: route.subject, sizeBytes, mayTraceTo });
  }

  // Maps the subject, checks the permission and looks the interest up.
  private resolve(route: CachedSubject, account: Account, trace: MessageTrace | undefined): void {
    const { hub, permissions } = this.client;
    const { mappings } = account;
    route.interestGeneration = account.sublist.generation;
    route.mappingGeneration = account.mappingGeneration;
    if (mappings?.mayMap(route.subject)) {
      const { random } = hub.runtime;
      route.target = mappings.map(route.subject, () => random.float());
      route.targetBytes = Buffer.from(route.target, "latin1");
      if (!mappings.isFixed(route.subject)) route.interestGeneration = -1;
      if (route.target !== route.subject) trace?.mapped(route.target);
    } else if (route.target !== route.subject) {
      route.target = route.subject;
      route.targetBytes = route.bytes;
    }
    if (this.isReserved(route.target, account)) route.allowed = false;
    else if (permissions === undefined) route.allowed = true;
    else if (permissions.allowsResponses) {
      route.allowed = permissions.canPublish(route.target, hub.runtime.clock.monotonicMs());
      route.interestGeneration = -1;
    } else route.allowed = permissions.canPublish(route.target);
    const known = this.isAck && route.target === route.subject ? this.acks.interest(account) : undefined;
    route.interest = known ?? account.sublist.match(route.target);
    const { plain, queues } = route.interest;
    route.only = plain.length === 1 && queues.length === 0 ? plain[0] : undefined;
  }

  // Subjects of gateways and Raft groups are not for clients.
  private isReserved(subject: string, account: Account): boolean {
    if (GATEWAY_REPLIES.some((prefix) => subject.startsWith(prefix))) return true;
    return subject.startsWith(RAFT_SUBJECTS) && account !== this.client.hub.accounts.system;
  }

  private asksForReservedReply(message: Message): boolean {
    const first = message.line[message.replyStart];
    if (first !== UNDERSCORE && first !== DOLLAR) return false;
    // Nearly all are inboxes, which needs no text.
    if (message.line[message.replyStart + 1] === CAPITAL_I) return false;
    const { reply } = message;
    if (!RESERVED_REPLIES.some((prefix) => reply.startsWith(prefix))) return false;
    this.client.sendError(replyViolation(reply));
    message.trace?.refused(replyViolation(reply));
    return true;
  }

  // Tells the requester, under one of its own subscriptions, that nobody is there (ADR-47 calls it "no responders").
  private noResponders(message: Message, account: Account): void {
    const { client } = this;
    const { reply } = message;
    for (const own of account.sublist.match(reply).plain) {
      if (own.target !== client) continue;
      const headers = `NATS/1.0 503\r\nNats-Subject: ${account.withoutAlias(message.subject)}\r\n\r\n`;
      client.send(
        Buffer.from(`HMSG ${reply} ${own.sid} ${headers.length} ${headers.length}\r\n${headers}\r\n`, "latin1"),
      );
      return;
    }
  }

  // Its headers may have arrived with the line; they tell whether it is traced.
  private traceTooLarge(line: Buffer, end: number, sizeBytes: number): void {
    const rest = this.framer.following(line, end);
    const route = this.cache.find(line, ARGS[0], ARGS[1]);
    const message = Message.of(route.subject, "", rest.subarray(0, this.message.headerBytes), NO_BYTES);
    const trace = mayBeTraced(message) ? this.startTrace(message, route, sizeBytes)?.trace : undefined;
    if (trace === undefined) return;
    trace.refused("maximum payload exceeded");
    sendTrace(this.client.hub, trace);
  }

  private payloadTooLarge(size: number): typeof STOP {
    const { client } = this;
    client.error(`maximum payload exceeded: ${size} vs ${payloadLimit(client)}`);
    client.sendError(ErrorText.maximumPayload);
    client.close(CloseReason.maxPayloadExceeded);
    return STOP;
  }
}

function uncachedSubject(buffer: Buffer, start: number, end: number): CachedSubject {
  return new CachedSubject(Uint8Array.prototype.slice.call(buffer, start, end), 0);
}

// As nats-server's log lines name what has failed.
function processing(headers: boolean): string {
  return headers ? "processHeaderPub" : "processPub";
}
