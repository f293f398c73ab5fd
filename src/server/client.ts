// A client's connection: the operations of the client protocol, and delivery of messages to the client
// (https://docs.nats.io/reference/reference-protocols/nats-protocol; conformance/wire, FACTS).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import type { TraceParty } from "../accounts/message-trace.js";
import type { DeliveryTarget, Subscription } from "../accounts/subscription.js";
import type { Admission, Credentials, Origin } from "../auth/authenticator.js";
import type { Permissions } from "../auth/permissions.js";
import type { ConnectionType } from "../auth/users.js";
import { type ConnectOptions, defaultConnectOptions, mergeConnect } from "../protocol/connect.js";
import { durationText } from "../protocol/durations.js";
import { ErrorText, quoted } from "../protocol/error-texts.js";
import { type FrameHandler, Framer, NO_PAYLOAD, STOP } from "../protocol/framer.js";
import { infoLine } from "../protocol/info.js";
import { argumentsStart, LONGEST_VERB_BYTES, Verb, verbOf } from "../protocol/verbs.js";
import type { Timer } from "../runtime/clock.js";
import type { Transport } from "../runtime/network.js";
import { loggedInLabel, refusedLoginText } from "./client-label.js";
import { ClientLogin } from "./client-login.js";
import { CloseReason } from "./close-reason.js";
import { Connection } from "./connection.js";
import { hostPort } from "./host-port.js";
import type { Hub } from "./hub.js";
import { EARLY_FLUSH_BYTES } from "./limits.js";
import { writeMessage } from "./message-writer.js";
import { Publisher } from "./publisher.js";
import { Subscriber } from "./subscriber.js";
import { traceConnect, traceDelivery, traceIn, traceOut } from "./trace.js";
import type { WayIn } from "./way-in.js";

const OK = Buffer.from("+OK\r\n");
const PONG = Buffer.from("PONG\r\n");
/** The number of this kind of connection in trace events. */
const CLIENT_KIND = 0;

export class ClientConnection extends Connection implements FrameHandler, DeliveryTarget {
  readonly connect: ConnectOptions = defaultConnectOptions();
  readonly subscriber: Subscriber;
  /** The nonce that INFO offered for signing; "" when none was. */
  readonly nonce: string;
  readonly wayIn: WayIn | undefined;
  /** Undefined until the client is let in. */
  account: Account | undefined;
  admission: Admission | undefined;
  permissions: Permissions | undefined;
  /** Whether a CONNECT was handled. */
  connected = false;
  /** Whether messages it published come back to its own subscriptions. */
  echo = true;
  headers = false;
  /** Whether the TLS handshake comes (or came) before INFO. */
  tlsFirst = false;
  /** Whether a PROXY header may still come, so that it is not known yet where the client is. */
  awaitsProxyHeader = false;
  /** Where the client is: the other end of the transport, or what a PROXY header says. */
  remoteAddress: string;
  remotePort: number;
  /** The public nkey of the trusted proxy that has vouched for it. */
  proxyKey: string | undefined;
  protected readonly framer: Framer;
  private readonly login = new ClientLogin(this);
  private readonly publisher: Publisher;
  private authTimer: Timer | undefined;
  private secondInfoDue = false;
  private pingedAfterConnect = false;
  private receiveChecked = false;
  private lacksProxy = false;
  private flushAtBytes: number;
  // What its label has besides address and number; stays as it was at its first login.
  private loggedIn = "";

  /** @param wayIn undefined: by the client listener, or from inside the process */
  constructor(id: number, hub: Hub, transport: Transport, nonce: string, wayIn?: WayIn) {
    super(id, hub, transport);
    this.nonce = nonce;
    this.wayIn = wayIn;
    this.remoteAddress = transport.remoteAddress;
    this.remotePort = transport.remotePort;
    this.framer = new Framer(this);
    this.publisher = new Publisher(this, this.framer);
    this.subscriber = new Subscriber(this);
    this.flushAtBytes = Math.min(EARLY_FLUSH_BYTES, hub.options.maxPendingBytes);
  }

  /** Greets the client and serves it. */
  open(): void {
    this.greet();
    this.begin();
  }

  /** Sends INFO. */
  greet(): void {
    this.send(infoLine(this.hub.infoFor(this), true));
  }

  /** Starts its timers and reads what it sends. */
  begin(): void {
    const { hub, wayIn } = this;
    if (hub.authenticator.requires(this.connectionType)) {
      this.authTimer = hub.runtime.clock.after(wayIn?.authTimeoutMs ?? hub.options.authorization.timeoutMs, () => {
        this.timeOut();
      });
    } else this.bind(hub.accounts.global, undefined);
    this.startPings();
    this.transport.start(this);
  }

  /** Greets the client with an error and closes; it is never served. */
  turnAway(text: string): void {
    this.transport.start(this);
    this.send(infoLine(this.hub.infoFor(this), true));
    this.endWith(text, CloseReason.maxConnectionsExceeded);
  }

  /** The name it logged in under: user, nkey, or "" for none. */
  get userName(): string {
    return this.admission?.user?.name ?? this.connect.user;
  }

  /** As it stands in log lines. */
  get label(): string {
    const { forwardedFor, idLabel = "cid" } = this.wayIn ?? {};
    const from = hostPort(this.remoteAddress, this.remotePort);
    return `${forwardedFor === undefined ? from : `${forwardedFor}/${from}`} - ${idLabel}:${this.id}${this.loggedIn}`;
  }

  get connectionType(): ConnectionType {
    return this.wayIn?.type ?? "STANDARD";
  }

  sendOk(): void {
    traceOut(this, "OK", "");
    this.send(OK);
  }

  /** Sends an -ERR line; the connection goes on. */
  sendError(text: string): void {
    traceOut(this, "-ERR", text);
    this.sendText(`-ERR '${text}'\r\n`);
  }

  /** Sends INFO again, with what has changed; only to clients that understand it, and not before they have sent their first PING. */
  sendInfo(): void {
    if (!this.connected || this.connect.protocol < 1 || this.secondInfoDue) return;
    this.send(infoLine(this.hub.infoFor(this), false));
  }

  /** Tells it to connect elsewhere. Returns false if it does not understand that, or has not sent its first PING yet. */
  sendLameDuckInfo(): boolean {
    if (!this.connected || this.connect.protocol < 1 || this.secondInfoDue) return false;
    this.send(infoLine({ ...this.hub.infoFor(this), ldm: true }, false));
    return true;
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
        traceIn(this, "SUB", buffer.toString("latin1", from, end));
        return this.subscriber.subscribe(buffer, from, end);
      case Verb.unsub:
        traceIn(this, "UNSUB", buffer.toString("latin1", from, end));
        return this.subscriber.unsubscribe(buffer, from, end);
      case Verb.ping:
        this.handlePing();
        return this.closed ? STOP : NO_PAYLOAD;
      case Verb.pong:
        traceIn(this, "PONG", "");
        this.pong();
        return NO_PAYLOAD;
      case Verb.connect:
        return this.handleConnect(buffer.toString("utf8", from, end));
      case Verb.info:
        return isJson(buffer.toString("utf8", from, end)) ? NO_PAYLOAD : this.fail("INFO is no JSON");
      case Verb.ok:
        return NO_PAYLOAD;
      case Verb.err:
        this.error(`Client Error ${quoted(buffer.toString("latin1", from, end)).slice(1, -1)}`);
        this.close(CloseReason.parseError);
        return STOP;
      default:
        return this.unknownOperation(buffer, start, end);
    }
  }

  beginning(buffer: Buffer, start: number, end: number): number {
    const verb = verbOf(buffer, start, end, false);
    if (verb === Verb.incomplete) return end - start;
    if (!this.mayDo(verb)) return STOP;
    if (verb === Verb.unknown) return this.unknownOperation(buffer, start, end);
    const from = argumentsStart(verb, buffer, start, end);
    if (from === end || !takesArguments(verb)) return Math.min(end - start, LONGEST_VERB_BYTES + 1);
    const argumentBytes = end - from - (buffer[end - 1] === 13 ? 1 : 0);
    return argumentBytes > this.hub.options.maxControlLineBytes ? this.controlLineTooLong() : end - start;
  }

  unterminated(): void {
    this.parseError("no CR LF after the payload");
  }

  private unknownOperation(buffer: Buffer, start: number, end: number): typeof STOP {
    return this.parseError(buffer.toString("latin1", start, Math.min(end, start + 32)));
  }

  private parseError(seen: string): typeof STOP {
    this.sendError(ErrorText.unknownOperation);
    return this.fail(`Client parser ERROR, proto=${quoted(seen)}`);
  }

  /** Closes without a word to the client, as for wrong arguments; the log says why. */
  fail(why: string): typeof STOP {
    this.error(why);
    this.close(CloseReason.protocolViolation);
    return STOP;
  }

  /** The same for arguments that make no sense; the log shows them. */
  failArguments(why: string, buffer: Buffer, from: number, end: number): typeof STOP {
    return this.fail(`${why}: ${quoted(buffer.toString("latin1", from, end))}`);
  }

  private controlLineTooLong(): typeof STOP {
    return this.endWith(ErrorText.maximumControlLine, CloseReason.maxControlLineExceeded);
  }

  /** Tells the client why, and closes. */
  private endWith(text: string, reason: CloseReason): typeof STOP {
    this.sendError(text);
    this.error(text);
    this.close(reason);
    return STOP;
  }

  /** It has not logged in in time. */
  timeOut(): void {
    this.sendError(ErrorText.authenticationTimeout);
    this.debug(ErrorText.authenticationTimeout);
    this.hub.refused(this, CloseReason.authenticationTimeout);
    this.close(CloseReason.authenticationTimeout);
  }

  // Where a login is required, CONNECT comes first, unless those who say nothing are let in (`no_auth_user`).
  private mayDo(verb: Verb): boolean {
    if (this.account !== undefined || verb === Verb.connect || verb === Verb.incomplete) return true;
    const { authenticator } = this.hub;
    const admission = authenticator.admitsAnonymous(this.connectionType)
      ? authenticator.authenticate({}, this.origin())
      : undefined;
    if (admission !== undefined && !(admission instanceof Promise)) {
      if (this.refuseBeyondLimit(admission.account)) return false;
      this.authTimer?.cancel();
      this.bind(admission.account, admission);
      return true;
    }
    this.refuseLogin(CloseReason.authenticationViolation);
    return false;
  }

  // ---------------------------------------------------------------- CONNECT, PING

  private handleConnect(json: string): number {
    traceIn(this, "CONNECT", traceConnect(json));
    this.authTimer?.cancel();
    this.authTimer = undefined;
    if (!mergeConnect(json, this.connect)) return this.fail("CONNECT is no JSON object with values of the right types");
    this.wayIn?.complete(this.connect);
    const again = this.connected;
    this.connected = true;
    if (!again) this.rttMs = this.hub.runtime.clock.monotonicMs() - this.startedAt;
    this.echo = this.connect.echo;
    this.headers = this.connect.headers && !this.hub.options.noHeaderSupport;
    if (again) this.subscriber.dropAll();
    return this.login.decide();
  }

  /** Lets it in, unless limits or what it asked for forbid that. */
  admit(admission: Admission): number {
    const { connect } = this;
    if (this.refuseBeyondLimit(admission.account)) return STOP;
    if (connect.account !== "" || connect.newAccount) return this.refuseLogin();
    if (connect.protocol < 0 || connect.protocol > 1) {
      return this.endWith(ErrorText.invalidClientProtocol, CloseReason.badClientProtocolVersion);
    }
    if (connect.noResponders && !this.headers) {
      return this.endWith(ErrorText.noRespondersRequiresHeaders, CloseReason.noRespondersRequiresHeaders);
    }
    this.bind(admission.account, admission);
    if (this.loggedIn === "") this.loggedIn = loggedInLabel(this);
    this.startPings();
    this.secondInfoDue = connect.protocol >= 1 && !this.pingedAfterConnect;
    this.hub.admitted(this);
    if (connect.verbose) this.sendOk();
    if (admission.login === undefined || !this.subscriber.isAtLimit()) return NO_PAYLOAD;
    return this.endWith(ErrorText.maximumSubscriptions, CloseReason.maxSubscriptionsExceeded);
  }

  private refuseBeyondLimit(account: Account): boolean {
    const { maxConnections } = account.limits;
    const others = account.connections + account.connectionsElsewhere - (this.account === account ? 1 : 0);
    if (maxConnections < 0 || others < maxConnections) return false;
    this.hub.refused(this, CloseReason.maxAccountConnectionsExceeded);
    this.endWith(ErrorText.maximumAccountConnections, CloseReason.maxAccountConnectionsExceeded);
    return true;
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
    const lastsMs = admission?.login?.lastsMs ?? Number.POSITIVE_INFINITY;
    if (lastsMs === Number.POSITIVE_INFINITY) return;
    this.authTimer = this.hub.runtime.clock.after(lastsMs, () => this.expire(ErrorText.userAuthenticationExpired));
  }

  /** Its login, or that of its account, has come to its end. */
  expire(text: string): void {
    this.sendError(text);
    this.close(CloseReason.authenticationExpired);
  }

  /** Takes new permissions at once; subscriptions that are no longer allowed are the caller's to drop. */
  setPermissions(permissions: Permissions | undefined): void {
    this.permissions = permissions;
    this.receiveChecked = permissions?.deniesDelivery === true;
    this.forgetRoutes();
  }

  /** What was cached of subjects no longer holds (permissions, limits or mappings changed). */
  forgetRoutes(): void {
    this.publisher.forget();
    this.flushAtBytes = Math.min(EARLY_FLUSH_BYTES, this.hub.options.maxPendingBytes);
  }

  /** What CONNECT said of who it is. */
  credentials(): Credentials {
    const { user, pass, authToken, nkey, sig, jwt, name, lang, version, protocol } = this.connect;
    return { user, pass, authToken, nkey, sig, jwt, name, lang, version, protocol };
  }

  /** Where its credentials come from. */
  origin(): Origin {
    const { nonce, remoteAddress, proxyKey } = this;
    const { inProcess, tls } = this.transport;
    return {
      type: this.connectionType,
      nonce,
      remoteAddress,
      inProcess,
      certificate: tls?.peerCertificates[0],
      tls,
      connectionId: this.id,
      isGone: () => this.closed,
      proxyKey,
      note: (reason, level) => this[level](reason),
      onProxyRequired: () => {
        this.lacksProxy = true;
        this.debug("proxy connection required");
      },
    };
  }

  /** Its login does not hold (any more). */
  refuseLogin(reason: CloseReason = this.loginFault): typeof STOP {
    this.error(refusedLoginText(this.connect));
    this.sendError(ErrorText.authorization);
    this.hub.refused(this, reason);
    this.close(reason);
    return STOP;
  }

  /** Writes a line about this client to the log. */
  debug(text: string): void {
    if (this.hub.logger.debugOn) this.hub.logger.debug(`${this.label} - ${text}`);
  }

  error(text: string): void {
    this.hub.logger.error(`${this.label} - ${text}`);
  }

  private get loginFault(): CloseReason {
    return this.lacksProxy ? CloseReason.proxyRequired : CloseReason.authenticationViolation;
  }

  private handlePing(): void {
    traceIn(this, "PING", "");
    this.send(PONG);
    traceOut(this, "PONG", "");
    this.pingedAfterConnect ||= this.connected;
    if (this.secondInfoDue) {
      this.secondInfoDue = false;
      this.send(infoLine(this.hub.accountInfoFor(this), false));
    }
  }

  // ---------------------------------------------------------------- PUB, HPUB

  private publishLine(buffer: Buffer, start: number, from: number, end: number, headers: boolean): number {
    if (this.account === undefined && !this.mayDo(Verb.pub)) return STOP;
    if (end - from > this.hub.options.maxControlLineBytes) return this.controlLineTooLong();
    return this.publisher.line(buffer, start, from, end, headers);
  }

  repeatedLine(buffer: Buffer, start: number): number {
    return this.publisher.repeatedLine(buffer, start);
  }

  keepLine(): void {
    this.publisher.keepLine();
  }

  payload(buffer: Buffer, start: number, end: number, owned: boolean): void {
    this.publisher.payload(buffer, start, end, owned);
  }

  // ---------------------------------------------------------------- MSG, HMSG

  deliver(subscription: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    const refusal = this.refusal(subscription, message, source);
    if (message.trace !== undefined) {
      message.trace.delivered(this.traceParty, subscription, refusal);
      if (message.trace.only && refusal === undefined) return true;
    }
    if (refusal !== undefined) return false;
    const { max } = subscription;
    subscription.delivered++;
    if (this.permissions?.allowsResponses === true && message.hasReply) {
      this.permissions.noteRequest(message.reply, this.hub.runtime.clock.monotonicMs());
    }
    this.outMsgs++;
    this.outBytes += writeMessage(this.outbox, subscription, message, this.headers);
    if (this.hub.logger.traceOn) traceDelivery(this, subscription, message);
    if (max > 0 && subscription.delivered >= max) {
      this.debug(`Auto-unsubscribe limit of ${max} reached for sid '${subscription.sid}'`);
      this.subscriber.drop(subscription);
    }
    if (this.outbox.bytes >= this.flushAtBytes) this.pressed(source);
    else if (!this.dirty) this.hub.flushLater(this);
    return true;
  }

  // Why a message cannot be delivered, in the words of trace events; undefined when it can.
  private refusal(
    { max, delivered, queue }: Subscription,
    message: Message,
    source: DeliveryTarget | undefined,
  ): string | undefined {
    if (this.closeReason !== undefined) return "Not delivered because client is closed";
    if (source === this && !this.echo) return "Not delivered because of no echo";
    if (this.receiveChecked && !this.permissions?.mayReceive(message.subject, queue)) {
      return "Not delivered because subscription denies this subject";
    }
    if (max > 0 && delivered >= max) return "Not delivered because auto-unsubscribe exceeded";
    return undefined;
  }

  /** As it stands in trace events. */
  get traceParty(): TraceParty {
    return { kind: CLIENT_KIND, id: this.id, name: this.connect.name, account: this.account };
  }

  // Much output is waiting: write it if the other side reads, else slow the publisher down or give the subscriber up.
  private pressed(source: DeliveryTarget | undefined): void {
    this.flush();
    if (!this.dirty && this.outbox.bytes > 0) this.hub.flushLater(this);
    const pending = this.pendingBytes;
    const { maxPendingBytes, noFastProducerStall } = this.hub.options;
    if (pending > maxPendingBytes) {
      this.pendingLimitPassed();
      return;
    }
    if (!noFastProducerStall && source instanceof ClientConnection && source !== this) {
      if (this.hub.stalls.consider(source, this, pending, maxPendingBytes)) this.hub.totals.stalledClients++;
    }
  }

  protected pendingLimitPassed(): void {
    const { maxPendingBytes } = this.hub.options;
    this.hub.logger.info(`${this.label} - Slow Consumer Detected: MaxPending of ${maxPendingBytes} Exceeded`);
    this.close(CloseReason.slowConsumerPendingBytes);
  }

  protected writeDeadlinePassed(): void {
    const { writeDeadlineMs } = this.hub.options;
    const deadline = durationText(writeDeadlineMs);
    this.hub.logger.info(
      `${this.label} - Slow Consumer Detected: WriteDeadline of ${deadline} exceeded with ${this.pendingBytes} total bytes.`,
    );
    this.close(CloseReason.slowConsumerWriteDeadline);
  }

  // ---------------------------------------------------------------- the rest of a connection

  protected pingLimits(): { intervalMs: number; max: number } {
    const { pingIntervalMs, pingMax } = this.hub.options;
    return { intervalMs: this.wayIn?.pingIntervalMs ?? pingIntervalMs, max: pingMax };
  }

  protected stale(): void {
    this.debug("Stale Client Connection - Closing");
    this.sendText(`-ERR '${ErrorText.stale}'\r\n`);
    this.close(CloseReason.staleConnection);
  }

  protected tracePing(): void {
    this.debug("Client Ping Timer");
    traceOut(this, "PING", "");
  }

  protected ended(reason: CloseReason): void {
    this.authTimer?.cancel();
    this.debug(`Client connection closed: ${reason}`);
    this.login.end();
    this.subscriber.leaveAccount();
    this.settleStats();
    this.account?.removeClient();
    this.hub.departed(this);
    this.forgetRoutes();
  }

  private settled = { inMsgs: 0, inBytes: 0, outMsgs: 0, outBytes: 0 };

  /** Adds what this connection has counted since the last call, or since it joined its account, to the account's totals. */
  settleStats(): void {
    const { account, settled, inMsgs, inBytes, outMsgs, outBytes } = this;
    if (account !== undefined) {
      account.stats.inMsgs += inMsgs - settled.inMsgs;
      account.stats.inBytes += inBytes - settled.inBytes;
      account.stats.outMsgs += outMsgs - settled.outMsgs;
      account.stats.outBytes += outBytes - settled.outBytes;
    }
    this.settled = { inMsgs, inBytes, outMsgs, outBytes };
  }
}

function takesArguments(verb: Verb): boolean {
  return (
    verb === Verb.pub ||
    verb === Verb.hpub ||
    verb === Verb.sub ||
    verb === Verb.unsub ||
    verb === Verb.connect ||
    verb === Verb.info ||
    verb === Verb.err
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
