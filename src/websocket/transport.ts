// A WebSocket as a transport: the bytes of its messages, whatever their frames, in; one binary message for each write, out
// (RFC 6455; conformance/wire, FACTS "WebSocket"). It lies over the transport that carries the frames.
import type { Clock, Timer } from "../runtime/clock.js";
import type { Transport, TransportHandler } from "../runtime/network.js";
import type { TlsSession } from "../runtime/tls.js";
import { deflateMessage } from "./deflate.js";
import { CloseCode, FrameError } from "./errors.js";
import {
  applyMask,
  COMPRESSED,
  controlFrame,
  FIN,
  headerBytes,
  MAX_CONTROL_BYTES,
  Opcode,
  writeHeader,
} from "./frame.js";
import { type FrameHandler, FrameReader } from "./frame-reader.js";
import { COMPRESS_ABOVE_BYTES, COPIED_MESSAGE_BYTES, END_MS } from "./limits.js";

export interface WebsocketOptions {
  readonly clock: Clock;
  /** Whether permessage-deflate without context takeover was agreed on. */
  readonly compression: boolean;
  /** Whether frames of the other side have to be masked. */
  readonly mustMask: boolean;
  /** Makes the mask of a frame that is sent; undefined: frames are not masked. */
  readonly nextMask?: () => number;
  /** Most bytes of a compressed message from the other side, inflated. */
  readonly maxInflatedBytes: () => number;
  /** Hears of the other side's fault before the owner hears of the end. */
  readonly failed?: (error: FrameError) => void;
  /** The code of the close frame, for the owner's reason to end. Default: an orderly close. */
  readonly closeCode?: (reason: string) => number;
}

export class WebsocketTransport implements Transport, TransportHandler, FrameHandler {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly inProcess: boolean;
  private readonly lower: Transport;
  private readonly options: WebsocketOptions;
  private readonly reader: FrameReader;
  private handler: TransportHandler | undefined;
  private reason = "";
  /** What the other side's close frame said; it is answered with the same. */
  private farewell: Buffer | undefined;
  private waitingPong: Buffer | undefined;
  private ending = false;
  private closed = false;
  private endTimer: Timer | undefined;

  /** Whoever has started `lower` passes on what that tells; nothing of it is read before `start`. */
  constructor(lower: Transport, options: WebsocketOptions) {
    this.lower = lower;
    this.options = options;
    this.remoteAddress = lower.remoteAddress;
    this.remotePort = lower.remotePort;
    this.localAddress = lower.localAddress;
    this.localPort = lower.localPort;
    this.inProcess = lower.inProcess;
    this.reader = new FrameReader(this, options);
  }

  get tls(): TlsSession | undefined {
    return this.lower.tls;
  }

  get bufferedBytes(): number {
    return this.lower.bufferedBytes;
  }

  start(handler: TransportHandler): void {
    this.handler = handler;
    this.lower.resume();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.ending || this.closed) return;
    let length = 0;
    for (let i = 0; i < chunks.length; i++) length += chunks[i].length;
    if (length === 0) return;
    if (this.options.compression && length > COMPRESS_ABOVE_BYTES) {
      deflateMessage(chunks, (pieces, bytes) => this.send(FIN | COMPRESSED | Opcode.binary, pieces, bytes));
    } else this.send(FIN | Opcode.binary, chunks, length);
  }

  pause(): void {
    this.lower.pause();
  }

  resume(): void {
    this.lower.resume();
  }

  /** Says why the owner is about to end it: the close frame tells the other side. */
  explain(reason: string): void {
    this.reason = reason;
  }

  end(): void {
    this.close(this.farewell ?? closeBody(this.options.closeCode?.(this.reason) ?? CloseCode.normal, this.reason));
  }

  destroy(): void {
    // After an error of its own it is on its way out already, with a last word.
    if (!this.ending) this.lower.destroy();
  }

  // ---------------------------------------------------------------- what the lower transport tells

  onData(chunk: Buffer, start: number, end: number): void {
    if (this.ending) return;
    try {
      this.reader.feed(chunk, start, end);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.fail(error);
    }
  }

  onDrain(): void {
    const pong = this.waitingPong;
    this.waitingPong = undefined;
    if (pong !== undefined) this.lower.write([pong]);
    this.handler?.onDrain();
  }

  onEnd(): void {
    if (!this.ending) this.handler?.onEnd();
  }

  onClose(error?: Error): void {
    this.endTimer?.cancel();
    this.reader.stop();
    if (this.closed) return;
    this.closed = true;
    this.handler?.onClose(error);
  }

  // ---------------------------------------------------------------- what the frames say

  data(chunk: Buffer, start: number, end: number): void {
    this.handler?.onData(chunk, start, end);
  }

  ping(body: Buffer): void {
    const pong = controlFrame(Opcode.pong, body, this.options.nextMask?.());
    // Of pings that come faster than answers can go, the last one is answered.
    if (this.lower.bufferedBytes > 0) this.waitingPong = pong;
    else this.lower.write([pong]);
  }

  ended(body: Buffer): void {
    this.farewell = Buffer.from(body);
    this.handler?.onEnd();
  }

  // ---------------------------------------------------------------- the end

  private fail(error: FrameError): void {
    this.options.failed?.(error);
    this.close(closeBody(error.closeCode, error.message));
    this.closed = true;
    this.handler?.onClose(error);
  }

  private close(body: Uint8Array): void {
    if (this.ending || this.closed) return;
    this.ending = true;
    this.reader.stop();
    this.lower.write([controlFrame(Opcode.close, body, this.options.nextMask?.())]);
    this.endTimer = this.options.clock.after(END_MS, () => this.lower.destroy());
    this.lower.end();
  }

  // ---------------------------------------------------------------- frames out

  // Returns whether the memory of the pieces is free again.
  private send(first: number, pieces: readonly Uint8Array[], length: number): boolean {
    const mask = this.options.nextMask?.();
    const head = headerBytes(length, mask !== undefined);
    if (mask === undefined && length > COPIED_MESSAGE_BYTES) {
      const header = Buffer.allocUnsafe(head);
      writeHeader(header, first, length, undefined);
      this.lower.write([header, ...pieces]);
      return this.lower.bufferedBytes === 0;
    }
    const frame = Buffer.allocUnsafe(head + length);
    writeHeader(frame, first, length, mask);
    let at = head;
    for (let i = 0; i < pieces.length; i++) {
      frame.set(pieces[i], at);
      at += pieces[i].length;
    }
    if (mask !== undefined) applyMask(frame, head, at, mask, 0);
    this.lower.write([frame]);
    return true;
  }
}

function closeBody(code: number, reason: string): Buffer {
  const body = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  body.writeUInt16BE(code, 0);
  body.write(reason, 2);
  return body.length <= MAX_CONTROL_BYTES ? body : body.subarray(0, 2);
}
