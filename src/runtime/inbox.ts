// What has arrived for a transport's owner and was not handed over yet: told in order, never from inside another call, and
// held back while the owner pauses. Pipes, duplex streams and the simulated network share it.
import type { TransportHandler } from "./network.js";

export class Inbox {
  private readonly schedule: (run: () => void) => void;
  private readonly onTaken: (bytes: number) => void;
  private handler: TransportHandler | undefined;
  private chunks: Buffer[] = [];
  private held = 0;
  private scheduled = false;
  private paused = false;
  private drainOwed = false;
  private ended = false;
  private endTold = false;
  private closing = false;
  private closeTold = false;
  private error: Error | undefined;

  /** `schedule` calls its argument later, outside of every call; `onTaken` hears how many bytes the owner has just been handed. */
  constructor(schedule: (run: () => void) => void, onTaken: (bytes: number) => void = () => {}) {
    this.schedule = schedule;
    this.onTaken = onTaken;
  }

  /** Bytes that wait for the owner. */
  get heldBytes(): number {
    return this.held;
  }

  start(handler: TransportHandler): void {
    this.handler = handler;
    this.wake();
  }

  /** Takes a chunk that nobody else will change. */
  push(chunk: Buffer): void {
    if (this.closing || this.ended || chunk.length === 0) return;
    this.chunks.push(chunk);
    this.held += chunk.length;
    this.wake();
  }

  /** Everything written has been taken: onDrain is due. */
  drained(): void {
    this.drainOwed = true;
    this.wake();
  }

  /** No more will come; onEnd follows what is held. */
  end(): void {
    this.ended = true;
    this.wake();
  }

  /** The connection is gone; onClose follows what is held. */
  close(error?: Error): void {
    if (this.closing) return;
    this.closing = true;
    this.error = error;
    this.wake();
  }

  /** The connection is gone and what is held with it: onClose comes next, even to a paused owner. */
  abort(error?: Error): void {
    this.discard();
    this.ended = false;
    this.drainOwed = false;
    this.paused = false;
    this.close(error);
    this.wake();
  }

  /** Tells the owner nothing more, not even onClose. */
  silence(): void {
    this.discard();
    this.ended = false;
    this.closing = true;
    this.closeTold = true;
  }

  pause(): void {
    if (!this.closing || this.held > 0) this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.wake();
  }

  private discard(): void {
    this.chunks = [];
    this.held = 0;
  }

  private wake(): void {
    if (this.scheduled || this.closeTold || this.handler === undefined) return;
    this.scheduled = true;
    this.schedule(() => {
      this.scheduled = false;
      try {
        this.tell(this.handler!);
      } finally {
        if (!this.paused && (this.held > 0 || (this.ended && !this.endTold) || this.closing)) this.wake();
      }
    });
  }

  private tell(handler: TransportHandler): void {
    if (this.closeTold) return;
    if (this.drainOwed) {
      this.drainOwed = false;
      handler.onDrain();
    }
    // The owner may pause, or close the transport, in any of these calls.
    let next = 0;
    const chunks = this.chunks;
    try {
      while (!this.paused && this.chunks === chunks && next < chunks.length) {
        const chunk = chunks[next++];
        this.held -= chunk.length;
        handler.onData(chunk, 0, chunk.length);
        this.onTaken(chunk.length);
      }
    } finally {
      if (this.chunks === chunks) this.chunks.splice(0, next);
    }
    if (this.paused || this.held > 0) return;
    if (this.ended && !this.endTold) {
      this.endTold = true;
      handler.onEnd();
    } else if (this.closing && !this.closeTold) {
      this.closeTold = true;
      handler.onClose(this.error);
    }
  }
}
