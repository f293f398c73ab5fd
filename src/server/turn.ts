// The end of a turn of the loop: the output that it gathered is written, and publishers that were paused for a slow
// subscriber get their time.
import type { Clock } from "../runtime/clock.js";
import type { Connection } from "./connection.js";

export class Turn {
  private readonly clock: Clock;
  private dirty: Connection[] = [];
  private spare: Connection[] = [];
  private scheduled = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Writes the connection's output when the input of this turn is handled. */
  flushLater(connection: Connection): void {
    connection.dirty = true;
    this.dirty.push(connection);
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
      try {
        connection.flush();
      } catch (error) {
        connection.failed(error);
      }
    }
    connections.length = 0;
    this.spare = connections;
  };
}
