// A client's connection: the operations of the client protocol, and delivery of messages to the client
// (https://docs.nats.io/reference/reference-protocols/nats-protocol; conformance/wire, FACTS).
import type { Account } from "../accounts/account.js";
import { Message } from "../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../accounts/subscription.js";
import type { Admission } from "../auth/authenticator.js";
import type { Permissions } from "../auth/permissions.js";
import { type ConnectOptions, defaultConnectOptions, mergeConnect } from "../protocol/connect.js";
import {
  ErrorText,
  publishViolation,
  quoted,
  replyViolation,
  subscribeViolation,
  tooManyTokens,
} from "../protocol/error-texts.js";
import { type FrameHandler, Framer, NO_PAYLOAD, STOP } from "../protocol/framer.js";
import { infoLine } from "../protocol/info.js";
import { argumentsStart, MAX_ARGUMENTS, parseSize, splitArguments, Verb, verbOf } from "../protocol/verbs.js";
import type { Timer } from "../runtime/clock.js";
import type { Transport } from "../runtime/network.js";
import { isValidLiteral, isValidSubject, tokenCount } from "../subjects/validity.js";
import { CloseReason } from "./close-reason.js";
import { Connection } from "./connection.js";
import type { Hub } from "./hub.js";
import {
  EARLY_FLUSH_BYTES,
  HELD_INPUT_BYTES,
  LARGE_CHUNK_BYTES,
  REFERENCED_PAYLOAD_BYTES,
  STALL_PENDING_BYTES,
  STALL_SHARE_OF_PENDING,
} from "./limits.js";
import { type CachedSubject, SubjectCache } from "./subject-cache.js";
import { traceConnect, tracePayload } from "./trace.js";

const OK = Buffer.from("+OK\r\n");
const PONG = Buffer.from("PONG\r\n");
/** Payloads up to this size are copied byte by byte, which is faster than a call. */
const COPIED_BY_LOOP_BYTES = 64;
/** The digits of two sizes and the separators of a MSG or HMSG line. */
const LINE_EXTRA_BYTES = 40;
/** Queue group that only the server's own subscriptions may use. */
const SYSTEM_QUEUE = "_sys_";
/** Replies that belong to service imports, gateways and JetStream; nobody may ask for an answer there. */
const RESERVED_REPLIES = ["_R_.", "_GR_.", "$JS.ACK."];

/** Where the arguments of the line being handled stand. The message path is synchronous: one array serves all. */
const ARGS = new Int32Array(2 * MAX_ARGUMENTS);

export class ClientConnection extends Connection implements FrameHandler, DeliveryTarget {
  readonly connect: ConnectOptions = defaultConnectOptions();
  readonly subscriptions = new Map<string, Subscription>();
  /** The nonce that INFO offered for signing; "" when none was. */
  readonly nonce: string;
  /** Undefined until the client is let in. */
  account: Account | undefined;
  admission: Admission | undefined;
  permissions: Permissions | undefined;
  /** Whether a CONNECT was handled. */
  connected = false;
  /** Whether messages it published come back to its own subscriptions. */
  echo = true;
  headers = false;
  protected readonly framer: Framer;
  private readonly message = new Message();
  private readonly cache = new SubjectCache();
  private route: CachedSubject | undefined;
  // Offsets of reply and size in the remembered PUB line, relative to its start.
  private repeatSize = 0;
  private repeatSizeStart = 0;
  private repeatSizeEnd = 0;
  private authTimer: Timer | undefined;
  private secondInfoDue = false;
  private receiveChecked = false;
  private flushAtBytes: number;

  constructor(id: number, hub: Hub, transport: Transport, nonce: string) {
    super(id, hub, transport);
    this.nonce = nonce;
    this.framer = new Framer(this);
    this.flushAtBytes = Math.min(EARLY_FLUSH_BYTES, hub.options.maxPendingBytes);
  }

  /** Greets the client and starts its timers. */
  open(): void {
    const { hub } = this;
    this.send(infoLine(hub.infoFor(this), true));
    if (hub.logger.debugOn) hub.logger.debug(`${this.label} - Client connection created`);
    if (hub.authenticator.required) {
      this.authTimer = hub.runtime.clock.after(hub.options.authorization.timeoutMs, () => {
        this.refuse(ErrorText.authenticationTimeout, CloseReason.authenticationTimeout);
      });
    } else this.bind(hub.accounts.global, undefined);
    this.startPings();
    this.transport.start(this);
  }

  /** Answers with an error instead of INFO and closes; for a client that is never served. */
  turnAway(text: string): void {
    this.transport.start(this);
    this.sendError(text);
    this.close(CloseReason.maxConnectionsExceeded);
  }

  /** As it stands in log lines. */
  get label(): string {
    const { remoteAddress, remotePort } = this.transport;
    const host = remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress;
    return `${host}:${remotePort} - cid:${this.id}`;
  }

  /** Sends an -ERR line; the connection goes on. */
  sendError(text: string): void {
    if (this.hub.logger.traceOn) this.hub.logger.trace(`${this.label} - ->> [-ERR ${text}]`);
    this.sendText(`-ERR '${text}'\r\n`);
  }

  /** Sends INFO again, with what has changed; only to clients that understand it. */
  sendInfo(): void {
    if (this.connected && this.connect.protocol >= 1) this.send(infoLine(this.hub.infoFor(this), false));
  }

  // ---------------------------------------------------------------- lines

  line(buffer: Buffer, start: number, end: number): number {
    // PUB in one glance, since nearly every line is one.
    if (
      (buffer[start] | 0x20) === 0x70 &&
      (buffer[start + 1] | 0x20) === 0x75 &&
      (buffer[start + 2] | 0x20) === 0x62 &&
      end - start > 3 &&
      (buffer[start + 3] === 32 || buffer[start + 3] === 9)
    ) {
      return this.publishLine(buffer, start, argumentsStart(Verb.pub, buffer, start, end), end, false);
    }
    const verb = verbOf(buffer, start, end, true);
    if (!this.mayDo(verb)) return STOP;
    const from = argumentsStart(verb, buffer, start, end);
    if (end - from > this.hub.options.maxControlLineBytes && takesArguments(verb)) return this.controlLineTooLong();
    switch (verb) {
      case Verb.hpub:
        return this.publishLine(buffer, start, from, end, true);
      case Verb.sub:
        return this.subscribe(buffer, from, end);
      case Verb.unsub:
        return this.unsubscribe(buffer, from, end);
      case Verb.ping:
        this.handlePing();
        return this.closed ? STOP : NO_PAYLOAD;
      case Verb.pong:
        this.traceIn("PONG", "");
        this.pong();
        return NO_PAYLOAD;
      case Verb.connect:
        return this.handleConnect(buffer.toString("utf8", from, end));
      case Verb.info:
        return isJson(buffer.toString("utf8", from, end)) ? NO_PAYLOAD : this.fail();
      case Verb.ok:
        return NO_PAYLOAD;
      case Verb.err:
        return this.fail();
      default:
        return this.unknownOperation(buffer, start, end);
    }
  }

  beginning(buffer: Buffer, start: number, end: number): boolean {
    const verb = verbOf(buffer, start, end, false);
    if (verb === Verb.incomplete) return this.connected || this.mayDo(buffer[start] === 67 || buffer[start] === 99 ? Verb.connect : verb);
    if (!this.mayDo(verb)) return false;
    if (verb === Verb.unknown) {
      this.unknownOperation(buffer, start, end);
      return false;
    }
    const argumentBytes = end - argumentsStart(verb, buffer, start, end) - (buffer[end - 1] === 13 ? 1 : 0);
    if (argumentBytes > this.hub.options.maxControlLineBytes) {
      this.controlLineTooLong();
      return false;
    }
    return true;
  }

  unterminated(): void {
    this.parseError("no CR LF after the payload");
  }

  private unknownOperation(buffer: Buffer, start: number, end: number): typeof STOP {
    return this.parseError(buffer.toString("latin1", start, Math.min(end, start + 32)));
  }

  private parseError(seen: string): typeof STOP {
    this.hub.logger.error(`${this.label} - Client parser ERROR, proto=${quoted(seen)}`);
    this.sendError(ErrorText.unknownOperation);
    this.close(CloseReason.parseError);
    return STOP;
  }

  // Closes without a word, as the reference does for wrong arguments.
  private fail(): typeof STOP {
    this.close(CloseReason.protocolViolation);
    return STOP;
  }

  private controlLineTooLong(): typeof STOP {
    this.sendError(ErrorText.maximumControlLine);
    this.close(CloseReason.maxControlLineExceeded);
    return STOP;
  }

  private refuse(text: string, reason: CloseReason): typeof STOP {
    this.hub.logger.error(`${this.label} - ${text}`);
    this.sendError(text);
    this.hub.refused(this);
    this.close(reason);
    return STOP;
  }

  // Where a login is required, CONNECT comes first; `no_auth_user` lets others in without.
  private mayDo(verb: Verb): boolean {
    if (this.account !== undefined || verb === Verb.connect || verb === Verb.incomplete) return true;
    const admission = this.hub.authenticator.authenticate({}, this.origin());
    if (this.hub.options.noAuthUser !== undefined && admission !== undefined && !(admission instanceof Promise)) {
      this.authTimer?.cancel();
      this.bind(admission.account, admission);
      return true;
    }
    this.refuse(ErrorText.authorization, CloseReason.authenticationViolation);
    return false;
  }

  // ---------------------------------------------------------------- CONNECT, PING

  private handleConnect(json: string): number {
    this.traceIn("CONNECT", traceConnect(json));
    this.authTimer?.cancel();
    this.authTimer = undefined;
    if (!mergeConnect(json, this.connect)) return this.fail();
    const again = this.connected;
    this.connected = true;
    this.echo = this.connect.echo;
    this.headers = this.connect.headers && !this.hub.options.noHeaderSupport;
    if (again) this.dropSubscriptions();
    const { user, pass, authToken, nkey, sig, jwt } = this.connect;
    const admission = this.hub.authenticator.authenticate({ user, pass, authToken, nkey, sig, jwt }, this.origin());
    if (!(admission instanceof Promise)) return this.admit(admission);
    this.framer.hold();
    admission.then(
      (decided) => {
        if (this.closed) return;
        this.admit(decided);
        if (!this.closed) this.framer.release();
      },
      (error: unknown) => {
        this.hub.logger.error(`${this.label} - authentication failed: ${String(error)}`);
        if (!this.closed) this.admit(undefined);
      },
    );
    return NO_PAYLOAD;
  }

  private admit(admission: Admission | undefined): number {
    const { connect } = this;
    if (admission === undefined || connect.account !== "" || connect.newAccount) {
      return this.refuse(ErrorText.authorization, CloseReason.authenticationViolation);
    }
    const { maxConnections } = admission.account.limits;
    const others = admission.account.connections - (this.account === admission.account ? 1 : 0);
    if (maxConnections >= 0 && others >= maxConnections) {
      return this.refuse(ErrorText.maximumAccountConnections, CloseReason.maxAccountConnectionsExceeded);
    }
    if (connect.protocol < 0 || connect.protocol > 1) {
      this.sendError(ErrorText.invalidClientProtocol);
      this.close(CloseReason.badClientProtocolVersion);
      return STOP;
    }
    if (connect.noResponders && !this.headers) {
      this.sendError(ErrorText.noRespondersRequiresHeaders);
      this.close(CloseReason.noRespondersRequiresHeaders);
      return STOP;
    }
    this.bind(admission.account, admission);
    this.startPings();
    this.secondInfoDue = connect.protocol >= 1;
    this.hub.admitted(this);
    if (connect.verbose) this.send(OK);
    return NO_PAYLOAD;
  }

  /** Puts the client into an account; its subscriptions must have been dropped before it changes. */
  bind(account: Account, admission: Admission | undefined): void {
    if (this.account !== account) {
      this.settleStats();
      this.account?.removeClient();
      account.addClient();
    }
    this.account = account;
    this.admission = admission;
    this.setPermissions(admission?.permissions);
  }

  /** Takes new permissions at once; subscriptions that are no longer allowed are the caller's to drop. */
  setPermissions(permissions: Permissions | undefined): void {
    this.permissions = permissions;
    this.receiveChecked = permissions?.deniesDelivery === true;
    this.forgetRoutes();
  }

  /** What was cached of subjects no longer holds (permissions, limits or mappings changed). */
  forgetRoutes(): void {
    this.cache.clear();
    this.framer.forget();
    this.route = undefined;
  }

  private origin(): Parameters<Hub["authenticator"]["authenticate"]>[1] {
    const { remoteAddress, inProcess } = this.transport;
    return { type: inProcess ? "IN_PROCESS" : "STANDARD", nonce: this.nonce, remoteAddress, inProcess };
  }

  private handlePing(): void {
    this.traceIn("PING", "");
    this.send(PONG);
    this.traceOut("PONG", "");
    if (this.secondInfoDue) {
      this.secondInfoDue = false;
      this.send(infoLine({ ...this.hub.infoFor(this), connect_info: true }, false));
    }
  }

  // ---------------------------------------------------------------- PUB, HPUB

  private publishLine(buffer: Buffer, start: number, from: number, end: number, headers: boolean): number {
    if (this.account === undefined && !this.mayDo(Verb.pub)) return STOP;
    const { options } = this.hub;
    if (end - from > options.maxControlLineBytes) return this.controlLineTooLong();
    const count = splitArguments(buffer, from, end, ARGS);
    const fixed = headers ? 3 : 2;
    if (count !== fixed && count !== fixed + 1) return this.fail();
    const last = 2 * count - 2;
    const size = parseSize(buffer, ARGS[last], ARGS[last + 1]);
    if (size < 0) return this.fail();
    const message = this.message;
    message.headerBytes = 0;
    if (headers) {
      const headerBytes = parseSize(buffer, ARGS[last - 2], ARGS[last - 1]);
      if (headerBytes < 0 || headerBytes > size || !this.headers) return this.fail();
      message.headerBytes = headerBytes;
    }
    if (size > this.maxPayloadBytes()) return this.payloadTooLarge(size);
    if (this.hub.logger.traceOn) this.traceIn(headers ? "HPUB" : "PUB", buffer.toString("latin1", from, end));
    message.line = buffer;
    if (count > fixed) {
      message.replyStart = ARGS[2];
      message.replyEnd = ARGS[3];
    } else message.replyStart = message.replyEnd = 0;
    message.sizeStart = ARGS[last];
    message.sizeEnd = ARGS[last + 1];
    const route = this.cache.find(buffer, ARGS[0], ARGS[1]);
    this.route = route;
    if (this.connect.pedantic && this.connected && !isValidLiteral(route.subject)) this.sendError(ErrorText.invalidPublishSubject);
    else if (count === 2) {
      this.repeatSize = size;
      this.repeatSizeStart = message.sizeStart - start;
      this.repeatSizeEnd = message.sizeEnd - start;
      this.framer.remember(buffer, start, end);
      return size;
    }
    this.framer.forget();
    return size;
  }

  repeatedLine(buffer: Buffer, start: number): number {
    const message = this.message;
    message.line = buffer;
    message.sizeStart = start + this.repeatSizeStart;
    message.sizeEnd = start + this.repeatSizeEnd;
    if (this.hub.logger.traceOn) this.traceIn("PUB", `${this.route?.subject} ${this.repeatSize}`);
    return this.repeatSize;
  }

  keepLine(): void {
    const message = this.message;
    const kept = Buffer.allocUnsafeSlow(message.replyEnd - message.replyStart + message.sizeEnd - message.sizeStart);
    kept.set(message.line.subarray(message.replyStart, message.replyEnd), 0);
    const replyBytes = message.replyEnd - message.replyStart;
    kept.set(message.line.subarray(message.sizeStart, message.sizeEnd), replyBytes);
    message.line = kept;
    message.replyStart = 0;
    message.replyEnd = replyBytes;
    message.sizeStart = replyBytes;
    message.sizeEnd = kept.length;
  }

  payload(buffer: Buffer, start: number, end: number, owned: boolean): void {
    const message = this.message;
    const account = this.account as Account;
    const route = this.route as CachedSubject;
    message.body = buffer;
    message.start = start;
    message.end = end;
    message.shared = owned;
    this.inMsgs++;
    this.inBytes += end - start;
    if (this.hub.logger.traceOn) tracePayload(this, "<<-", message);
    if (this.connect.verbose) this.send(OK);
    if (route.interestGeneration !== account.sublist.generation || route.mappingGeneration !== account.mappingGeneration) {
      this.resolve(route, account);
    }
    if (!route.allowed) {
      this.publishViolation(route.target);
      return;
    }
    if (message.replyEnd > message.replyStart && !this.noteReply(message)) return;
    message.subject = route.target;
    message.subjectBytes = route.targetBytes;
    const interest = route.interest as NonNullable<typeof route.interest>;
    const delivered = this.hub.router.deliver(interest, message, this);
    if (delivered === 0 && message.replyEnd > message.replyStart && this.connect.noResponders) this.noResponders(message, account);
  }

  // Maps the subject, checks the permission and looks the interest up.
  private resolve(route: CachedSubject, account: Account): void {
    const { mappings } = account;
    const { permissions } = this;
    route.interestGeneration = account.sublist.generation;
    route.mappingGeneration = account.mappingGeneration;
    if (mappings !== undefined && mappings.mayMap(route.subject)) {
      const { random } = this.hub.runtime;
      route.target = mappings.map(route.subject, () => random.float());
      route.targetBytes = Buffer.from(route.target, "latin1");
      route.interestGeneration = -1;
    } else if (route.target !== route.subject) {
      route.target = route.subject;
      route.targetBytes = route.bytes;
    }
    route.allowed = permissions === undefined || permissions.canPublish(route.target);
    if (permissions?.allowsResponses === true) route.interestGeneration = -1;
    route.interest = account.sublist.match(route.target);
  }

  private publishViolation(subject: string): void {
    const text = publishViolation(subject);
    this.hub.logger.error(`${this.label} - Publish Violation - Subject ${quoted(subject)}`);
    this.sendError(text);
  }

  // Refuses replies that belong to the server.
  private noteReply(message: Message): boolean {
    const first = message.line[message.replyStart];
    if (first !== 95 && first !== 36) return true;
    const { reply } = message;
    if (!RESERVED_REPLIES.some((prefix) => reply.startsWith(prefix))) return true;
    this.sendError(replyViolation(reply));
    return false;
  }

  private noResponders(message: Message, account: Account): void {
    const { reply } = message;
    for (const own of account.sublist.match(reply).plain) {
      if (own.target !== this) continue;
      const headers = `NATS/1.0 503\r\nNats-Subject: ${message.subject}\r\n\r\n`;
      this.send(Buffer.from(`HMSG ${reply} ${own.sid} ${headers.length} ${headers.length}\r\n${headers}\r\n`, "latin1"));
      return;
    }
  }

  private maxPayloadBytes(): number {
    const own = this.account?.limits.maxPayloadBytes ?? -1;
    const { maxPayloadBytes } = this.hub.options;
    return own >= 0 && own < maxPayloadBytes ? own : maxPayloadBytes;
  }

  private payloadTooLarge(size: number): typeof STOP {
    this.hub.logger.error(`${this.label} - maximum payload exceeded: ${size} vs ${this.maxPayloadBytes()}`);
    this.sendError(ErrorText.maximumPayload);
    this.close(CloseReason.maxPayloadExceeded);
    return STOP;
  }

  // ---------------------------------------------------------------- SUB, UNSUB

  private subscribe(buffer: Buffer, from: number, end: number): number {
    this.traceIn("SUB", buffer.toString("latin1", from, end));
    const count = splitArguments(buffer, from, end, ARGS);
    if (count !== 2 && count !== 3) return this.fail();
    const subject = buffer.toString("latin1", ARGS[0], ARGS[1]);
    const queue = count === 3 ? buffer.toString("latin1", ARGS[2], ARGS[3]) : undefined;
    const sid = buffer.toString("latin1", ARGS[2 * count - 2], ARGS[2 * count - 1]);
    const account = this.account as Account;
    const { options } = this.hub;
    if (queue === SYSTEM_QUEUE || (this.permissions !== undefined && !this.permissions.canSubscribe(subject, queue))) {
      this.hub.logger.error(`${this.label} - Subscription Violation - Subject ${quoted(subject)}, SID ${sid}`);
      this.sendError(subscribeViolation(subject, queue));
      return NO_PAYLOAD;
    }
    if (options.maxSubTokens > 0 && tokenCount(subject) > options.maxSubTokens) {
      this.sendError(tooManyTokens(subject));
      return NO_PAYLOAD;
    }
    if (this.atSubscriptionLimit(account)) {
      this.sendError(ErrorText.maximumSubscriptions);
      return NO_PAYLOAD;
    }
    if (!this.subscriptions.has(sid)) {
      if (!isValidSubject(subject)) {
        this.sendError(ErrorText.invalidSubject);
        return NO_PAYLOAD;
      }
      const subscription = new Subscription(subject, queue, sid, this);
      this.subscriptions.set(sid, subscription);
      account.subscribe(subscription);
    }
    if (this.connect.verbose) this.send(OK);
    return NO_PAYLOAD;
  }

  private atSubscriptionLimit(account: Account): boolean {
    const { maxSubscriptions } = this.hub.options;
    if (maxSubscriptions > 0 && this.subscriptions.size >= maxSubscriptions) return true;
    const ofAccount = account.limits.maxSubscriptions;
    return ofAccount >= 0 && account.sublist.size >= ofAccount;
  }

  private unsubscribe(buffer: Buffer, from: number, end: number): number {
    this.traceIn("UNSUB", buffer.toString("latin1", from, end));
    const count = splitArguments(buffer, from, end, ARGS);
    if (count !== 1 && count !== 2) return this.fail();
    const subscription = this.subscriptions.get(buffer.toString("latin1", ARGS[0], ARGS[1]));
    if (subscription !== undefined) {
      const max = count === 2 ? parseSize(buffer, ARGS[2], ARGS[3]) : 0;
      if (max > subscription.delivered) subscription.max = max;
      else this.drop(subscription);
    }
    if (this.connect.verbose) this.send(OK);
    return NO_PAYLOAD;
  }

  /** Ends a subscription. */
  drop(subscription: Subscription): void {
    if (this.subscriptions.get(subscription.sid) !== subscription) return;
    this.subscriptions.delete(subscription.sid);
    this.account?.unsubscribe(subscription);
  }

  dropSubscriptions(): void {
    for (const subscription of this.subscriptions.values()) this.account?.unsubscribe(subscription);
    this.subscriptions.clear();
  }

  // ---------------------------------------------------------------- MSG, HMSG

  deliver(subscription: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    if (this.closeReason !== undefined || (source === this && !this.echo)) return false;
    if (this.receiveChecked && !this.permissions?.mayReceive(message.subject, subscription.queue)) return false;
    const { max } = subscription;
    if (max > 0 && subscription.delivered >= max) return false;
    subscription.delivered++;
    this.permissions?.noteRequest?.(message);
    this.write(subscription, message);
    if (max > 0 && subscription.delivered >= max) this.drop(subscription);
    if (this.outbox.bytes >= this.flushAtBytes) this.pressed(source);
    else if (!this.dirty) this.hub.flushLater(this);
    return true;
  }

  private write(subscription: Subscription, message: Message): void {
    const { outbox } = this;
    const { subjectBytes, line, replyStart, replyEnd, body, end } = message;
    const sid = subscription.sidBytes;
    const withHeaders = message.headerBytes > 0 && this.headers;
    const start = withHeaders ? message.start : message.start + message.headerBytes;
    const bytes = end - start;
    const lineBytes = subjectBytes.length + sid.length + replyEnd - replyStart + LINE_EXTRA_BYTES;
    const referenced = message.shared && bytes >= REFERENCED_PAYLOAD_BYTES;
    if (lineBytes > LARGE_CHUNK_BYTES) {
      this.writeLongLine(subscription, message, withHeaders, start);
      return;
    }
    outbox.reserve(referenced || lineBytes + bytes + 2 > LARGE_CHUNK_BYTES ? lineBytes : lineBytes + bytes + 2);
    const { chunk } = outbox;
    let at = outbox.position;
    if (withHeaders) chunk[at++] = 72;
    chunk[at] = 77;
    chunk[at + 1] = 83;
    chunk[at + 2] = 71;
    chunk[at + 3] = 32;
    at += 4;
    for (let i = 0; i < subjectBytes.length; i++) chunk[at++] = subjectBytes[i];
    chunk[at++] = 32;
    for (let i = 0; i < sid.length; i++) chunk[at++] = sid[i];
    chunk[at++] = 32;
    if (replyEnd > replyStart) {
      for (let i = replyStart; i < replyEnd; i++) chunk[at++] = line[i];
      chunk[at++] = 32;
    }
    if (withHeaders) {
      at = writeNumber(chunk, at, message.headerBytes);
      chunk[at++] = 32;
      at = writeNumber(chunk, at, bytes);
    } else if (start !== message.start) at = writeNumber(chunk, at, bytes);
    else for (let i = message.sizeStart; i < message.sizeEnd; i++) chunk[at++] = line[i];
    chunk[at] = 13;
    chunk[at + 1] = 10;
    at += 2;
    if (bytes <= COPIED_BY_LOOP_BYTES) {
      for (let i = start; i < end + 2; i++) chunk[at++] = body[i];
      outbox.position = at;
    } else {
      outbox.position = at;
      if (referenced) outbox.reference(body.subarray(start, end + 2));
      else if (at + bytes + 2 <= chunk.length) {
        chunk.set(body.subarray(start, end + 2), at);
        outbox.position = at + bytes + 2;
      } else outbox.append(body, start, end + 2);
    }
    this.outMsgs++;
    this.outBytes += bytes;
    if (this.hub.logger.traceOn) this.traceDelivery(subscription, message, bytes);
  }

  // Subjects that fill a whole chunk are possible where max_control_line was raised.
  private writeLongLine(subscription: Subscription, message: Message, withHeaders: boolean, start: number): void {
    const { outbox } = this;
    const bytes = message.end - start;
    const reply = message.hasReply ? `${message.reply} ` : "";
    const sizes = withHeaders ? `${message.headerBytes} ${bytes}` : String(bytes);
    const line = Buffer.from(`${withHeaders ? "H" : ""}MSG ${message.subject} ${subscription.sid} ${reply}${sizes}\r\n`, "latin1");
    outbox.append(line, 0, line.length);
    outbox.append(message.body, start, message.end + 2);
    this.outMsgs++;
    this.outBytes += bytes;
  }

  // Much output is waiting: write it if the other side reads, else slow the publisher down or give the subscriber up.
  private pressed(source: DeliveryTarget | undefined): void {
    this.flush();
    if (!this.dirty && this.outbox.bytes > 0) this.hub.flushLater(this);
    const pending = this.pendingBytes;
    const { maxPendingBytes, noFastProducerStall } = this.hub.options;
    if (pending > maxPendingBytes) {
      this.hub.logger.warn(`${this.label} - Slow Consumer Detected: MaxPending of ${maxPendingBytes} Exceeded`);
      this.close(CloseReason.slowConsumerPendingBytes);
      return;
    }
    const stallAt = Math.min(STALL_PENDING_BYTES, maxPendingBytes * STALL_SHARE_OF_PENDING);
    if (pending > stallAt && !noFastProducerStall && source instanceof ClientConnection && source !== this) {
      this.hub.stallLater(source, this);
    }
  }

  protected writeDeadlinePassed(): void {
    const { writeDeadlineMs } = this.hub.options;
    this.hub.logger.warn(
      `${this.label} - Slow Consumer Detected: WriteDeadline of ${writeDeadlineMs / 1000}s exceeded with ${this.pendingBytes} total bytes.`,
    );
    this.close(CloseReason.slowConsumerWriteDeadline);
  }

  // ---------------------------------------------------------------- the rest of a connection

  override onData(chunk: Buffer, start: number, end: number): void {
    super.onData(chunk, start, end);
    if (this.framer.heldBytes > HELD_INPUT_BYTES) this.fail();
  }

  protected pingLimits(): { intervalMs: number; max: number } {
    const { pingIntervalMs, pingMax } = this.hub.options;
    return { intervalMs: pingIntervalMs, max: pingMax };
  }

  protected stale(): void {
    this.hub.logger.debug(`${this.label} - Stale Client Connection - Closing`);
    this.sendError(ErrorText.stale);
    this.close(CloseReason.staleConnection);
  }

  protected tracePing(): void {
    this.traceOut("PING", "");
  }

  protected ended(reason: CloseReason): void {
    this.authTimer?.cancel();
    this.dropSubscriptions();
    this.settleStats();
    this.hub.departed(this);
    this.account?.removeClient();
    this.forgetRoutes();
    if (this.hub.logger.debugOn) this.hub.logger.debug(`${this.label} - Client connection closed: ${reason}`);
  }

  // Adds what this connection counted since it joined its account to the account's totals.
  private settled = { inMsgs: 0, inBytes: 0, outMsgs: 0, outBytes: 0 };
  private settleStats(): void {
    const { account, settled, inMsgs, inBytes, outMsgs, outBytes } = this;
    if (account !== undefined) {
      account.stats.inMsgs += inMsgs - settled.inMsgs;
      account.stats.inBytes += inBytes - settled.inBytes;
      account.stats.outMsgs += outMsgs - settled.outMsgs;
      account.stats.outBytes += outBytes - settled.outBytes;
    }
    this.settled = { inMsgs, inBytes, outMsgs, outBytes };
  }

  private traceIn(operation: string, rest: string): void {
    if (this.hub.logger.traceOn) this.hub.logger.trace(`${this.label} - <<- [${operation}${rest === "" ? "" : ` ${rest}`}]`);
  }

  private traceOut(operation: string, rest: string): void {
    if (this.hub.logger.traceOn) this.hub.logger.trace(`${this.label} - ->> [${operation}${rest === "" ? "" : ` ${rest}`}]`);
  }

  private traceDelivery(subscription: Subscription, message: Message, bytes: number): void {
    const reply = message.hasReply ? ` ${message.reply}` : "";
    this.traceOut("MSG", `${message.subject} ${subscription.sid}${reply} ${bytes}`);
    tracePayload(this, "->>", message);
  }
}

function takesArguments(verb: Verb): boolean {
  return verb === Verb.hpub || verb === Verb.sub || verb === Verb.unsub || verb === Verb.connect || verb === Verb.info || verb === Verb.err;
}

function writeNumber(chunk: Buffer, at: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++;
  for (let i = at + digits - 1, rest = value; i >= at; i--) {
    chunk[i] = 48 + (rest % 10);
    rest = (rest / 10) | 0;
  }
  return at + digits;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
