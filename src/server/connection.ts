// What every connection has, whoever is at its other end: a transport, framed input, gathered output, pings, and an end.
import type { Framer } from "../protocol/framer.js";
import type { Timer } from "../runtime/clock.js";
import type { Transport, TransportHandler } from "../runtime/network.js";
import { CloseReason } from "./close-reason.js";
import type { Hub } from "./hub.js";
import {
  CLOSE_FLUSH_MS,
  EARLY_FLUSH_BYTES,
  FIRST_PING_JITTER,
  FIRST_PING_MS,
  RTT_MEASUREMENT_MS,
  SMALL_CHUNK_BYTES,
  TURN_INPUT_BYTES,
  WRITE_BYTES,
} from "./limits.js";
import { Outbox } from "./outbox.js";

const PING = Buffer.from("PING\r\n");
const CR = 13;
const LF = 10;

export abstract class Connection implements TransportHandler {
  readonly id: number;
  readonly hub: Hub;
  readonly transport: Transport;
  readonly outbox: Outbox;
  /** Wall-clock and monotonic time of its start, and monotonic time of its last input or output. */
  readonly startedMs: number;
  readonly startedAt: number;
  lastActivityAt: number;
  // Time of the last input other than an answer to a ping, and what it was before the present chunk.
  private lastInputAt: number;
  private earlierInputAt: number;
  closeReason: CloseReason | undefined;
  /** Wall-clock time of its end; 0 while it lives. */
  closedMs = 0;
  inMsgs = 0;
  inBytes = 0;
  outMsgs = 0;
  outBytes = 0;
  /** Last round trip in milliseconds: measured by a ping, before that estimated at CONNECT; 0 before that. */
  rttMs = 0;
  private rttMeasured = false;
  /** True while it stands in the hub's list of connections to flush. */
  dirty = false;
  protected abstract readonly framer: Framer;
  private pingTimer: Timer | undefined;
  private pingsOut = 0;
  private pingSentAt = 0;
  private deadlineTimer: Timer | undefined;
  private transportGone = false;
  private pauses = 0;
  private inputEnded = false;
  private inputBytes = 0;

  constructor(id: number, hub: Hub, transport: Transport) {
    this.id = id;
    this.hub = hub;
    this.transport = transport;
    this.outbox = new Outbox(hub.chunks);
    const { clock } = hub.runtime;
    this.startedMs = clock.nowMs();
    this.startedAt = clock.monotonicMs();
    this.lastActivityAt = this.startedAt;
    this.lastInputAt = this.startedAt;
    this.earlierInputAt = this.startedAt;
  }

  get closed(): boolean {
    return this.closeReason !== undefined;
  }

  /** Bytes on their way to the other side that the operating system has not taken. */
  get pendingBytes(): number {
    return this.outbox.bytes + this.transport.bufferedBytes;
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.lastActivityAt = this.hub.runtime.clock.monotonicMs();
    this.earlierInputAt = this.lastInputAt;
    this.lastInputAt = this.lastActivityAt;
    try {
      this.framer.feed(chunk, start, end);
    } catch (error) {
      this.failed(error);
    }
    this.inputBytes += end - start;
    if (this.inputBytes >= TURN_INPUT_BYTES) this.restUntilNextTurn();
  }

  onDrain(): void {
    this.deadlineTimer?.cancel();
    this.deadlineTimer = undefined;
    this.outbox.drained();
    if (this.closed) this.sendRest();
    else if (this.outbox.bytes > 0) this.flush();
    this.hub.stalls.progressed(this, this.hub.options.maxPendingBytes);
  }

  /** Stops reading until `resumeReading` was called as often. */
  pauseReading(): void {
    if (this.pauses++ === 0 && !this.closed) this.transport.pause();
  }

  resumeReading(): void {
    if (--this.pauses === 0 && !this.closed) this.transport.resume();
  }

  // One transport alone may bring megabytes before the loop turns to anybody else.
  private restUntilNextTurn(): void {
    this.inputBytes = 0;
    if (this.closed) return;
    this.pauseReading();
    this.hub.runtime.clock.endOfTurn(() => this.resumeReading());
  }

  onEnd(): void {
    // What it has sent before is still looked at.
    if (this.framer.isHolding) this.inputEnded = true;
    else this.close(CloseReason.clientClosed);
  }

  onClose(error?: Error): void {
    this.transportGone = true;
    this.close(error === undefined ? CloseReason.clientClosed : CloseReason.readError);
    this.finish();
  }

  /** Appends a protocol line or any other bytes to the output. */
  send(bytes: Uint8Array): void {
    if (this.closed) return;
    this.outbox.append(bytes, 0, bytes.length);
    this.touch();
  }

  /** Appends text of one byte a character; for many short lines. */
  sendLatin1(text: string): void {
    if (this.closed) return;
    const { outbox } = this;
    if (text.length > SMALL_CHUNK_BYTES) {
      this.send(Buffer.from(text, "latin1"));
      return;
    }
    outbox.reserve(text.length);
    outbox.position += outbox.chunk.write(text, outbox.position, "latin1");
    this.touch();
  }

  /** Appends a line: bytes, text of one byte a character, and the end of the line; for very many short ones. */
  sendLine(beginning: Uint8Array, rest: string): void {
    if (this.closed) return;
    const { outbox } = this;
    const bytes = beginning.length + rest.length + 2;
    if (bytes > SMALL_CHUNK_BYTES) {
      this.send(beginning);
      this.sendLatin1(`${rest}\r\n`);
      return;
    }
    outbox.reserve(bytes);
    const { chunk, position } = outbox;
    for (let i = 0; i < beginning.length; i++) chunk[position + i] = beginning[i];
    const at = position + beginning.length + chunk.write(rest, position + beginning.length, "latin1");
    chunk[at] = CR;
    chunk[at + 1] = LF;
    outbox.position = at + 2;
    this.touch();
  }

  sendText(text: string): void {
    this.send(Buffer.from(text, "utf8"));
  }

  /** Output was added: it is written at the end of the turn, or now when there is much of it. */
  touch(): void {
    if (!this.dirty) this.hub.flushLater(this);
    if (this.outbox.bytes < Math.min(EARLY_FLUSH_BYTES, this.hub.options.maxPendingBytes)) return;
    this.flush();
    if (this.pendingBytes > this.hub.options.maxPendingBytes) this.pendingLimitPassed();
  }

  /** Writes what was gathered, unless the transport still holds earlier output. */
  flush(): void {
    const { transport, outbox } = this;
    if (this.transportGone || transport.bufferedBytes > 0) return;
    // Piece by piece: a transport that takes a whole piece at once tells nothing afterwards.
    do outbox.flush(transport, WRITE_BYTES);
    while (outbox.bytes > 0 && transport.bufferedBytes === 0);
    if (transport.bufferedBytes > 0 && this.deadlineTimer === undefined) this.startDeadline();
  }

  /** Much output waits: it is written if the other side reads, else its publisher is slowed down or the connection given up. */
  protected relieve(publisher: Connection | undefined): void {
    const { hub } = this;
    this.flush();
    if (!this.dirty && this.outbox.bytes > 0) hub.flushLater(this);
    const pending = this.pendingBytes;
    const { maxPendingBytes, noFastProducerStall } = hub.options;
    if (pending > maxPendingBytes) {
      this.pendingLimitPassed();
      return;
    }
    if (noFastProducerStall || publisher === undefined || publisher === this) return;
    if (hub.stalls.consider(publisher, this, pending, maxPendingBytes)) hub.totals.stalledClients++;
  }

  /** Ends the connection: its output so far is still sent, its input is ignored. Only the first call counts. */
  close(reason: CloseReason): void {
    if (this.closed) return;
    this.closeReason = reason;
    this.transport.explain?.(reason);
    this.closedMs = this.hub.runtime.clock.nowMs();
    this.pingTimer?.cancel();
    this.framer.stop();
    this.ended(reason);
    this.hub.stalls.progressed(this, this.hub.options.maxPendingBytes);
    if (isAbrupt(reason) || this.transportGone) {
      this.finish();
      return;
    }
    this.sendRest();
  }

  // Writes the rest of the output of a closed connection; it ends when all is sent, or nothing moves any more.
  private sendRest(): void {
    this.deadlineTimer?.cancel();
    this.deadlineTimer = this.hub.runtime.clock.after(CLOSE_FLUSH_MS, () => this.finish());
    this.flush();
    if (this.pendingBytes === 0) this.finish();
  }

  /** Leaves further input aside until `resumeInput`. */
  holdInput(): void {
    this.framer.hold();
    this.pauseReading();
  }

  /** Goes on with the input that was left aside. */
  resumeInput(): void {
    this.framer.release();
    this.resumeReading();
    if (this.closed || this.framer.isHolding) return;
    if (this.inputEnded) this.close(CloseReason.clientClosed);
  }

  /** Ends the connection after an exception, which is nobody else's concern. */
  failed(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.hub.logger.error(`cid:${this.id} - internal error, the connection is closed: ${text}`);
    this.close(CloseReason.internalError);
  }

  /** For what a kind of connection has to undo; called once, while output can still be added. */
  protected abstract ended(reason: CloseReason): void;

  /** More output waits than max_pending allows. */
  protected abstract pendingLimitPassed(): void;

  /** The write deadline has passed without all output being taken. */
  protected abstract writeDeadlinePassed(): void;

  /** Milliseconds between pings, and how many may go unanswered. */
  protected abstract pingLimits(): { intervalMs: number; max: number };

  /** (Re)starts the pings; the first comes early to measure the round trip. */
  startPings(): void {
    this.pingTimer?.cancel();
    this.pingTimer = this.hub.runtime.clock.after(this.firstPingMs(), () => this.pingTick());
  }

  /** When the first ping is due. */
  protected firstPingMs(): number {
    const first = Math.min(this.pingLimits().intervalMs, FIRST_PING_MS);
    return first * (1 - FIRST_PING_JITTER * this.hub.runtime.random.float());
  }

  /** The other side has answered a ping (or sent a PONG unasked). */
  protected pong(): void {
    if (this.pingsOut > 0) {
      this.rttMs = this.hub.runtime.clock.monotonicMs() - this.pingSentAt;
      this.rttMeasured = true;
    }
    this.pingsOut = 0;
    this.lastInputAt = this.earlierInputAt;
  }

  sendPing(): void {
    this.pingsOut++;
    this.pingSentAt = this.hub.runtime.clock.monotonicMs();
    this.send(PING);
    this.tracePing();
  }

  /** The round trip of a connection that is busy all the time is measured this often. */
  protected get measurementMs(): number {
    return RTT_MEASUREMENT_MS;
  }

  protected abstract tracePing(): void;

  protected abstract stale(): void;

  private pingTick(): void {
    if (this.closed) return;
    const { intervalMs, max } = this.pingLimits();
    const { clock } = this.hub.runtime;
    const now = clock.monotonicMs();
    const unmeasured = !this.rttMeasured || now - this.pingSentAt >= this.measurementMs;
    if (unmeasured || now - this.lastInputAt >= intervalMs) {
      if (this.pingsOut >= max) {
        this.stale();
        return;
      }
      this.sendPing();
    }
    this.pingTimer = clock.after(intervalMs, () => this.pingTick());
  }

  private startDeadline(): void {
    const { clock } = this.hub.runtime;
    this.deadlineTimer = clock.after(this.hub.options.writeDeadlineMs, () => {
      this.deadlineTimer = undefined;
      if (!this.closed && this.transport.bufferedBytes > 0) this.writeDeadlinePassed();
    });
  }

  private finish(): void {
    this.deadlineTimer?.cancel();
    this.deadlineTimer = undefined;
    if (!this.transportGone) {
      if (this.transport.bufferedBytes === 0 && !isAbrupt(this.closeReason)) this.transport.end();
      else this.transport.destroy();
    }
    this.outbox.clear();
    this.hub.finished(this);
  }
}

/** Reasons after which nobody waits for the rest of the output. */
function isAbrupt(reason: CloseReason | undefined): boolean {
  return (
    reason === CloseReason.slowConsumerPendingBytes ||
    reason === CloseReason.slowConsumerWriteDeadline ||
    reason === CloseReason.writeError ||
    reason === CloseReason.readError
  );
}
