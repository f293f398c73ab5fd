// A connection to another server: a route, a gateway or a leaf link. The operations that all of them share, and framing
// (conformance/topology, WIRE.md section 1). It never pauses for a slow subscriber.
import type { DeliveryTarget } from "../../accounts/subscription.js";
import { compressionForRtt } from "../../protocol/compression-mode.js";
import { ErrorText, quoted } from "../../protocol/error-texts.js";
import { type FrameHandler, Framer, LEAVE, NO_PAYLOAD, STOP } from "../../protocol/framer.js";
import { type PeerConnect, type PeerInfo, readPeerJson } from "../../protocol/peer-info.js";
import { PeerVerb, peerArgumentsStart, peerVerbOf } from "../../protocol/peer-verbs.js";
import type { S2Mode } from "../../protocol/s2-writer.js";
import type { Timer } from "../../runtime/clock.js";
import type { Transport } from "../../runtime/network.js";
import { ClientConnection } from "../clients/client.js";
import { CloseReason } from "../close-reason.js";
import { Connection } from "../connection.js";
import { hostPort } from "../host-port.js";
import type { Hub } from "../hub.js";
import {
  EARLY_FLUSH_BYTES,
  FIRST_PEER_LINE_BYTES,
  FIRST_PEER_PING_MS,
  PEER_LINE_BYTES,
  PEER_PING_JITTER,
} from "../limits.js";
import { PeerMessages, type PeerReceiver } from "./peer-messages.js";
import { S2Transport } from "./s2-transport.js";

const PONG = Buffer.from("PONG\r\n");
const NO_LINE = Buffer.alloc(0);
const AUTHORIZATION = "Authorization Violation";

/** What differs between the kinds in log lines. */
export interface PeerKind {
  /** `rid`, `gid` or `lid`. */
  readonly idLabel: string;
  /** `Router`, `Gateway` or `Leafnode`. */
  readonly name: string;
}

export abstract class PeerConnection extends Connection implements FrameHandler, Pick<DeliveryTarget, "echo"> {
  readonly echo = true;
  /** Whether this side has dialled. */
  readonly solicited: boolean;
  /** What the other side said of itself, once it has. */
  info: PeerInfo | undefined;
  protected readonly framer: Framer;
  protected readonly messages: PeerMessages;
  private authTimer: Timer | undefined;
  // While its login was refused and it is to learn of that later.
  private refusal: Timer | undefined;

  private readonly s2: S2Transport;
  // Round trips at which s2_auto presses harder, while that was agreed on.
  private autoThresholdsMs: readonly number[] | undefined;
  /** From the start to the agreement on compression. */
  private greetingMs = 0;
  // The line that is being handled.
  private lineBuffer: Buffer = NO_LINE;
  private lineEnd = 0;

  /** @param below what compresses, if it lies below `transport` */
  constructor(id: number, hub: Hub, transport: Transport, solicited: boolean, below?: S2Transport) {
    const s2 = below ?? new S2Transport(transport, hub.runtime.clock);
    super(id, hub, below === undefined ? s2 : transport);
    this.s2 = s2;
    this.solicited = solicited;
    this.framer = new Framer(this);
    this.messages = new PeerMessages(this.receiver(), this.framer);
  }

  protected abstract readonly kind: PeerKind;

  protected abstract receiver(): PeerReceiver;

  /** The other side's INFO, whenever one comes. */
  protected abstract handleInfo(info: PeerInfo): number;

  /** CONNECT of a side that has dialled. */
  protected abstract handleConnect(connect: PeerConnect): number;

  /** Any other operation; `from` is where its arguments begin. Answers like FrameHandler.line. */
  protected abstract operation(verb: PeerVerb, buffer: Buffer, start: number, from: number, end: number): number;

  /** Whether the other side may do more than introduce itself. */
  protected abstract readonly established: boolean;

  /** As it stands in log lines. */
  get label(): string {
    const { remoteAddress, remotePort } = this.transport;
    return `${hostPort(remoteAddress, remotePort)} - ${this.kind.idLabel}:${this.id}`;
  }

  /** Accounts have come or gone. */
  accountsChanged(): void {
    this.messages.forget();
  }

  /** The connection must be established within this time. */
  protected startAuthTimer(timeoutMs: number): void {
    this.authTimer = this.hub.runtime.clock.after(timeoutMs, () => {
      this.refuse(ErrorText.authenticationTimeout, CloseReason.authenticationTimeout);
    });
  }

  protected stopAuthTimer(): void {
    this.authTimer?.cancel();
    this.authTimer = undefined;
  }

  // ---------------------------------------------------------------- compression

  /** How output is compressed now; `off` while it is not. */
  get compression(): string {
    return this.s2.mode ?? "off";
  }

  /**
   * Goes on compressed in both directions: behind the line that is being handled, and behind what was sent so far.
   * Returns what the line's handler has to answer.
   */
  protected compress(agreed: "s2_auto" | S2Mode, thresholdsMs: readonly number[] | undefined): typeof LEAVE {
    // What lies between would frame these bytes otherwise than they are counted.
    if (this.transport !== this.s2) this.flush();
    if (agreed === "s2_auto") this.autoThresholdsMs = thresholdsMs ?? [];
    this.greetingMs = this.hub.runtime.clock.monotonicMs() - this.startedAt;
    const mode = agreed === "s2_auto" ? compressionForRtt(this.rttMs, thresholdsMs) : agreed;
    const following = this.lineBuffer === NO_LINE ? NO_LINE : this.framer.following(this.lineBuffer, this.lineEnd);
    this.s2.compress(mode, following, this.outbox.bytes);
    return LEAVE;
  }

  // A burst makes a round trip longer, not the way: the shorter one of the last two counts, the first being the greeting.
  protected override pong(): void {
    const beforeMs = this.rttMs || this.greetingMs;
    super.pong();
    if (this.autoThresholdsMs === undefined) return;
    this.s2.mode = compressionForRtt(Math.min(beforeMs, this.rttMs), this.autoThresholdsMs);
  }

  // ---------------------------------------------------------------- lines

  line(buffer: Buffer, start: number, end: number): number {
    if (this.isTooLong(end - start)) return this.lineTooLong();
    const verb = peerVerbOf(buffer, start, end, true);
    const from = peerArgumentsStart(verb, buffer, start, end);
    switch (verb) {
      case PeerVerb.ping:
        this.send(PONG);
        return NO_PAYLOAD;
      case PeerVerb.pong:
        this.pong();
        return NO_PAYLOAD;
      case PeerVerb.info: {
        this.lineBuffer = buffer;
        this.lineEnd = end;
        const answer = this.readInfo(buffer.toString("utf8", from, end));
        this.lineBuffer = NO_LINE;
        return answer;
      }
      case PeerVerb.connect:
        return this.readConnect(buffer.toString("utf8", from, end));
      case PeerVerb.ok:
        return NO_PAYLOAD;
      case PeerVerb.err:
        return this.handleError(buffer.toString("utf8", from, end));
      case PeerVerb.unknown:
      case PeerVerb.incomplete:
        return this.protocolError(buffer.toString("latin1", start, Math.min(end, start + 32)));
      default:
        if (!this.established) return this.refuse(ErrorText.authorization, CloseReason.authenticationViolation);
        return this.operation(verb, buffer, start, from, end);
    }
  }

  repeatedLine(buffer: Buffer, start: number): number {
    return this.messages.repeatedLine(buffer, start);
  }

  private isTooLong(bytes: number): boolean {
    return bytes > FIRST_PEER_LINE_BYTES && (!this.established || bytes > PEER_LINE_BYTES);
  }

  beginning(buffer: Buffer, start: number, end: number): number {
    if (this.isTooLong(end - start)) return this.lineTooLong();
    const verb = peerVerbOf(buffer, start, end, false);
    if (verb === PeerVerb.unknown) {
      return this.protocolError(buffer.toString("latin1", start, Math.min(end, start + 32)));
    }
    return end - start;
  }

  keepLine(): void {
    this.messages.keepLine();
  }

  payload(buffer: Buffer, start: number, end: number, owned: boolean): void {
    this.messages.payload(buffer, start, end, owned);
  }

  unterminated(): void {
    this.protocolError("no CR LF after the payload");
  }

  private readInfo(json: string): number {
    const info = readPeerJson<PeerInfo>(json);
    return info === undefined ? this.protocolError(`INFO ${json.slice(0, 32)}`) : this.handleInfo(info);
  }

  private readConnect(json: string): number {
    const connect = this.solicited ? undefined : readPeerJson<PeerConnect>(json);
    return connect === undefined ? this.protocolError("CONNECT") : this.handleConnect(connect);
  }

  /** The other side refuses us, or gives up. */
  protected handleError(text: string): number {
    const reason = text.trim().replace(/^'(.*)'$/, "$1");
    this.hub.logger.error(`${this.label} - ${this.kind.name} Error ${quoted(text.trim())}`);
    const refused = reason === AUTHORIZATION;
    this.close(refused ? CloseReason.authenticationViolation : CloseReason.protocolViolation);
    return STOP;
  }

  /** Goes on with `admitted` when the login is decided on; its input waits for a decision that takes time. */
  protected whenAdmitted(decision: boolean | Promise<boolean>, admitted: () => number): number {
    const decide = (isAdmitted: boolean): number => (isAdmitted ? admitted() : this.refuseLogin());
    if (typeof decision === "boolean") return decide(decision);
    this.holdInput();
    decision.then(
      (isAdmitted) => this.concludeLate(() => decide(isAdmitted)),
      (error: unknown) => this.failed(error),
    );
    return NO_PAYLOAD;
  }

  /** A decision on its login has come, for which its input was held: goes on with it, unless `conclude` refuses. */
  protected concludeLate(conclude: () => number): void {
    if (this.closed) return;
    try {
      if (conclude() !== STOP && this.refusal === undefined) this.resumeInput();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Its login is wrong: it is told so, later each time that one from its address is, and closed. */
  protected refuseLogin(): number {
    const refuse = (): number => this.refuse(ErrorText.authorization, CloseReason.authenticationViolation);
    this.refusal = this.hub.failedLogins.refuse(this.transport.remoteAddress, refuse);
    if (this.refusal === undefined) return STOP;
    this.holdInput();
    return NO_PAYLOAD;
  }

  /** A message was added to the output: a client that publishes faster than this link takes it waits for milliseconds. */
  protected sent(source: DeliveryTarget | undefined): void {
    if (!this.dirty) this.hub.flushLater(this);
    if (this.outbox.bytes < Math.min(EARLY_FLUSH_BYTES, this.hub.options.maxPendingBytes)) return;
    this.relieve(source instanceof ClientConnection ? source : undefined);
  }

  // ---------------------------------------------------------------- errors

  /** Sends an -ERR line and closes. */
  refuse(text: string, reason: CloseReason): typeof STOP {
    this.hub.logger.error(`${this.label} - ${text}`);
    this.sendText(`-ERR '${text}'\r\n`);
    this.close(reason);
    return STOP;
  }

  /** What came is no protocol; `seen` is its beginning. */
  protocolError(seen: string): typeof STOP {
    this.hub.logger.error(`${this.label} - ${this.kind.name} parser ERROR, proto=${quoted(seen)}`);
    this.sendText(`-ERR '${ErrorText.unknownOperation}'\r\n`);
    this.close(CloseReason.parseError);
    return STOP;
  }

  private lineTooLong(): typeof STOP {
    return this.refuse(ErrorText.maximumControlLine, CloseReason.maxControlLineExceeded);
  }

  payloadTooLarge(sizeBytes: number): typeof STOP {
    const { maxPayloadBytes } = this.hub.options;
    this.hub.logger.error(`${this.label} - maximum payload exceeded: ${sizeBytes} vs ${maxPayloadBytes}`);
    this.sendText(`-ERR '${ErrorText.maximumPayload}'\r\n`);
    this.close(CloseReason.maxPayloadExceeded);
    return STOP;
  }

  protected pendingLimitPassed(): void {
    const { maxPendingBytes } = this.hub.options;
    this.hub.logger.warn(`${this.label} - Slow Consumer Detected: MaxPending of ${maxPendingBytes} Exceeded`);
    this.close(CloseReason.slowConsumerPendingBytes);
  }

  protected writeDeadlinePassed(): void {
    const { writeDeadlineMs } = this.hub.options;
    this.hub.logger.warn(
      `${this.label} - Slow Consumer Detected: WriteDeadline of ${writeDeadlineMs / 1000}s exceeded with ${this.pendingBytes} total bytes.`,
    );
    this.close(CloseReason.slowConsumerWriteDeadline);
  }

  protected stale(): void {
    this.debug(`Stale ${this.kind.name} Connection - Closing`);
    this.sendText(`-ERR '${ErrorText.stale}'\r\n`);
    this.close(CloseReason.staleConnection);
  }

  protected override firstPingMs(): number {
    return FIRST_PEER_PING_MS * (1 + PEER_PING_JITTER * this.hub.runtime.random.float());
  }

  // With every tick: the choice of a cluster goes by it.
  protected override get measurementMs(): number {
    return 0;
  }

  protected tracePing(): void {
    if (this.hub.logger.traceOn) this.hub.logger.trace(`${this.label} - ->> [PING]`);
  }

  protected ended(reason: CloseReason): void {
    this.stopAuthTimer();
    this.refusal?.cancel();
    this.messages.forget();
    this.hub.logger.info(`${this.label} - ${this.kind.name} connection closed: ${reason}${this.farewell}`);
    this.left(reason);
  }

  /** What the log says of its end besides the reason. */
  protected get farewell(): string {
    return "";
  }

  /** What this kind has to undo. */
  protected abstract left(reason: CloseReason): void;

  protected debug(text: string): void {
    if (this.hub.logger.debugOn) this.hub.logger.debug(`${this.label} - ${text}`);
  }
}
