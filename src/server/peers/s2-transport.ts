// A transport whose bytes go on as S2 streams once both sides have agreed on it: routes and leaf node connections
// (conformance/topology, WIRE.md sections 2.3 and 4.2).
import { S2Error } from "../../protocol/s2-error.js";
import { S2Reader } from "../../protocol/s2-reader.js";
import { type S2Mode, S2Writer } from "../../protocol/s2-writer.js";
import type { Clock } from "../../runtime/clock.js";
import type { Transport, TransportHandler } from "../../runtime/network.js";
import type { TlsSession } from "../../runtime/tls.js";

/**
 * Wraps a transport before it is started. Until `compress` bytes pass as they are; after that each write is a stream of its own.
 * What cannot be read ends the connection: `onClose` tells the S2Error.
 */
export class S2Transport implements Transport, TransportHandler {
  readonly inProcess: boolean;
  readonly firstBytes: Transport["firstBytes"];
  readonly skipBytes: Transport["skipBytes"];
  readonly secure: Transport["secure"];
  private readonly inner: Transport;
  private readonly clock: Clock;
  private handler!: TransportHandler;
  private writer: S2Writer | undefined;
  private reader: S2Reader | undefined;
  // Bytes to be written that still go as they are.
  private plainBytes = 0;
  // Input that was not looked at yet, and what is to be told after it.
  private kept: Buffer[] = [];
  private endOwed = false;
  private closeOwed = false;
  private paused = false;
  private scheduled = false;
  // Nothing more of the input is wanted.
  private done = false;
  private failure: S2Error | undefined;

  constructor(inner: Transport, clock: Clock) {
    this.inner = inner;
    this.clock = clock;
    this.inProcess = inner.inProcess;
    this.firstBytes = inner.firstBytes?.bind(inner);
    this.skipBytes = inner.skipBytes?.bind(inner);
    this.secure = inner.secure?.bind(inner);
  }

  get remoteAddress(): string {
    return this.inner.remoteAddress;
  }

  get remotePort(): number {
    return this.inner.remotePort;
  }

  get localAddress(): string {
    return this.inner.localAddress;
  }

  get localPort(): number {
    return this.inner.localPort;
  }

  get tls(): TlsSession | undefined {
    return this.inner.tls;
  }

  get bufferedBytes(): number {
    return this.inner.bufferedBytes;
  }

  /** How it is compressed; undefined while bytes go as they are. */
  get mode(): S2Mode | undefined {
    return this.writer?.mode;
  }

  /** Changes how later writes are compressed. Only after `compress`. */
  set mode(mode: S2Mode) {
    if (this.writer !== undefined) this.writer.mode = mode;
  }

  /**
   * Goes on compressed, both ways. `following` has arrived already, behind the last line in the clear (see Framer.following,
   * LEAVE); the owner gets it decoded when its present call has returned. `plainBytes` is how much of what will be written was
   * meant to go in the clear, as it was gathered before. To be called once.
   *
   * nats-server takes what arrives together with its last line in the clear for more lines. So the side that speaks last in the
   * clear, which is the one that has dialled, writes nothing more until something compressed has come.
   */
  compress(mode: S2Mode, following: Buffer, plainBytes: number): void {
    this.writer = new S2Writer(mode);
    this.plainBytes = plainBytes;
    this.reader = new S2Reader((buffer, start, end) => {
      this.handler.onData(buffer, start, end);
      return !this.paused && !this.done;
    });
    if (following.length === 0) return;
    this.kept.push(Buffer.from(following));
    this.inner.pause();
    this.readLater();
  }

  start(handler: TransportHandler): void {
    this.follow(handler);
    this.inner.start(this);
  }

  /** Takes the owner where the transport below was started already: whoever has done that passes on what it tells. */
  follow(handler: TransportHandler): void {
    this.handler = handler;
  }

  write(chunks: readonly Uint8Array[]): void {
    const { inner, writer } = this;
    if (writer === undefined) {
      inner.write(chunks);
      return;
    }
    const rest = this.plainBytes > 0 ? this.writePlain(chunks) : chunks;
    const pieces = writer.frame(rest);
    if (pieces.length === 0) return;
    inner.write(pieces);
    if (inner.bufferedBytes === 0) writer.reuse();
  }

  pause(): void {
    this.paused = true;
    this.inner.pause();
  }

  resume(): void {
    this.paused = false;
    if (this.nothingWaits()) this.inner.resume();
    else this.readLater();
  }

  explain(reason: string): void {
    this.inner.explain?.(reason);
  }

  end(): void {
    this.ignoreInput();
    this.inner.end();
    if (this.closeOwed) this.readLater();
  }

  destroy(): void {
    this.ignoreInput();
    this.inner.destroy();
    if (this.closeOwed) this.readLater();
  }

  // ---------------------------------------------------------------- from the transport below

  onData(chunk: Buffer, start: number, end: number): void {
    if (this.reader === undefined) this.handler.onData(chunk, start, end);
    else if (this.done) return;
    else if (this.paused || this.kept.length > 0) this.kept.push(Buffer.from(chunk.subarray(start, end)));
    else {
      const until = this.read(this.reader, chunk, start, end);
      if (until < end && !this.done) this.kept.push(Buffer.from(chunk.subarray(until, end)));
    }
  }

  onDrain(): void {
    this.handler.onDrain();
  }

  onEnd(): void {
    if (this.nothingWaits()) this.handler.onEnd();
    else this.endOwed = true;
  }

  onClose(error?: Error): void {
    // What came before an orderly end is still told, in order.
    if (error === undefined && !this.nothingWaits()) {
      this.closeOwed = true;
      return;
    }
    this.ignoreInput();
    this.handler.onClose(this.failure ?? error);
  }

  // ---------------------------------------------------------------- input that waits

  private nothingWaits(): boolean {
    return this.kept.length === 0 && !this.endOwed;
  }

  private readLater(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.clock.endOfTurn(() => {
      this.scheduled = false;
      this.readKept();
    });
  }

  private readKept(): void {
    while (this.kept.length > 0 && !this.paused && !this.done) {
      const chunk = this.kept[0];
      const until = this.read(this.reader!, chunk, 0, chunk.length);
      if (this.done) break;
      if (until < chunk.length) this.kept[0] = chunk.subarray(until);
      else this.kept.shift();
    }
    if (this.paused && !this.done) return;
    if (this.endOwed) {
      this.endOwed = false;
      this.handler.onEnd();
    }
    if (this.closeOwed) {
      this.closeOwed = false;
      this.ignoreInput();
      this.handler.onClose(this.failure);
    } else if (!this.paused && !this.done) this.inner.resume();
  }

  private read(reader: S2Reader, chunk: Buffer, start: number, end: number): number {
    try {
      return reader.feed(chunk, start, end);
    } catch (error) {
      if (!(error instanceof S2Error)) throw error;
      this.failure = error;
      this.destroy();
      return end;
    }
  }

  private ignoreInput(): void {
    this.done = true;
    this.kept = [];
    this.endOwed = false;
  }

  // Writes what is to go in the clear, and returns the rest.
  private writePlain(chunks: readonly Uint8Array[]): Uint8Array[] {
    const plain: Uint8Array[] = [];
    const rest: Uint8Array[] = [];
    for (const chunk of chunks) {
      const count = Math.min(this.plainBytes, chunk.length);
      this.plainBytes -= count;
      if (count > 0) plain.push(chunk.subarray(0, count));
      if (count < chunk.length) rest.push(chunk.subarray(count));
    }
    if (plain.length > 0) this.inner.write(plain);
    return rest;
  }
}
