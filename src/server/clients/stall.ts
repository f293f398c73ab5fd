// Pauses of publishers for the sake of a slow subscriber: their input stops at once, for milliseconds, or until the
// subscriber has caught up. Only clients are ever paused.
import type { Clock, Timer } from "../../runtime/clock.js";
import type { Connection } from "../connection.js";
import {
  LONGEST_STALL_MS,
  RESUME_SHARE,
  SHORTEST_STALL_MS,
  STALL_PENDING_BYTES,
  STALL_SHARE_OF_PENDING,
} from "../limits.js";

export class Stalls {
  private readonly clock: Clock;
  // Paused publishers, by the subscriber they wait for.
  private readonly waiting = new Map<Connection, Map<Connection, Timer>>();
  private readonly paused = new Set<Connection>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Pauses the publisher if the subscriber is far behind; `pendingBytes` is what waits for it. Returns false when it is not,
   * or the publisher waits for it already.
   */
  consider(publisher: Connection, subscriber: Connection, pendingBytes: number, maxPendingBytes: number): boolean {
    const threshold = stallThreshold(maxPendingBytes);
    if (pendingBytes <= threshold) return false;
    let publishers = this.waiting.get(subscriber);
    if (publishers === undefined) {
      publishers = new Map();
      this.waiting.set(subscriber, publishers);
    }
    if (publishers.has(publisher)) return false;
    const fullness = Math.min(1, (pendingBytes - threshold) / Math.max(1, maxPendingBytes - threshold));
    publishers.set(
      publisher,
      this.clock.after(stallMs(fullness), () => this.resume(publisher, subscriber)),
    );
    publisher.pauseReading();
    return true;
  }

  /** The subscriber has made progress, or is gone. */
  progressed(subscriber: Connection, maxPendingBytes: number): void {
    const publishers = this.waiting.get(subscriber);
    if (publishers === undefined) return;
    if (!subscriber.closed && subscriber.pendingBytes > RESUME_SHARE * stallThreshold(maxPendingBytes)) return;
    for (const publisher of [...publishers.keys()]) this.resume(publisher, subscriber);
  }

  /** Pauses a publisher so long for a reason of its own; one that is paused like this already stays as it is. */
  pause(publisher: Connection, pauseMs: number): void {
    if (this.paused.has(publisher)) return;
    this.paused.add(publisher);
    publisher.pauseReading();
    this.clock.after(pauseMs, () => {
      this.paused.delete(publisher);
      publisher.resumeReading();
    });
  }

  private resume(publisher: Connection, subscriber: Connection): void {
    const publishers = this.waiting.get(subscriber);
    publishers?.get(publisher)?.cancel();
    if (publishers?.delete(publisher) !== true) return;
    if (publishers.size === 0) this.waiting.delete(subscriber);
    publisher.resumeReading();
  }
}

/** How long a publisher is paused: `fullness` is 0 where pauses begin, and 1 when there is no room. */
export function stallMs(fullness: number): number {
  return SHORTEST_STALL_MS + fullness * (LONGEST_STALL_MS - SHORTEST_STALL_MS);
}

function stallThreshold(maxPendingBytes: number): number {
  return Math.min(STALL_PENDING_BYTES, STALL_SHARE_OF_PENDING * maxPendingBytes);
}
