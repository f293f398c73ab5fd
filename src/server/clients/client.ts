// A client's connection: the operations of the client protocol, and delivery of messages to the client
// (https://docs.nats.io/reference/reference-protocols/nats-protocol; conformance/wire, FACTS).
import type { Account } from "../../accounts/account.js";
import type { Message } from "../../accounts/message.js";
import type { TraceParty } from "../../accounts/message-trace.js";
import type { DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import type { Admission } from "../../auth/authenticator.js";
import type { Permissions } from "../../auth/permissions.js";
import type { ConnectionType } from "../../auth/users.js";
import { type ConnectOptions, defaultConnectOptions } from "../../protocol/connect.js";
import { durationText } from "../../protocol/durations.js";
import { ErrorText, quoted } from "../../protocol/error-texts.js";
import { type FrameHandler, Framer, NO_PAYLOAD, STOP } from "../../protocol/framer.js";
import { isJson } from "../../protocol/json.js";
import { argumentsStart, LONGEST_VERB_BYTES, takesArguments, Verb, verbOf } from "../../protocol/verbs.js";
import type { Transport } from "../../runtime/network.js";
import { CloseReason } from "../close-reason.js";
import { Connection } from "../connection.js";
import { hostPort } from "../host-port.js";
import type { Hub } from "../hub.js";
import { EARLY_FLUSH_BYTES } from "../limits.js";
import { writeMessage } from "../message-writer.js";
import { traceDelivery, traceIn, traceOut } from "../trace.js";
import { ClientInfo } from "./client-info.js";
import { loggedInLabel } from "./client-label.js";
import { ClientLogin } from "./client-login.js";
import { Publisher } from "./publisher.js";
import { SettledStats } from "./settled-stats.js";
import { Subscriber } from "./subscriber.js";
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
  readonly login = new ClientLogin(this);
  readonly info = new ClientInfo(this);
  private readonly publisher: Publisher;
  private receiveChecked = false;
  private flushAtBytes: number;
  private readonly settled = new SettledStats();
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
    this.info.greet();
    this.begin();
  }

  /** Starts its timers and reads what it sends. */
  begin(): void {
    const { hub, wayIn } = this;
    if (hub.authenticator.requires(this.connectionType)) {
      this.login.expect(wayIn?.authTimeoutMs ?? hub.options.authorization.timeoutMs);
    } else this.bind(hub.accounts.global, undefined);
    this.startPings();
    this.transport.start(this);
  }

  /** Greets the client with an error and closes; it is never served. */
  turnAway(text: string): void {
    this.transport.start(this);
    this.info.greet();
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
        return this.login.connect(buffer.toString("utf8", from, end));
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
  endWith(text: string, reason: CloseReason): typeof STOP {
    this.sendError(text);
    this.error(text);
    this.close(reason);
    return STOP;
  }

  // Where a login is required, CONNECT comes first, unless those who say nothing are let in (`no_auth_user`).
  private mayDo(verb: Verb): boolean {
    if (this.account !== undefined || verb === Verb.connect || verb === Verb.incomplete) return true;
    return this.login.admitAnonymous();
  }

  // ---------------------------------------------------------------- login, PING

  /** It is let in by what CONNECT said. */
  welcome(admission: Admission): void {
    this.bind(admission.account, admission);
    if (this.loggedIn === "") this.loggedIn = loggedInLabel(this);
    this.startPings();
    this.info.welcome();
    this.hub.admitted(this);
    if (this.connect.verbose) this.sendOk();
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
    this.login.holds(admission?.login?.lastsMs ?? Number.POSITIVE_INFINITY);
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

  /** Writes a line about this client to the log. */
  debug(text: string): void {
    if (this.hub.logger.debugOn) this.hub.logger.debug(`${this.label} - ${text}`);
  }

  error(text: string): void {
    this.hub.logger.error(`${this.label} - ${text}`);
  }

  private handlePing(): void {
    traceIn(this, "PING", "");
    this.send(PONG);
    traceOut(this, "PONG", "");
    this.info.pinged();
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
    if (this.outbox.bytes >= this.flushAtBytes) this.relieve(source instanceof ClientConnection ? source : undefined);
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

  protected pendingLimitPassed(): void {
    const { maxPendingBytes } = this.hub.options;
    this.hub.logger.info(`${this.label} - Slow Consumer Detected: MaxPending of ${maxPendingBytes} Exceeded`);
    this.close(CloseReason.slowConsumerPendingBytes);
  }

  protected writeDeadlinePassed(): void {
    const deadline = durationText(this.hub.options.writeDeadlineMs);
    this.hub.logger.info(
      `${this.label} - Slow Consumer Detected: WriteDeadline of ${deadline} exceeded with ${this.pendingBytes} total bytes.`,
    );
    this.close(CloseReason.slowConsumerWriteDeadline);
  }

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
    this.debug(`Client connection closed: ${reason}`);
    this.login.end();
    this.subscriber.leaveAccount();
    this.settleStats();
    this.account?.removeClient();
    this.hub.departed(this);
    this.forgetRoutes();
  }

  /** Adds what this connection has counted since the last call, or since it joined its account, to the account's totals. */
  settleStats(): void {
    this.settled.settle(this, this.account);
  }
}
