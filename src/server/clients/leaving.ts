// Connections that have ended and whose last output is still on its way.
import type { Connection } from "../connection.js";

export class Leaving {
  readonly #connections = new Set<Connection>();
  #allGone: (() => void) | undefined;

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  /** Its output is sent or given up. */
  gone(connection: Connection): void {
    if (this.#connections.delete(connection) && this.#connections.size === 0) this.#allGone?.();
  }

  /** Resolves when none is left. To be awaited once. */
  async allGone(): Promise<void> {
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#allGone = resolve;
    });
  }
}
