// A connection from its first byte to the end of its upgrade request, bounded in size and time; what comes after that is
// for the WebSocket.
import type { Clock, Timer } from "../runtime/clock.js";
import type { Transport, TransportHandler } from "../runtime/network.js";
import { MAX_REQUEST_HEAD_BYTES } from "./limits.js";
import { headEnd, RequestError, type RequestHead, readRequestHead } from "./request-head.js";

export interface HandshakeOwner {
  /**
   * A request has come whole. Returns who hears of what follows, if it became a WebSocket; otherwise `transport` was ended.
   * @throws {RequestError} it is refused
   */
  requested(head: RequestHead, transport: Transport): TransportHandler | undefined;
  /** `head` is undefined where the request makes no sense; the owner answers and ends the transport. */
  refused(error: RequestError, transport: Transport, head: RequestHead | undefined): void;
  /** The handshake is over, in whatever way. */
  over(handshake: Handshake): void;
}

export class Handshake implements TransportHandler {
  private readonly transport: Transport;
  private readonly owner: HandshakeOwner;
  private timer: Timer | undefined;
  private seen: Buffer | undefined;
  private seenBytes = 0;
  private next: TransportHandler | undefined;
  private isOver = false;

  constructor(transport: Transport, owner: HandshakeOwner, clock: Clock, timeoutMs: number) {
    this.transport = transport;
    this.owner = owner;
    this.timer = clock.after(timeoutMs, () => this.abort());
  }

  /** Ends the connection without a word. */
  abort(): void {
    this.finish();
    this.transport.destroy();
  }

  onData(chunk: Buffer, start: number, end: number): void {
    if (this.next !== undefined) this.next.onData(chunk, start, end);
    else if (!this.isOver) this.collect(chunk.subarray(start, end));
  }

  onDrain(): void {
    this.next?.onDrain();
  }

  onEnd(): void {
    if (this.next !== undefined) this.next.onEnd();
    else if (!this.isOver) this.abort();
  }

  onClose(error?: Error): void {
    this.finish();
    this.next?.onClose(error);
  }

  private collect(part: Buffer): void {
    const before = this.seenBytes;
    const bytes = this.append(part);
    // The empty line may have begun in the part before.
    const end = headEnd(bytes, Math.max(0, before - 2));
    if (end === 0 && bytes.length <= MAX_REQUEST_HEAD_BYTES) return;
    this.finish();
    this.decide(bytes, end);
  }

  private decide(bytes: Buffer, end: number): void {
    const { owner, transport } = this;
    let head: RequestHead | undefined;
    try {
      if (end === 0) throw new RequestError(431, "request header too large");
      head = readRequestHead(bytes.subarray(0, end));
      if (bytes.length > end) throw new RequestError(0, "client sent data before handshake is complete");
      this.next = owner.requested(head, transport);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      owner.refused(error, transport, head);
    }
  }

  private append(part: Buffer): Buffer {
    const needed = this.seenBytes + part.length;
    if (this.seen === undefined || needed > this.seen.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.seenBytes));
      this.seen?.copy(larger, 0, 0, this.seenBytes);
      this.seen = larger;
    }
    part.copy(this.seen, this.seenBytes);
    this.seenBytes = needed;
    return this.seen.subarray(0, needed);
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timer?.cancel();
    this.timer = undefined;
    this.seen = undefined;
    this.owner.over(this);
  }
}
