// The end of a turn of the loop: the output that it gathered is written, and publishers are paused for slow subscribers.
import type { Clock } from "../runtime/clock.js";
import type { Connection } from "./connection.js";
import { STALL_MS } from "./limits.js";

export class Turn {
  private readonly clock: Clock;
  private dirty: Connection[] = [];
  private spare: Connection[] = [];
  private stalls = new Map<Connection, Connection>();
  private scheduled = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  flushLater(connection: Connection): void {
    connection.dirty = true;
    this.dirty.push(connection);
    this.schedule();
  }

  stallLater(publisher: Connection, subscriber: Connection): void {
    this.stalls.set(publisher, subscriber);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.clock.endOfTurn(this.run);
  }

  private readonly run = (): void => {
    this.scheduled = false;
    const connections = this.dirty;
    this.dirty = this.spare;
    for (const connection of connections) {
      connection.dirty = false;
      connection.flush();
    }
    connections.length = 0;
    this.spare = connections;
    if (this.stalls.size === 0) return;
    for (const [publisher, subscriber] of this.stalls) this.stall(publisher, subscriber);
    this.stalls.clear();
  };

  private stall(publisher: Connection, subscriber: Connection): void {
    if (publisher.closed || subscriber.closed || subscriber.pendingBytes === 0) return;
    publisher.transport.pause();
    this.clock.after(STALL_MS, () => {
      if (!publisher.closed) publisher.transport.resume();
    });
  }
}
