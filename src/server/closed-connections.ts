// The connections that have gone, the last `max_closed_clients` of them, for monitoring.
import type { ConnectionStatus } from "./connection-status.js";

export class ClosedConnections {
  readonly #capacity: number;
  readonly #ring: ConnectionStatus[] = [];
  #next = 0;

  /** Remembers this many; 0 or below: none. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Remembers a connection, in place of the oldest one when there is no more room. */
  add(connection: ConnectionStatus): void {
    if (this.#capacity <= 0) return;
    this.#ring[this.#next] = connection;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  get size(): number {
    return this.#ring.length;
  }

  /** The oldest first. */
  list(): ConnectionStatus[] {
    if (this.#ring.length < this.#capacity) return [...this.#ring];
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }
}
