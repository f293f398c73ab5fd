// A connection inside the process, without a socket: what one end writes the other reads, in a later turn of the loop.
import type { Clock } from "./clock.js";
import { Inbox } from "./inbox.js";
import type { Transport, TransportHandler } from "./network.js";

/** What the pipe takes for a reader that is behind, as an operating system's socket buffers would. */
export const PIPE_CAPACITY_BYTES = 64 * 1024;

/** Both ends of a new pipe. Writes are copied; an end that closes lets the other read all that was written before. */
export function transportPair(clock: Clock): [Transport, Transport] {
  const a = new PipeEnd(clock);
  const b = new PipeEnd(clock);
  a.connect(b);
  b.connect(a);
  return [a, b];
}

class PipeEnd implements Transport {
  readonly remoteAddress = "";
  readonly remotePort = 0;
  readonly localAddress = "";
  readonly localPort = 0;
  readonly inProcess = true;
  private readonly inbox: Inbox;
  private other!: PipeEnd;
  /** Bytes this end has written that the other's owner was not handed yet. */
  private unread = 0;
  private drainOwed = false;
  private ending = false;
  private closed = false;

  constructor(clock: Clock) {
    this.inbox = new Inbox(
      (run) => clock.endOfTurn(run),
      (bytes) => this.other.wasRead(bytes),
    );
  }

  connect(other: PipeEnd): void {
    this.other = other;
  }

  get bufferedBytes(): number {
    return this.closed || this.other.closed ? 0 : Math.max(0, this.unread - PIPE_CAPACITY_BYTES);
  }

  start(handler: TransportHandler): void {
    this.inbox.start(handler);
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.ending || this.closed || this.other.closed) return;
    const copy = Buffer.concat(chunks);
    this.unread += copy.length;
    this.other.inbox.push(copy);
    if (this.bufferedBytes > 0) this.drainOwed = true;
  }

  pause(): void {
    this.inbox.pause();
  }

  resume(): void {
    this.inbox.resume();
  }

  end(): void {
    if (this.ending || this.closed) return;
    this.ending = true;
    this.other.inbox.end();
    if (this.bufferedBytes === 0) this.shut();
  }

  destroy(): void {
    if (this.closed) return;
    this.ending = true;
    this.other.inbox.end();
    this.shut();
  }

  private wasRead(bytes: number): void {
    this.unread -= bytes;
    if (this.closed || this.other.closed || this.bufferedBytes > 0) return;
    if (this.drainOwed) {
      this.drainOwed = false;
      this.inbox.drained();
    }
    if (this.ending) this.shut();
  }

  // The other end may still read what is on its way; there is nobody left that it could write to, so it closes after that.
  private shut(): void {
    this.closed = true;
    this.inbox.abort();
    this.other.inbox.close();
    if (this.other.ending && !this.other.closed) this.other.shut();
  }
}
